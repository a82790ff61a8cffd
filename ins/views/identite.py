"""Compare INSi's answer with the file, trait by trait; accept or refuse it; ask again."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from ins.forms import DecisionForm
from ins.models import AppelInsi
from ins.rules.dates import parse_birth
from ins.selectors import (
    Comparaison,
    compare,
    dossier_alike,
    dossier_of_ins,
    envois_transmis,
    individu_of,
    piece_active,
    traits_received,
)
from ins.services import acceptation, appels
from ins.services.acceptation import Choix
from ins.views.commun import (
    TRAITS,
    acteur_of,
    compared_rows,
    first_error,
    render_dialog,
    trait_rows,
)
from ins.views.sujet import Sujet, get_sujet, leave
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def identite(request: HttpRequest, vente_id: int = 0, patient_id: int = 0) -> HttpResponse:
    """GET: traits of the file and of INSi side by side. POST: accepted, or refused and why."""
    sujet = get_sujet(request, vente_id, patient_id)
    appel = sujet.appel()
    if sujet.patient is None and appel is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    acteur = acteur_of(request)
    if request.method == "GET":
        audit.note(acteur, "ins.voir", sujet.nom, sujet.patient)
        return _render(request, sujet, appel)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _render(request, sujet, appel, first_error(form))
    try:
        _answer(request, sujet, form.cleaned_data)
    except VenteRefusee as exc:
        if exc.code not in {"INS-013", "INS-017", "INS-018"}:
            raise
        return _render(request, sujet, appel, f"{exc.phrase} ({exc.code})")
    audit.note(acteur, "ins.repondre", sujet.nom, sujet.patient)
    return leave(request, sujet)


def _answer(request: HttpRequest, sujet: Sujet, lu: dict[str, Any]) -> None:
    """Do what was answered: about a file, or about somebody the officine does not know yet."""
    acteur, appel_id, reponse = acteur_of(request), lu["appel"], lu["reponse"]
    if sujet.patient is None:
        vente_id = sujet.vente.pk if sujet.vente else 0
        if reponse == "creer":
            acceptation.create(acteur, appel_id, vente_id)
        elif reponse == "prendre":
            acceptation.attach(acteur, appel_id, lu["dossier"] or 0, vente_id)
        else:
            acceptation.discard(acteur, appel_id, vente_id, reponse)
        return
    _check_own_call(request, appel_id, sujet.patient)
    if reponse == "douteuse":
        acceptation.doubt(acteur, appel_id)
        return
    accepter = reponse == "accepter"
    traits = {nom: request.POST.get(f"trait-{nom}", "") for nom, _ in TRAITS}
    choix = Choix(accepter, "" if accepter else reponse, traits, garder_nom=lu["garder_nom"])
    acceptation.decide(acteur, appel_id, choix)


def _check_own_call(request: HttpRequest, appel_id: int, patient: Patient) -> None:
    """Refuse an answer about another patient than the one of the screen."""
    if not AppelInsi.objects.filter(
        pk=appel_id, officine_id=acteur_of(request).officine_id, patient=patient
    ).exists():
        raise VenteRefusee("Cette réponse n'existe pas pour ce patient.", "INS-404")


def _render(
    request: HttpRequest, sujet: Sujet, appel: AppelInsi | None, erreur: str = ""
) -> HttpResponse:
    attend = appel is not None and appel.decision == AppelInsi.Decision.EN_ATTENTE
    contexte: dict[str, Any] = {
        "vente": sujet.vente,
        "patient": sujet.patient,
        "liens": sujet.liens,
        "appel": appel,
        "motifs": list(acceptation.MOTIFS_REFUS.items()),
        "erreur": erreur,
        "comparaison": None,
        "lignes": trait_rows(sujet.patient) if sujet.patient else [],
    }
    if appel is None or not attend:
        return render_dialog(request, "ins/_identite.html", contexte)
    if sujet.patient is None:
        return render_dialog(request, "ins/_inconnu.html", contexte | _found(appel))
    comparaison = compare(appel, sujet.patient)
    if comparaison is not None:
        contexte |= _compared(request, comparaison, sujet.patient)
    return render_dialog(request, "ins/_identite.html", contexte)


def _compared(request: HttpRequest, comparaison: Comparaison, patient: Patient) -> dict[str, Any]:
    choisis = {nom: request.POST.get(f"trait-{nom}", "") for nom, _ in TRAITS}
    ancien = comparaison.ancien_matricule and comparaison.acceptable
    return {
        "comparaison": comparaison,
        "lignes": compared_rows(comparaison, choisis),
        "ecarts": len(comparaison.ecarts_traits),
        "apres": _after(patient),
        "date_brute": _odd_date(comparaison.individu.naissance),
        "transmis": list(envois_transmis(patient)) if ancien else [],
        "garder_nom": "nom_naissance" in comparaison.ecarts_traits and not patient.nom_utilise,
    }


def _found(appel: AppelInsi) -> dict[str, Any]:
    """Return who INSi found for nobody's file yet, and the files that may already be theirs."""
    individu = individu_of(appel)
    if individu is None:
        return {"lignes": [], "porteur": None, "proche": None, "date_brute": ""}
    recu = traits_received(individu, "")
    porteur = dossier_of_ins(appel.officine_id, individu)
    return {
        "lignes": trait_rows(recu),
        "porteur": porteur,
        "proche": None if porteur else dossier_alike(appel.officine_id, individu),
        "date_brute": _odd_date(individu.naissance),
    }


def _odd_date(brute: str) -> str:
    """Return a birth date of INSi that is not of the calendar, as it gave it (cases 38, 39)."""
    lue = parse_birth(brute)
    return brute if lue is not None and lue.interpretee else ""


def _after(patient: Patient) -> str:
    """Return what accepting will do, in words."""
    if piece_active(patient) is not None:
        return (
            "Les traits d'INSi remplacent ceux du dossier ; la pièce déjà vue est comparée à eux."
        )
    return "Les traits d'INSi remplacent ceux du dossier. Il restera à contrôler une pièce."


@http_methods(write=("POST",), droit="ins.appeler")
def relancer(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Ask INSi, or ask again."""
    sujet = get_sujet(request, vente_id, 0)
    appels.retry(acteur_of(request), vente_id)
    audit.note(acteur_of(request), "ins.relancer", sujet.nom, sujet.patient)
    return leave(request, sujet)
