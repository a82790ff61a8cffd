"""« Situation d'exercice » : which one of the card is in force on this poste; how to change it."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods, read_id, render_dialogue
from pharmacy.services import lecture
from pharmacy.services.situation import choose, situations_of
from pharmacy.suites import Suite


def _contexte(request: HttpRequest) -> dict[str, Any]:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return {"lues": situations_of(acteur)}


@http_methods(read=("GET",), write=("POST",), droit="vente")
def situation(request: HttpRequest) -> HttpResponse:
    """The situations of the card, that in force first. POST chooses one, or has the card read."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    if request.method == "GET":
        return render_dialogue(request, "pharmacy/_situation.html", _contexte(request))
    if "lire" in request.POST:
        request.session[lecture.SITUATION_URL] = True
        audit.note(acteur, "cps.situations", resultat="demandee")
        return _say(
            request,
            Suite("Lecture des situations de la carte CPS…", "attention", lire="cps.situations"),
        )
    choisie = choose(acteur, read_id(request.POST.get("index")))
    return _say(
        request,
        Suite(f"Situation en vigueur : {choisie.libelle}.", charger=[lecture.SITUATION_ACTIVE]),
    )


def _say(request: HttpRequest, suite: Suite) -> HttpResponse:
    """Close the dialog and say what follows; without htmx, show the situations again."""
    if not request.headers.get("HX-Request"):
        return redirect("situation")
    reponse = HttpResponse("")
    reponse["HX-Trigger"] = json.dumps({"comptoir:suite": suite.as_dict()})
    return reponse


@http_methods(read=("GET",), droit="vente")
def situation_active(request: HttpRequest) -> HttpResponse:
    """The line of the operator's menu, asked when it opens and after a choice."""
    return render(request, "pharmacy/_situation_active.html", _contexte(request))
