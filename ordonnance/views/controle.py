"""The « contrôle d'ordonnance »: differences, answers, validation (steps 9 to 11)."""

from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse

from ordonnance.forms import ReponseIllisible, read_answers
from ordonnance.models import OrdonnanceNumerique
from ordonnance.panneau import LigneAffichee, line_list
from ordonnance.rules.controle import MOTS, SIGNES, Ecart
from ordonnance.rules.transmission import ReponseEcart
from ordonnance.scan import sign_suite
from ordonnance.selectors import Dossier, dossier_of
from ordonnance.services import correction, validation
from ordonnance.services.confirmation import is_number_due
from ordonnance.services.rattachement import RATTACHABLES
from ordonnance.services.validation import ControleChange, ControleIncomplet
from ordonnance.views.commun import acteur_of, close_dialogue, numerique_of, vente_of
from pharmacy import audit
from pharmacy.acteurs import peut
from pharmacy.http import http_methods, render_dialogue
from pharmacy.models import Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import open_dialogue
from teleservices.assertions import is_signed


@dataclass(frozen=True)
class EcartAffiche:
    """A difference as the sheet shows it: both sides, its answer."""

    ecart: Ecart
    signe: str
    mot: str
    ligne: LigneAffichee | None
    reponse: ReponseEcart
    manque: str

    @property
    def motif(self) -> str:
        """The reason chosen, or the one proposed."""
        return self.reponse.motif or self.ecart.regle.defaut

    @property
    def est_a_repondre(self) -> bool:
        """Whether a person must still answer: the focus starts there."""
        sans_accord = self.ecart.regle.accord and self.reponse.accord_date is None
        return bool(self.manque) or (self.ecart.exige_motif and (not self.motif or sans_accord))


@http_methods(read=("GET",), write=("POST",), droit="ordonnance.lire")
def controle(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """GET: the sheet. POST: answers kept, then the control validated or what is still asked."""
    vente = vente_of(request, vente_id)
    numerique = numerique_of(request, vente_id, numerique_id)
    if request.method == "GET":
        if is_number_due(numerique):
            return open_dialogue(
                request, f"/vente/{vente_id}/ordonnance/{numerique.pk}/renouvellement/"
            )
        audit.note(acteur_of(request), "ordonnance.controle", f"on:{numerique.pk}")
        return _render(request, vente, numerique)
    refus = _keep(request, numerique, vente)
    if refus is not None:
        return refus
    try:
        if numerique.etat == "a_corriger":
            correction.validate_again(acteur_of(request), numerique.pk)
        else:
            validation.validate(acteur_of(request), numerique.pk, request.POST.get("vu"))
    except ControleIncomplet as exc:
        return _render(request, vente, numerique, exc.manques)
    except ControleChange:
        return _render(request, vente, numerique, change=True)
    acteur = acteur_of(request)
    part = "l'exécution part" if is_signed(acteur, "epu") else "l'exécution est gardée"
    suite = sign_suite(acteur, f"Contrôle validé : {part}", focus="End")
    if "a-regulariser" in request.headers.get("HX-Current-URL", ""):
        suite = replace(suite, signer=None, aller="/ordonnances/a-regulariser/")
    return close_dialogue(request, vente_id, suite)


@http_methods(write=("POST",), droit="ordonnance.lire")
def reponses(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Keep the answers given so far, without validating."""
    vente = vente_of(request, vente_id)
    numerique = numerique_of(request, vente_id, numerique_id)
    return _keep(request, numerique, vente) or HttpResponse(status=204)


def _keep(
    request: HttpRequest, numerique: OrdonnanceNumerique, vente: Vente
) -> HttpResponse | None:
    dossier = _dossier(numerique, vente)
    try:
        lues = read_answers(request.POST, dossier.ecarts)
    except ReponseIllisible as exc:
        return _render(request, vente, numerique, {exc.cle: exc.phrase})
    if lues:
        validation.save_answers(acteur_of(request), numerique.pk, lues)
    return None


def _is_repeated(ecarts: tuple[Ecart, ...], indice: int) -> bool:
    """Tell whether a difference that asks nothing was already said for another box of its line."""
    ecart = ecarts[indice]
    memes = {(e.code, e.id_ligne, e.phrase) for e in ecarts[:indice]}
    return not ecart.exige_motif and (ecart.code, ecart.id_ligne, ecart.phrase) in memes


def _dossier(numerique: OrdonnanceNumerique, vente: Vente) -> Dossier:
    dossier = dossier_of(numerique, vente)
    if dossier is None:
        raise VenteRefusee("Cette ordonnance n'est pas encore récupérée.", "ORD-006")
    return dossier


def _render(
    request: HttpRequest,
    vente: Vente,
    numerique: OrdonnanceNumerique,
    manques: dict[str, str] | None = None,
    *,
    change: bool = False,
) -> HttpResponse:
    acteur = acteur_of(request)
    dossier = _dossier(numerique, vente)
    lignes = {ligne.ligne.id: ligne for ligne in line_list(dossier)}
    demandes = manques if manques is not None else {}
    ecarts = [
        EcartAffiche(
            ecart=ecart,
            signe=SIGNES[ecart.severite],
            mot=MOTS[ecart.severite],
            ligne=lignes.get(ecart.id_ligne or ""),
            reponse=dossier.reponses.get(ecart.cle) or ReponseEcart(),
            manque=demandes.get(ecart.cle, ""),
        )
        for rang, ecart in enumerate(dossier.ecarts)
        if not _is_repeated(dossier.ecarts, rang)
    ]
    premier = next((e.ecart.cle for e in ecarts if e.est_a_repondre), "")
    avec = {ecart.id_ligne for ecart in dossier.ecarts}
    return render_dialogue(
        request,
        "ordonnance/_controle.html",
        {
            "vente": vente,
            "numerique": numerique,
            "ecarts": ecarts,
            "premier": premier,
            "produits": dossier.produits,
            "modifiable": numerique.etat in RATTACHABLES,
            "vu": dossier.empreinte,
            "change": change,
            "conformes": [x for x in lignes.values() if x.ligne.id not in avec and x.servies],
            "non_verifiables": dossier.non_verifiables,
            "manques": demandes,
            "bloque": any(
                e.ecart.severite == "BLOQUANT" and not e.ecart.regle.choix for e in ecarts
            ),
            "peut_valider": peut(acteur, "ordonnance.executer").ok,
            "peut_lever": peut(acteur, "ordonnance.lever_bloquant").ok,
        },
        status=409 if change else 422 if manques else 200,
    )
