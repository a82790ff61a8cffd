"""Patients: one field, results while typing; creating comes after having looked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.forms import PatientForm
from pharmacy.http import http_methods, read_id
from pharmacy.models import Patient
from pharmacy.selectors.patient import patient_search
from pharmacy.services import patient as service
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), write=("POST",), droit="patient.lire")
def liste(request: HttpRequest) -> HttpResponse:
    """J patients: search in the officine's files, by POST: no trait in an address (SEC-08)."""
    saisie = request.POST.get("q", "")
    acteur = _acteur(request)
    trouves = patient_search(acteur, saisie)
    if saisie:
        audit.note(acteur, "patient.chercher", resultat=trouves.bilan)
    gabarit = (
        "pharmacy/_patients_liste.html"
        if request.headers.get("HX-Request")
        else "pharmacy/patients.html"
    )
    return render(request, gabarit, {"trouves": trouves, "q": saisie})


@http_methods(read=("GET",), droit="patient.lire")
def fiche(request: HttpRequest, patient_id: int) -> HttpResponse:
    """One file: traits, status, history."""
    acteur = _acteur(request)
    patient = Patient.objects.filter(pk=patient_id, officine_id=acteur.officine_id).first()
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    audit.note(acteur, "patient.ouvrir", f"patient:{patient.pk}", patient)
    return render(request, "pharmacy/fiche.html", {"patient": patient})


@http_methods(read=("GET",), write=("POST",), droit="patient.creer")
def creer(request: HttpRequest) -> HttpResponse:
    """A new file; in a sale, the new patient is chosen at once."""
    acteur = _acteur(request)
    vente_id = read_id(request.POST.get("vente") or request.GET.get("vente"))
    form = PatientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        patient = service.patient_create(acteur, form.save(commit=False), vente_id)
        if vente_id:
            return aller(request, f"/vente/{vente_id}/")
        return aller(request, f"/patients/{patient.pk}/")
    statut = 422 if request.method == "POST" else 200
    gabarit = (
        "pharmacy/_patient_creer.html"
        if request.headers.get("HX-Request")
        else "pharmacy/patient_creer.html"
    )
    return render(request, gabarit, {"form": form, "vente_id": vente_id}, status=statut)
