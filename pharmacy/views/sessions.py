"""The open sessions of the officine: who, on which poste, since when; close one from afar."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.services import sessions as service
from pharmacy.views.equipe import doors


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), droit="sessions.fermer")
def liste(request: HttpRequest) -> HttpResponse:
    """Who has a session open, the latest act first."""
    acteur = _acteur(request)
    contexte = {
        **doors(acteur),
        "vues": service.session_list(acteur.officine_id, request.session.session_key),
    }
    return render(request, "pharmacy/sessions.html", contexte)


@http_methods(write=("POST",), droit="sessions.fermer")
def fermer(request: HttpRequest, session_id: int) -> HttpResponse:
    """End a session now: its next request, and its event stream, find nobody."""
    service.close_from_afar(_acteur(request), session_id, request.session.session_key)
    return redirect("equipe_sessions")
