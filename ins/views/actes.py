"""One act on an identity, with its reason: what it will do is said before."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ins.actes import PAR_SLUG, Acte
from ins.forms import ActeForm
from ins.services.habilitations import check_identite
from ins.views.commun import acteur_of, first_error, patient_of, render_dialog
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller


@http_methods(read=("GET",), write=("POST",), droit="patient.lire")
def acte(request: HttpRequest, patient_id: int, acte: str) -> HttpResponse:
    """GET: what the act does, and the reason asked. POST: done, or why not."""
    patient, demande = patient_of(request, patient_id), _acte(acte)
    acteur = acteur_of(request)
    check_identite(acteur, demande.droit)
    if request.method == "GET":
        audit.note(acteur, "ins.acte.voir", f"patient:{patient.pk}", patient, precision=acte)
        return _render(request, patient, demande)
    form = ActeForm(request.POST)
    if not form.is_valid():
        return _render(request, patient, demande, first_error(form))
    lu = form.cleaned_data
    try:
        demande.faire(acteur, patient_id, lu["motif"], lu["jour"])
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render(request, patient, demande, f"{exc.phrase} ({exc.code})")
    return aller(request, reverse("ins_fiche", kwargs={"patient_id": patient_id}))


def _acte(slug: str) -> Acte:
    if slug not in PAR_SLUG:
        raise VenteRefusee("Cet acte n'existe pas.", "INS-404")
    return PAR_SLUG[slug]


def _render(request: HttpRequest, patient: Patient, acte: Acte, erreur: str = "") -> HttpResponse:
    return render_dialog(
        request,
        "ins/_acte.html",
        {
            "vente": None,
            "patient": patient,
            "acte": acte,
            "titre": acte.title_for(patient),
            "effet": acte.effect_for(patient),
            "donnees": request.POST,
            "erreur": erreur,
        },
    )
