"""`/dev/composants`: each component in each state; our visual test. Not in production."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from pharmacy.forms import PatientForm
from pharmacy.http import http_methods

ETATS_ENVOI = (
    {"etat": "a_envoyer"},
    {"etat": "en_vol"},
    {"etat": "envoye"},
    {"etat": "refuse"},
    {"etat": "incertain"},
    {"etat": "abandonne"},
)
PATIENTS = (
    {"statut": "PROV"},
    {"statut": "RECUP"},
    {"statut": "VALI"},
    {"statut": "QUAL"},
    {"statut": "PROV", "attr_douteux": True},
    {"statut": "QUAL", "attr_homonyme": True},
    {"statut": "PROV", "attr_fictif": True},
)
OPERATIONS = ("consulter", "relire", "regulariser", "ouvrir", "liberer", "executer", "annuler")
SERVICES = ("insi", "insi_lots", "epu", "dmp", "mssante", "psc")


@http_methods(read=("GET",), droit="session")
def composants(request: HttpRequest) -> HttpResponse:
    """Every component, with invented people only."""
    if settings.ENVIRONNEMENT == "production":
        raise Http404
    return render(
        request,
        "dev/composants.html",
        {
            "vide": PatientForm(),
            "faux": PatientForm({"nom_naissance": "", "date_naissance": "32/12/1975"}),
            "envois": ETATS_ENVOI,
            "patients": PATIENTS,
            "operations": [*(f"ordonnance.{nom}" for nom in OPERATIONS), "ins.verifier_lot"],
            "services": SERVICES,
        },
    )
