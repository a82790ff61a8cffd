"""« Clés d'intégration »: the titulaire gives a tool a key, sees what it reads, and ends it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import CleIntegration
from pharmacy.rules.portees import PORTEES
from pharmacy.services import integrations as service
from pharmacy.views.equipe import doors


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _row(cle: CleIntegration) -> dict[str, object]:
    if cle.revoquee_le is not None:
        etat = "revoquee"
    else:
        etat = "ouverte" if cle.is_open(timezone.localdate()) else "expiree"
    libelles = [PORTEES[code].libelle for code in cle.portees if code in PORTEES]
    return {"cle": cle, "etat": etat, "portees": libelles}


@http_methods(read=("GET",), write=("POST",), droit="integrations.gerer", administration=True)
def cles(request: HttpRequest) -> HttpResponse:
    """Every key of the officine. POST makes one, and shows its secret this once."""
    acteur = _acteur(request)
    donnee, faute = None, ""
    coches = request.POST.getlist("portee")
    if request.method == "POST":
        try:
            donnee = service.create(
                acteur, request.POST.get("nom", ""), coches, request.POST.get("jours", "")
            )
        except service.CleMalDemandee as exc:
            faute = str(exc)
    contexte = {
        **doors(acteur),
        "lignes": [_row(cle) for cle in service.key_list(acteur.officine_id)],
        "portees": [
            {"code": code, "portee": portee, "coche": bool(faute) and code in coches}
            for code, portee in PORTEES.items()
        ],
        "durees": service.DUREES_JOURS,
        "jours": request.POST.get("jours", "") if faute else "90",
        "nom": request.POST.get("nom", "") if faute else "",
        "donnee": donnee,
        "faute": faute,
    }
    return render(request, "pharmacy/integrations.html", contexte, status=422 if faute else 200)


@http_methods(write=("POST",), droit="integrations.gerer")
def revoquer(request: HttpRequest, cle_id: int) -> HttpResponse:
    """End a key now."""
    service.revoke(_acteur(request), cle_id)
    return redirect("integrations")
