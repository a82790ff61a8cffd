"""Patients: one field, results while typing; creating comes after having looked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
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
    return render(
        request,
        "pharmacy/fiche.html",
        {"patient": patient, "peut_journal": peut(acteur, "journal.lire").ok},
    )


@http_methods(read=("GET",), write=("POST",), droit="patient.creer")
def creer(request: HttpRequest) -> HttpResponse:
    """A new file; in a sale, the new patient is chosen at once."""
    acteur = _acteur(request)
    vente_id = read_id(request.POST.get("vente") or request.GET.get("vente"))
    form = PatientForm(request.POST or None)
    memes: list[Patient] = []
    if request.method == "POST" and form.is_valid():
        memes = _unseen(request, acteur, form)
    if request.method == "POST" and form.is_valid() and not memes:
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
    if memes:  # the focus goes to the file that exists, which is what Entrée takes
        form.fields["nom_naissance"].widget.attrs.pop("autofocus", None)
    contexte = {"form": form, "vente_id": vente_id, "memes": memes}
    return render(request, gabarit, contexte, status=statut)


def _unseen(request: HttpRequest, acteur: Acteur, form: PatientForm) -> list[Patient]:
    """Return the files that carry these traits, until whoever creates answers that they saw them.

    Nobody creates without this search: ins.md §2.5 (T1, guard), §2.9.
    """
    lu = form.cleaned_data
    traits = service.Traits(
        lu["nom_naissance"], lu["nom_utilise"], lu["premier_prenom"], lu["date_naissance"]
    )
    memes = service.patients_same(acteur.officine_id, traits)
    vus = set(request.POST.getlist("vu"))
    return memes if {str(patient.pk) for patient in memes} - vus else []
