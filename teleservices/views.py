"""The queue screen: what waits, was sent, was refused and why, is uncertain."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.http import http_methods
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller
from teleservices import selectors, services
from teleservices.models import Disjoncteur


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), droit="file.voir")
def file_envoi(request: HttpRequest) -> HttpResponse:
    """Every sending of the officine, what needs a person first."""
    acteur = _acteur(request)
    filtre = request.GET.get("etat", "")
    audit.note(acteur, "file.voir")
    return render(
        request,
        "teleservices/file.html",
        {
            "envois": list(selectors.envoi_list(acteur, filtre)),
            "resume": selectors.resume(acteur),
            "services": list(Disjoncteur.objects.order_by("service")),
            "filtre": filtre,
            "peut_agir": peut(acteur, "file.agir").ok,
        },
    )


@http_methods(read=("GET",), droit="file.voir")
def envoi(request: HttpRequest, envoi_id: int) -> HttpResponse:
    """One sending: its exchanges, and what can be done."""
    acteur = _acteur(request)
    ligne = selectors.envoi_get(acteur, envoi_id)
    if ligne is None:
        raise VenteRefusee("Cet envoi n'existe pas dans votre officine.", "ENV-404")
    audit.note(acteur, "envoi.voir", f"envoi:{ligne.pk}")
    return render(
        request,
        "teleservices/envoi.html",
        {
            "envoi": ligne,
            "traces": ligne.traces.defer("requete", "reponse").order_by("-debut")[:20],
            "peut_agir": peut(acteur, "file.agir").ok,
        },
    )


@http_methods(write=("POST",), droit="file.agir")
def relancer(request: HttpRequest, envoi_id: int) -> HttpResponse:
    """Try again now."""
    services.envoi_retry(_acteur(request), envoi_id)
    return aller(request, "/file/")


@http_methods(write=("POST",), droit="file.agir")
def abandonner(request: HttpRequest, envoi_id: int) -> HttpResponse:
    """Give up, with a reason."""
    services.envoi_abandon(_acteur(request), envoi_id, request.POST.get("motif", ""))
    return aller(request, "/file/")
