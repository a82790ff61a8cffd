"""Steps 5 to 7: the prescription shown, confirmed, and its délivrance number."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ordonnance.models import OrdonnanceNumerique
from ordonnance.panneau import line_list
from ordonnance.rules.rapprochement import (
    check_prescription,
    is_executable,
    lowest_numero_delivrance,
    next_numero_delivrance,
)
from ordonnance.selectors import EN_COURS, dossier_of, prescription_of
from ordonnance.services import confirmation as service
from ordonnance.views.commun import acteur_of, close_dialogue, numerique_of, vente_of
from pharmacy import audit
from pharmacy.acteurs import peut
from pharmacy.http import http_methods, render_dialogue
from pharmacy.models import Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import open_dialogue


@http_methods(read=("GET",), write=("POST",), droit="ordonnance.lire")
def confirmation(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """GET: the whole prescription and two boxes. POST: confirmed, or the reason why not."""
    vente = vente_of(request, vente_id)
    numerique = numerique_of(request, vente_id, numerique_id)
    if request.method == "GET":
        audit.note(acteur_of(request), "ordonnance.voir", f"on:{numerique.pk}", vente.patient_id)
        return _render(request, vente, numerique)
    try:
        numerique = service.confirm(
            acteur_of(request),
            numerique.pk,
            patient_verifie=request.POST.get("patient") == "oui",
            conforme=request.POST.get("conforme") == "oui",
            meme_personne=request.POST.get("meme_personne") == "oui",
        )
    except VenteRefusee as exc:
        return _render(request, vente, numerique, exc)
    if numerique.etat == "confirmee":
        return open_dialogue(
            request, f"/vente/{vente_id}/ordonnance/{numerique.pk}/renouvellement/"
        )
    return close_dialogue(request, vente_id)


def _render(
    request: HttpRequest,
    vente: Vente,
    numerique: OrdonnanceNumerique,
    refus: VenteRefusee | None = None,
) -> HttpResponse:
    dossier = dossier_of(numerique, vente)
    if dossier is None:
        raise VenteRefusee("Cette ordonnance n'est pas encore récupérée.", "ORD-006")
    leve = peut(acteur_of(request), "ordonnance.lever_bloquant").ok
    return render_dialogue(
        request,
        "ordonnance/_confirmation.html",
        {
            "vente": vente,
            "numerique": numerique,
            "prescription": dossier.prescription,
            "lignes": line_list(dossier),
            "identite": dossier.identite,
            "verifications": check_prescription(
                dossier.prescription,
                dossier.identite,
                vente.officine.finess,
                avec_patient=vente.patient_id is not None,
            ),
            "peut_lever": leve,
            "confirmable": leve or dossier.identite != "DIFFERENTE",
            "retirable": numerique.etat in EN_COURS,
            "executable": is_executable(dossier.prescription.statut),
            "a_confirmer": numerique.etat == "recuperee",
            "refus": refus,
            "coches": request.POST,
        },
        status=422 if refus else 200,
    )


@http_methods(read=("GET",), write=("POST",), droit="ordonnance.lire")
def renouvellement(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """GET: the proposed délivrance number. POST: kept."""
    numerique = numerique_of(request, vente_id, numerique_id)
    prescription = prescription_of(numerique)
    if prescription is None:
        return redirect("vente", vente_id=vente_id)
    if request.method == "POST":
        brut = request.POST.get("numero", "")
        if not (brut.isascii() and brut.isdigit() and len(brut) < 4):
            raise VenteRefusee("Donnez un numéro de renouvellement (0 = première).", "ORD-010")
        numerique = service.choose_renewal(acteur_of(request), numerique.pk, int(brut))
        if numerique.etat == "papier":
            return open_dialogue(request, f"/vente/{vente_id}/ordonnance/{numerique.pk}/controle/")
        return close_dialogue(request, vente_id)
    propose = next_numero_delivrance(prescription)
    maximum = service.max_renewal(prescription)
    return render_dialogue(
        request,
        "ordonnance/_renouvellement.html",
        {
            "vente": vente_of(request, vente_id),
            "numerique": numerique,
            "prescription": prescription,
            "propose": min(propose, maximum),
            "choix": range(min(lowest_numero_delivrance(prescription), maximum), maximum + 1),
            "maximum": maximum,
        },
    )
