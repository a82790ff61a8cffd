"""The identity sheet of a qualified patient, to print: traits, matricule, datamatrix."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ins.impression import ACTION, BlocIns, build_block, may_print
from ins.views.commun import acteur_of
from pharmacy import audit
from pharmacy.decision import Decision
from pharmacy.http import http_methods
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee

_CLE = Decision(
    ok=False,
    phrase="INSi a donné ce matricule avec une clé inhabituelle : le datamatrix serait refusé.",
    geste="Prévenez l'éditeur.",
)


@http_methods(read=("GET",), droit="ins.imprimer")
def etiquette(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Return the sheet; when the status forbids it, the reason and what to do instead."""
    acteur = acteur_of(request)
    patient = Patient.objects.filter(
        pk=patient_id, officine_id=acteur.officine_id, actif=True
    ).first()
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    bloc, refus = _block(patient)
    audit.note(
        acteur,
        ACTION,
        f"patient:{patient.pk}",
        patient,
        resultat="refus" if refus else "ok",
        precision=patient.statut,
    )
    return render(
        request,
        "ins/etiquette.html",
        {"patient": patient, "bloc": bloc, "refus": refus},
        status=409 if refus else 200,
    )


def _block(patient: Patient) -> tuple[BlocIns | None, Decision | None]:
    decision = may_print(patient, settings.ENVIRONNEMENT)
    if not decision.ok:
        return None, decision
    try:
        return build_block(patient), None
    except ValueError:
        return None, _CLE
