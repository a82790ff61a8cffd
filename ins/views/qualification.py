"""Record the document that a person showed, or that there was none."""

from django.http import HttpRequest, HttpResponse

from ins.forms import REPONSES, SANS_PIECE, QualifierForm
from ins.rules.pieces import shown
from ins.selectors import is_blocked
from ins.services import qualification
from ins.views.commun import (
    acteur_of,
    close_dialog,
    file_rows,
    first_error,
    render_dialog,
    sujet_of,
)
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee


@http_methods(read=("GET",), write=("POST",), droit="ins.qualifier")
def qualifier(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: which document, and what it shows. POST: recorded, the status follows."""
    vente, patient = sujet_of(request, vente_id)
    acteur = acteur_of(request)
    if request.method == "GET":
        audit.note(acteur, "ins.qualifier.voir", f"vente:{vente.pk}", patient)
        return _render_qualifier(request, vente, patient)
    form = QualifierForm(request.POST)
    if not form.is_valid():
        return _render_qualifier(request, vente, patient, first_error(form))
    try:
        qualification.qualify(acteur, patient.pk, _controle(form))
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        patient.refresh_from_db()
        return _render_qualifier(request, vente, patient, f"{exc.phrase} ({exc.code})")
    audit.note(acteur, "ins.controle", f"vente:{vente.pk}", patient)
    return close_dialog(request, vente_id)


def _controle(form: QualifierForm) -> qualification.Controle:
    return qualification.Controle(
        reponse=form.cleaned_data["reponse"],
        traits_version=form.cleaned_data["traits_version"],
        piece=form.cleaned_data["piece"],
    )


def _render_qualifier(
    request: HttpRequest, vente: Vente, patient: Patient, erreur: str = ""
) -> HttpResponse:
    return render_dialog(
        request,
        "ins/_qualifier.html",
        {
            "vente": vente,
            "patient": patient,
            "lignes": file_rows(patient),
            "pieces": shown(),
            "reponses": [
                {"code": code, "libelle": libelle, "effet": _effect(code, patient)}
                for code, libelle in REPONSES
            ],
            "sans_piece": [
                {"code": code, "libelle": libelle, "effet": _effect(code, patient)}
                for code, libelle in SANS_PIECE
            ],
            "bloquee": is_blocked(patient),
            "donnees": request.POST,
            "erreur": erreur,
        },
    )


def _effect(code: str, patient: Patient) -> str:
    """Return what an answer will do, in words, for this identity."""
    avec_ins = bool(patient.ins_empreinte)
    return {
        "conforme": "L'identité devient qualifiée : le matricule INS peut sortir."
        if avec_ins
        else "L'identité devient validée. L'INS reste à récupérer.",
        "differente": "L'identité n'est pas qualifiée, le matricule ne sort pas. La personne fait "
        "corriger son état civil.",
        "douteuse": "L'identité devient douteuse : INS retirée, plus d'appel à INSi.",
        "aucune": "Rien ne change. La question revient aux prochaines délivrances.",
        "refusee": "Rien ne change. La question n'est plus posée ; ² Q la reprend.",
    }[code]
