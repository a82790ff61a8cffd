"""How Pro Santé Connect fares, for the titulaire."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from psc.services import sante as service
from teleservices.sonnette import ring_task


@http_methods(read=("GET",), write=("POST",), droit="parametres.modifier")
def sante(request: HttpRequest) -> HttpResponse:
    """Service, addresses, keys, clock, certificate, as last seen; POST has them asked again."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    audit.note(acteur, "psc.etat")
    if request.method == "POST":
        ring_task(service.TACHE_VERIFIER, acteur.officine_id, 0, "interactif")
        return redirect("/psc/health?demandee=oui")
    contexte = {"points": service.read_health(), "demandee": "demandee" in request.GET}
    reponse = render(request, "psc/sante.html", contexte)
    reponse["Cache-Control"] = "no-store"
    return reponse
