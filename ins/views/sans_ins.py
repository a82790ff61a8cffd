"""« Pas d'INS, pourquoi »: four reasons; the sale goes on, and is no longer asked about."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ins.forms import SansInsForm
from ins.services import sans_ins as service
from ins.views.commun import (
    acteur_of,
    close_dialog,
    first_error,
    patient_of,
    render_dialog,
    vente_of,
)
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller

Motif = Patient.MotifSansIns
_EFFETS = {
    Motif.ETRANGER: "INSi n'est plus proposé. Un passeport peut valider l'identité.",
    Motif.NON_PROUVEE: "INSi n'est plus proposé. L'identité reste provisoire.",
    Motif.ANONYMAT: "Un dossier fictif à part prend la place dans la vente : aucun appel national, "
    "aucune INS sur aucun document.",
    Motif.REFUS: "INSi n'est plus proposé. Le DMP et la messagerie de la personne restent fermés.",
}


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def sans_ins_vente(request: HttpRequest, vente_id: int) -> HttpResponse:
    """From a sale, with or without its patient: anonymity needs none."""
    vente = vente_of(request, vente_id)
    return _sans_ins(request, vente, vente.patient)


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def sans_ins_fiche(request: HttpRequest, patient_id: int) -> HttpResponse:
    """From the file of a patient."""
    return _sans_ins(request, None, patient_of(request, patient_id))


def _sans_ins(request: HttpRequest, vente: Vente | None, patient: Patient | None) -> HttpResponse:
    acteur = acteur_of(request)
    if request.method == "GET":
        objet = f"vente:{vente.pk}" if vente else f"patient:{patient.pk}" if patient else ""
        audit.note(acteur, "ins.sans_ins.voir", objet, patient)
        return _render(request, vente, patient)
    form = SansInsForm(request.POST)
    if not form.is_valid():
        return _render(request, vente, patient, first_error(form))
    motif = form.cleaned_data["motif"]
    try:
        _answer(acteur, vente, patient, "" if motif == "aucun" else motif)
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render(request, vente, patient, f"{exc.phrase} ({exc.code})")
    if vente is not None and motif != Motif.ANONYMAT:
        return close_dialog(request, vente.pk)
    return aller(request, _back(vente, patient))


def _answer(acteur: Acteur, vente: Vente | None, patient: Patient | None, motif: str) -> None:
    if vente is not None and motif == Motif.ANONYMAT:
        service.anonymous_care(acteur, vente.pk)
    elif patient is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    else:
        service.note_reason(acteur, patient.pk, motif)


def _back(vente: Vente | None, patient: Patient | None) -> str:
    if vente is not None:
        return reverse("vente", kwargs={"vente_id": vente.pk})
    return reverse("ins_fiche", kwargs={"patient_id": patient.pk if patient else 0})


def _render(
    request: HttpRequest, vente: Vente | None, patient: Patient | None, erreur: str = ""
) -> HttpResponse:
    if vente is not None:
        action = reverse("ins_sans_ins_vente", kwargs={"vente_id": vente.pk})
    else:
        action = reverse("ins_sans_ins", kwargs={"patient_id": patient.pk if patient else 0})
    return render_dialog(
        request,
        "ins/_sans_ins.html",
        {
            "vente": vente,
            "patient": patient,
            "choix": _choices(vente, patient),
            "action": action,
            "retour": _back(vente, patient),
            "erreur": erreur,
        },
    )


def _choices(vente: Vente | None, patient: Patient | None) -> list[dict[str, Any]]:
    """Return the reasons that have a meaning here, each with what it does."""
    motifs = [
        {"code": motif.value, "libelle": motif.label, "effet": _EFFETS[motif]}
        for motif in Motif
        if (vente is not None if motif == Motif.ANONYMAT else patient is not None)
    ]
    if patient is not None and patient.motif_sans_ins and not patient.etat_identite.anonyme:
        effet = f"Aujourd'hui : {patient.get_motif_sans_ins_display()}."
        motifs.append({"code": "aucun", "libelle": "L'INS peut être demandée", "effet": effet})
    return motifs
