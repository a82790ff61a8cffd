"""The administration mode: opened by a code, seen in the header, closed by a key (TIT-03)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods, suite_of
from pharmacy.services import administration as service
from pharmacy.services import second_facteur

APRES = "/equipe/"


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), write=("POST",), droit="administration")
def administration(request: HttpRequest) -> HttpResponse:
    """What the mode is for; POST opens it with a code of the application, or a recovery code."""
    acteur = _acteur(request)
    refus = None
    if request.method == "POST":
        try:
            preuve = second_facteur.verify(acteur, request.POST.get("code", "")[:20])
        except second_facteur.FacteurRefuse as exc:
            refus = exc
        else:
            service.open(acteur, str(request.session.session_key), preuve)
            return redirect(suite_of(request, APRES))
    contexte = {
        "facteur": second_facteur.state_of(acteur),
        "demonstration": second_facteur.demonstration_code(acteur),
        "suite": suite_of(request, APRES),
        "refus": refus,
    }
    return render(request, "pharmacy/administration.html", contexte, status=422 if refus else 200)


@http_methods(write=("POST",), droit="session")
def fermer(request: HttpRequest) -> HttpResponse:
    """Close the mode: sales are possible again."""
    service.close(_acteur(request), request.session.session_key)
    return redirect(suite_of(request, "/"))


@http_methods(read=("GET",), droit="session")
def etat(request: HttpRequest) -> HttpResponse:
    """The part of the header that says until when, asked every twenty seconds while it is open."""
    return render(request, "pharmacy/_administration.html", {})
