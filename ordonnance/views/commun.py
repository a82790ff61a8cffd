"""Shared by the dialogs: the actor, the prescription of the sale, closing the dialog."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ordonnance.models import OrdonnanceNumerique
from ordonnance.selectors import numerique_get
from pharmacy.acteurs import Acteur
from pharmacy.models import Vente
from pharmacy.rendu import vente_get
from pharmacy.services.vente import VenteRefusee
from pharmacy.suites import Suite


def acteur_of(request: HttpRequest) -> Acteur:
    """Return the signed-in actor (the view's decorator proved it)."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def vente_of(request: HttpRequest, vente_id: int) -> Vente:
    """Return a sale of the actor's officine. VenteRefusee (404) otherwise."""
    vente = vente_get(acteur_of(request), vente_id)
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    return vente


def numerique_of(request: HttpRequest, vente_id: int, numerique_id: int) -> OrdonnanceNumerique:
    """Return a prescription of this sale and officine. VenteRefusee (404) otherwise."""
    numerique = numerique_get(acteur_of(request), numerique_id)
    if numerique is None or numerique.ordonnance.vente_id != vente_id:
        raise VenteRefusee("Cette ordonnance n'existe pas dans votre officine.", "ORD-404")
    return numerique


def confirmation_url(numerique: OrdonnanceNumerique) -> str:
    """Return the address of the dialog that shows a fetched prescription."""
    return f"/vente/{numerique.ordonnance.vente_id}/ordonnance/{numerique.pk}/confirmation/"


def close_dialogue(request: HttpRequest, vente_id: int, suite: Suite | None = None) -> HttpResponse:
    """Empty the dialog (the stream refreshes the page), or go back to the sale without htmx."""
    if not request.headers.get("HX-Request"):
        return redirect("vente", vente_id=vente_id)
    reponse = HttpResponse("")
    if suite is not None:
        reponse["HX-Trigger"] = json.dumps({"comptoir:suite": suite.as_dict()})
    return reponse
