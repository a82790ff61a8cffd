"""« Valider sur mon téléphone »: the number, the countdown, the end; and how to have an e-CPS."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods, refuse
from pharmacy.models import Operateur, Poste
from pharmacy.refus import Refus
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.operateur import operateur_of
from psc.models import SessionPsc, TentativePsc
from psc.services import ciba as service
from psc.services import tentatives
from psc.views.cadre import go, return_address, route_of
from psc.views.phrases import of_tentative

Vue = Callable[..., HttpResponse]


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _identified(vue: Vue) -> Vue:
    """Refuse, instead of sending to the sign-in page, who writes and is nobody here.

    A telephone is called for an identified operator alone. Source: psc.md §1.8; case 90.
    """

    @wraps(vue)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method == "POST" and getattr(request, "acteur", None) is None:
            return refuse(request, "Donnez d'abord votre code : le téléphone vient après.", 403)
        return vue(request, *args, **kwargs)

    return inner


@_identified
@http_methods(read=("GET",), write=("POST",), droit="session")
def depart(request: HttpRequest) -> HttpResponse:
    """What approving on the telephone asks; POST calls it."""
    acteur = _acteur(request)
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    operateur = operateur_of(acteur, acteur.operateur_id)
    refus: Refus | None = None
    if request.method == "POST":
        try:
            return _begin(request, operateur, poste)
        except Refus as exc:
            refus = exc
    return _render(request, operateur, poste, refus)


def _begin(request: HttpRequest, operateur: Operateur, poste: Poste | None) -> HttpResponse:
    """Start, or go back to the request that already waits."""
    if poste is None:
        raise Refus("PSC-307", "Ce navigateur n'est pas un poste de l'officine.")
    deja = service.pending_of(_acteur(request))
    cle = _cle(request)
    if deja is None or not tentatives.is_bound(deja, cle):
        suite = route_of(request.POST.get("suite", ""))
        deja = service.start(operateur, poste, cle, suite)
    return redirect("psc_ciba_attente", tentative_id=deja.pk)


def _render(
    request: HttpRequest, operateur: Operateur, poste: Poste | None, refus: Refus | None
) -> HttpResponse:
    contexte = {
        "offre": service.offer_to(operateur, poste),
        "refus": refus,
        "derniere": service.last_session(operateur),
        "suite": request.POST.get("suite") or request.GET.get("suite") or "",
    }
    return render(request, "psc/ciba.html", contexte, status=409 if refus else 200)


def _mine(request: HttpRequest, tentative_id: UUID) -> TentativePsc | None:
    """Return a request that this very session began; None for another's, which shows nothing.

    VenteRefusee when the officine has no such request.
    """
    acteur = _acteur(request)
    tentative = tentatives.of_id(acteur.officine_id, tentative_id)
    if tentative is None or tentative.objet != TentativePsc.Objet.CIBA:
        raise VenteRefusee("Cette demande n'existe plus.", "PSC-404")
    sienne = tentative.operateur_id == acteur.operateur_id
    return tentative if sienne and tentatives.is_bound(tentative, _cle(request)) else None


def _cle(request: HttpRequest) -> str:
    return str(request.session.session_key)


@http_methods(read=("GET",), droit="session")
def attente(request: HttpRequest, tentative_id: UUID) -> HttpResponse:
    """Where the request is; asked each second by the page, which is nobody acting."""
    tentative = _mine(request, tentative_id)
    if tentative is None:
        return go(request, reverse("psc_ciba"))
    etat = tentatives.status_of(tentative)
    if etat == tentatives.RATTACHEE and request.headers.get("HX-Request"):
        return go(request, return_address(request, tentative))
    if etat in {tentatives.EN_ATTENTE, tentatives.EXPIREE}:
        service.ring_if_late(tentative)
    reste = (tentative.expire_le - timezone.now()).total_seconds()
    contexte = {
        "tentative": tentative,
        "etat": etat,
        "envoyee": bool(tentative.ciba_demande),
        "reste": max(0, round(reste)),
        "parole": of_tentative(tentative),
        "derniere": None if request.headers.get("HX-Request") else _last(_acteur(request)),
        "retour": return_address(request, tentative),
    }
    gabarit = "psc/ciba_attente.html"
    if request.headers.get("HX-Request"):
        gabarit = "psc/_ciba_attente.html"
    return render(request, gabarit, contexte)


def _last(acteur: Acteur) -> SessionPsc | None:
    return service.last_session(operateur_of(acteur, acteur.operateur_id))


@_identified
@http_methods(write=("POST",), droit="session")
def annuler(request: HttpRequest, tentative_id: UUID) -> HttpResponse:
    """Give the request up: whatever the telephone says afterwards opens nothing."""
    tentative = _mine(request, tentative_id)
    if tentative is None:
        return redirect("psc_ciba")
    service.cancel(tentative)
    return redirect("psc_ciba_attente", tentative_id=tentative_id)


@http_methods(read=("GET",), droit="session")
def e_cps(request: HttpRequest) -> HttpResponse:
    """How to activate an e-CPS, in three steps (PSC-16)."""
    return render(request, "psc/e_cps.html")
