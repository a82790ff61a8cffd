"""The identity of a patient, out of or from a sale."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ins.fiche import read_fiche
from ins.views.commun import acteur_of, patient_of, trait_rows
from pharmacy import audit
from pharmacy.http import http_methods, read_id
from pharmacy.services.vente import vente_current


@http_methods(read=("GET",), droit="patient.lire")
def fiche(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Traits, status, evidence, calls, former INS, story, tasks, acts, and what may go out."""
    acteur, patient = acteur_of(request), patient_of(request, patient_id)
    contexte = read_fiche(acteur, patient, en_clair="matricules" in request.GET)
    audit.note(
        acteur,
        "ins.fiche",
        f"patient:{patient.pk}",
        patient,
        precision="matricules" if contexte["en_clair"] else "",
    )
    vente = vente_current(acteur)
    depuis_vente = vente is not None and read_id(request.GET.get("vente")) == vente.pk
    retour = (
        reverse("vente", kwargs={"vente_id": vente.pk})
        if vente is not None and depuis_vente
        else reverse("patient", kwargs={"patient_id": patient.pk})
    )
    return render(
        request,
        "ins/fiche.html",
        contexte
        | {
            "patient": patient,
            "lignes": trait_rows(patient),
            "comparaison": None,
            "retour": retour,
            "depuis_vente": depuis_vente,
        },
    )
