"""« Vérifier les INS »: start, follow, pause and stop a verification by lots; verify one file."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ins.services import lots, verification
from ins.suivi_lots import (
    MOIS,
    Avancement,
    eligible_count,
    progress,
    refused_list,
    verification_last,
)
from ins.views.commun import acteur_of
from pharmacy import audit, parametres
from pharmacy.http import http_methods
from pharmacy.services.vente import VenteRefusee

_ACTES = {"pause": lots.pause, "reprendre": lots.resume, "arreter": lots.stop}


def _progress(request: HttpRequest) -> Avancement | None:
    derniere = verification_last(acteur_of(request))
    return progress(derniere) if derniere is not None else None


@http_methods(read=("GET",), write=("POST",), droit="ins.verifier_lot")
def verifier_lot(request: HttpRequest) -> HttpResponse:
    """GET: what is to verify, what is under way, what was found. POST: start."""
    acteur = acteur_of(request)
    if request.method == "POST":
        lots.start(acteur, request.POST.get("perimetre", ""))
        return redirect("ins_verifier_lot")
    suivi = _progress(request)
    refuses = [] if suivi is None or suivi.active else refused_list(suivi.verification)
    audit.note(acteur, "ins.verifier_lot.voir", resultat=str(len(refuses)))
    return render(
        request,
        "ins/verification.html",
        {
            "suivi": suivi,
            "refuses": refuses,
            "eligibles": eligible_count(acteur.officine_id),
            "mois": parametres.entier(acteur.officine_id, MOIS),
            "refus": lots.REFUS_RECUPERATION,
        },
    )


@http_methods(read=("GET",), droit="ins.verifier_lot")
def verifier_lot_etat(request: HttpRequest) -> HttpResponse:
    """Return the progress alone: the page asks every two seconds while something moves."""
    return render(request, "ins/_verification.html", {"suivi": _progress(request)})


@http_methods(write=("POST",), droit="ins.verifier_lot")
def verifier_lot_agir(request: HttpRequest, verification_id: int) -> HttpResponse:
    """Pause, resume or stop."""
    acte = _ACTES.get(request.POST.get("acte", ""))
    if acte is None:
        raise VenteRefusee("Choisissez une des actions proposées.", "INS-086")
    acte(acteur_of(request), verification_id)
    if not request.headers.get("HX-Request"):
        return redirect("ins_verifier_lot")
    return render(request, "ins/_verification.html", {"suivi": _progress(request)})


@http_methods(write=("POST",), droit="ins.appeler")
def verifier(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Ask INSi whether the INS of a file is right, from its page."""
    verification.verify_file(acteur_of(request), patient_id)
    return redirect("patient", patient_id=patient_id)
