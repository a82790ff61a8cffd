"""Who this sale is for, among the persons of an appli carte Vitale; the rights, asked again."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from ins.rules.traits import comparison_key
from ins.selectors_apcv import Situation
from ins.services import apcv_choix
from ins.services import droits as service_droits
from ins.services.apcv_choix import Choix, contexte_open
from ins.views.commun import TRAITS, acteur_of, close_dialog, render_dialog, vente_of
from pharmacy import audit
from pharmacy.http import http_methods, read_id
from pharmacy.models import Vente
from pharmacy.rendu import render_fragment


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def apcv(request: HttpRequest, vente_id: int, contexte_id: int) -> HttpResponse:
    """GET: the persons, none preselected unless alone. POST: the one chosen, or what to look at."""
    vente, acteur = vente_of(request, vente_id), acteur_of(request)
    if request.method == "GET":
        contexte, lu = contexte_open(acteur, vente, contexte_id)
        audit.note(acteur, "ins.apcv.voir", f"apcv:{contexte.pk}")
        personnes = [person_shown(b) for b in lu.beneficiaires]
        return render_dialog(
            request,
            "ins/_apcv.html",
            {"vente": vente, "contexte": contexte, "personnes": personnes, "erreur": ""},
        )
    if request.POST.get("douter") == "oui":
        apcv_choix.doubt(acteur, vente, contexte_id, read_id(request.POST.get("numero")))
        return close_dialog(request, vente_id)
    choix = Choix(
        numero=read_id(request.POST.get("numero")),
        confirme=request.POST.get("confirme") == "oui",
        traits_version=read_id(request.POST.get("traits_version")),
    )
    situation = apcv_choix.choose(acteur, vente, contexte_id, choix)
    if situation is None:
        return close_dialog(request, vente_id)
    audit.note(acteur, "ins.apcv.comparer", f"apcv:{contexte_id}", situation.dossier)
    return render_dialog(request, "ins/_apcv_confirmer.html", _shown(vente, contexte_id, situation))


def person_shown(beneficiaire: Any) -> dict[str, Any]:  # noqa: ANN401 - the codec's own dataclass
    """Return a person as the screen names them: birth name first, used name when it differs."""
    traits = beneficiaire.ins.traits if beneficiaire.ins is not None else None
    brut = beneficiaire.naissance
    naissance = traits.nom_naissance if traits else beneficiaire.nom_patronymique
    nom = naissance or beneficiaire.nom_usuel
    return {
        "numero": beneficiaire.numero,
        "nom": nom,
        "prenom": traits.premier_prenom if traits else beneficiaire.prenom,
        "prenoms": traits.prenoms_naissance if traits else beneficiaire.prenom,
        "usuel": beneficiaire.nom_usuel if beneficiaire.nom_usuel != nom else "",
        "jour": traits.date_naissance if traits else None,
        "brut": f"{brut[6:]}/{brut[4:6]}/{brut[:4]}",
        "sexe": {"F": "Féminin", "M": "Masculin"}.get(traits.sexe, "") if traits else "",
        "feminin": traits is not None and traits.sexe == "F",
        "assure": beneficiaire.qualite in {"0", "00"},
        "ins": traits is not None,
        "rang": beneficiaire.rang,
    }


def _shown(vente: Vente, contexte_id: int, situation: Situation) -> dict[str, Any]:
    dossier = situation.dossier
    return {
        "vente": vente,
        "contexte_id": contexte_id,
        "situation": situation,
        "personne": person_shown(situation.beneficiaire),
        "traits_version": dossier.traits_version if dossier is not None else 0,
        "lignes": _traits_rows(situation) if situation.ecarts else [],
        "autres": _other_rows(situation),
        "erreur": "",
    }


def _traits_rows(situation: Situation) -> list[dict[str, Any]]:
    """Return file and appli side by side, and in words how each trait stands."""
    lignes = []
    for nom, libelle in TRAITS:
        local, recu = getattr(situation.local, nom), getattr(situation.recu, nom)
        ecart = nom in situation.ecarts
        lignes.append({"libelle": libelle, "local": local, "recu": recu, "ecart": ecart})
        meme = comparison_key(str(local)) == comparison_key(str(recu))
        lignes[-1]["signe"] = (
            "≠ différent" if ecart else "= identique" if meme else "+ ajouté" if not local else "≈"
        )
    return lignes


def _other_rows(situation: Situation) -> list[dict[str, Any]]:
    """Return the person of the sale beside the one chosen: names, birth, number (agent.md §3.2)."""
    autre, porteur = situation.autre, situation.porteur
    if autre is None:
        return []
    personne = person_shown(situation.beneficiaire)
    paires = (
        ("Nom de naissance", autre.nom_naissance, personne["nom"]),
        ("Prénoms", autre.prenoms_naissance or autre.premier_prenom, personne["prenoms"]),
        ("Date de naissance", autre.date_naissance, personne["jour"] or personne["brut"]),
        ("N° de sécurité sociale", str(autre.nir_assure), porteur.nir_assure),
    )
    return [
        {"libelle": libelle, "local": a, "recu": b, "ecart": str(a) != str(b)}
        for libelle, a, b in paires
    ]


@http_methods(read=("GET",), droit="vente")
def droits(request: HttpRequest, vente_id: int) -> HttpResponse:
    """The panel « Carte et droits », asked again when its time has moved."""
    fragment = render_fragment("droits", vente_of(request, vente_id), acteur_of(request))
    return HttpResponse(fragment.html if fragment else "")


@http_methods(write=("POST",), droit="ins.appeler")
def droits_demander(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Ask the rights, or ask again."""
    service_droits.consult(acteur_of(request), vente_of(request, vente_id).pk)
    return close_dialog(request, vente_id)
