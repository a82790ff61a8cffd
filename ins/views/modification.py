"""Type the strict traits: after a warning of what is lost, and why."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ins.forms import ModificationForm
from ins.rules.pieces import PIECES
from ins.services import traits as service
from ins.services.habilitations import peut_identite
from ins.services.qualification import Controle
from ins.views.commun import acteur_of, patient_of, render_dialog
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller


@http_methods(read=("GET",), write=("POST",), droit="patient.creer")
def traits(request: HttpRequest, patient_id: int) -> HttpResponse:
    """GET: the traits, unlocked, and what editing them costs. POST: written, or why not."""
    patient = patient_of(request, patient_id)
    acteur = acteur_of(request)
    if request.method == "GET":
        audit.note(acteur, "ins.traits.voir", f"patient:{patient.pk}", patient)
        return _render(request, patient, ModificationForm(instance=patient))
    form = ModificationForm(request.POST, instance=patient)
    if not form.is_valid():
        return _render(request, patient, form, "Corrigez ce qui est signalé : rien n'est écrit.")
    try:
        service.traits_modify(acteur, patient_id, _saisie(form))
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render(request, patient, form, f"{exc.phrase} ({exc.code})")
    return aller(request, reverse("ins_fiche", kwargs={"patient_id": patient_id}))


def _saisie(form: ModificationForm) -> service.Saisie:
    lu = form.cleaned_data
    return service.Saisie(
        traits=form.traits,
        traits_version=lu["traits_version"],
        motif=lu["motif"],
        interpretee=form.interpretee,
        garder_nom=lu["garder_nom"],
        piece=lu["piece"],
        representant=lu["representant"],
    )


def render_traits(
    request: HttpRequest, patient: Patient, controle: Controle, retour: str
) -> HttpResponse:
    """Return the form opened by a document that differs: its traits replace those of INSi."""
    form = ModificationForm(
        instance=patient,
        initial={
            "piece": controle.piece,
            "representant": controle.representant,
            "motif": "Traits d'INSi refusés, ceux de la pièce saisis",
            "traits_version": patient.traits_version,
        },
    )
    return _render(request, patient, form, retour=retour)


def _render(
    request: HttpRequest,
    patient: Patient,
    form: ModificationForm,
    erreur: str = "",
    retour: str = "",
) -> HttpResponse:
    enregistre = Patient.objects.get(
        pk=patient.pk, officine_id=patient.officine_id
    )  # the form writes its own on the instance
    if not form.is_bound:
        form.initial.setdefault("traits_version", enregistre.traits_version)
    perd = enregistre.statut != Patient.Statut.PROV
    code = form["piece"].value() or ""
    return render_dialog(
        request,
        "ins/_traits_saisie.html",
        {
            "vente": None,
            "patient": enregistre,
            "form": form,
            "perd": perd,
            "restreint": perd and not peut_identite(acteur_of(request), "ins.traits").ok,
            "piece": next((piece.libelle for piece in PIECES if piece.code == code), ""),
            "action": reverse("ins_modifier_traits", kwargs={"patient_id": patient.pk}),
            "retour": retour or reverse("ins_fiche", kwargs={"patient_id": patient.pk}),
            "erreur": erreur,
        },
    )
