"""Compare INSi's answer with the file, accept or refuse it; ask again."""

from django.http import HttpRequest, HttpResponse

from ins.forms import DecisionForm
from ins.models import AppelInsi
from ins.selectors import appel_last, compare, piece_active
from ins.services import acceptation, appels
from ins.views.commun import (
    acteur_of,
    close_dialog,
    compared_rows,
    file_rows,
    first_error,
    render_dialog,
    sujet_of,
)
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def identite(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: traits of the file and of INSi side by side. POST: accepted, or refused and why."""
    vente, patient = sujet_of(request, vente_id)
    acteur = acteur_of(request)
    if request.method == "GET":
        audit.note(acteur, "ins.voir", f"vente:{vente.pk}", patient)
        return _render_identite(request, vente, patient)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _render_identite(request, vente, patient, first_error(form))
    reponse = form.cleaned_data["reponse"]
    _check_own_call(acteur, form.cleaned_data["appel"], patient)
    acceptation.decide(
        acteur,
        form.cleaned_data["appel"],
        accepter=reponse == "accepter",
        motif="" if reponse == "accepter" else reponse,
    )
    audit.note(acteur, "ins.repondre", f"vente:{vente.pk}", patient)
    return close_dialog(request, vente_id)


def _check_own_call(acteur: Acteur, appel_id: int, patient: Patient) -> None:
    """Refuse an answer about another patient than the one of the sale."""
    if not AppelInsi.objects.filter(
        pk=appel_id, officine_id=acteur.officine_id, patient=patient
    ).exists():
        raise VenteRefusee("Cette réponse n'existe pas pour ce patient.", "INS-404")


def _render_identite(
    request: HttpRequest, vente: Vente, patient: Patient, erreur: str = ""
) -> HttpResponse:
    appel = appel_last(patient)
    comparaison = None
    if appel is not None and appel.decision == AppelInsi.Decision.EN_ATTENTE:
        comparaison = compare(appel, patient)
    return render_dialog(
        request,
        "ins/_identite.html",
        {
            "vente": vente,
            "patient": patient,
            "appel": appel,
            "comparaison": comparaison,
            "lignes": compared_rows(comparaison) if comparaison else file_rows(patient),
            "motifs": list(acceptation.MOTIFS_REFUS.items()),
            "apres": _after(patient),
            "erreur": erreur,
        },
    )


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
    vente, patient = sujet_of(request, vente_id)
    appels.retry(acteur_of(request), vente.pk)
    audit.note(acteur_of(request), "ins.relancer", f"vente:{vente.pk}", patient)
    return close_dialog(request, vente_id)
