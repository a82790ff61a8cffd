"""The button, the other browser, and the page of the counter that waits (psc.md §3.6).

A GET that begins is a navigation: a form could not be sent on to Pro Santé Connect, which our
content policy would cut. So it is refused from any other site, and it only ever begins.
"""

import time
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from pharmacy.http import http_methods
from pharmacy.isolation.contexte import officine_context, officine_courante
from pharmacy.models import Operateur, Poste
from psc.models import TentativePsc
from psc.services import arrivee, tentatives
from psc.services.acces import psc_client
from psc.views.cadre import (
    go,
    mine,
    page,
    read_flow,
    return_address,
    route_of,
    sentence,
    write_flow,
)
from psc.views.phrases import Parole, of_code, of_tentative
from teleservices import disjoncteur
from teleservices.errors import NotReady, OutcomeUnknown, TeleserviceError, Unavailable

SERVICE = "psc"
_AILLEURS = Parole(
    "Cette connexion ne part pas d'un poste du comptoir.",
    "Ouvrez le comptoir, puis « Pro Santé Connect ».",
    "PSC-230",
)
_BILLET = Parole(
    "Cette adresse de connexion n'est pas valable.",
    "Elle sert une fois, pendant une minute, sur la machine du poste. Recommencez au comptoir.",
    "PSC-231",
)


def _is_ours(request: HttpRequest) -> bool:
    """Tell whether a navigation comes from us, or from the address bar."""
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}


def demande_of(request: HttpRequest, poste: Poste, *, reprise: bool = False) -> tentatives.Demande:
    """Return who asks. The session gets a key when it has none yet."""
    if request.session.session_key is None:
        request.session.create()
    acteur = request.acteur  # type: ignore[attr-defined]
    retour, arguments = route_of(request.POST.get("suite") or request.GET.get("suite") or "")
    return tentatives.Demande(
        poste.officine_id,
        poste.pk,
        str(request.session.session_key),
        acteur.operateur_id if acteur else None,
        request.META.get("REMOTE_ADDR") or None,
        retour,
        arguments,
        reprise,
    )


@http_methods(write=("GET", "POST"))
def depart(request: HttpRequest) -> HttpResponse:
    """Begin: GET in this browser, POST for another one."""
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    if poste is None or not _is_ours(request):
        return sentence(request, _AILLEURS, 403)
    if not settings.PSC_ACTIF:
        return sentence(request, of_code("psc_non_regle"), 503)
    demande = demande_of(request, poste)
    if request.method == "POST":
        return _elsewhere(request, demande)
    return begin_here(request, demande)


def begin_here(request: HttpRequest, demande: tentatives.Demande) -> HttpResponse:
    """Send this browser to Pro Santé Connect; say it when the service is down. Case 80."""
    try:
        tentative, adresse = tentatives.start(demande, psc_client())
    except TeleserviceError as erreur:
        return _unreachable(request, erreur)
    _begun(tentative)
    reponse = redirect(adresse)
    reponse["Referrer-Policy"] = "no-referrer"
    return reponse


def _elsewhere(request: HttpRequest, demande: tentatives.Demande) -> HttpResponse:
    tentative, billet = tentatives.start_elsewhere(demande)
    _begun(tentative)
    contexte = {"tentative": tentative, "adresse": reverse("psc_billet", args=[billet])}
    return page(request, "psc/_fenetre_billet.html", contexte)


def _begun(tentative: TentativePsc) -> None:
    """Note the start; whoever waited on this poste is told good-bye."""
    arrivee.trace(tentative, "psc.commencer", precision=tentative.objet)
    for oublie in tentatives.pending_of_poste(tentative.officine_id, tentative.poste_id):
        arrivee.close_remote(oublie)


def _unreachable(request: HttpRequest, erreur: TeleserviceError) -> HttpResponse:
    note_outcome(erreur)
    # Nothing was asked yet: a document that does not come is a service that is down.
    muet = isinstance(erreur, OutcomeUnknown)
    return sentence(request, of_code("psc_indisponible" if muet else erreur.code), 503)


def note_outcome(erreur: TeleserviceError | None) -> None:
    """Tell the breaker how a call ended: the pages of the counter read it, and call nothing."""
    maintenant = timezone.now()
    if isinstance(erreur, Unavailable | OutcomeUnknown):
        disjoncteur.note_failure(SERVICE, erreur.code, maintenant)
    elif not isinstance(erreur, NotReady):
        disjoncteur.note_success(SERVICE, maintenant)


@http_methods(write=("GET", "POST"))
def billet(request: HttpRequest, billet: str) -> HttpResponse:
    """Another browser: the ticket once, then the number to compare, then only a click goes on."""
    officine, _, secret = billet.partition(".")
    officine_id = int(officine) if officine.isascii() and officine.isdigit() else 0
    if not settings.PSC_ACTIF or not 0 < officine_id < 2**63 or not secret:
        return sentence(request, _BILLET, 404)
    with officine_context(officine_id):
        if request.method == "POST":
            return _confirm_number(request, officine_id)
        tentative = tentatives.claim_ticket(
            officine_id, secret, request.META.get("REMOTE_ADDR") or None
        )
        if tentative is None:
            return sentence(request, _BILLET, 404)
        contexte = {"tentative": tentative, "ici": request.path}
        reponse = page(request, "psc/_fenetre_numero.html", contexte)
        write_flow(reponse, tentative)
        return reponse


def _confirm_number(request: HttpRequest, officine_id: int) -> HttpResponse:
    flux = read_flow(request)
    if flux is None or flux.officine_id != officine_id:
        return sentence(request, _BILLET, 404)
    tentative = tentatives.of_id(officine_id, flux.tentative_id)
    if tentative is None or tentatives.status_of(tentative) != tentatives.EN_ATTENTE:
        return sentence(request, _BILLET, 409)
    try:
        adresse = tentatives.leave(tentative, psc_client())
    except TeleserviceError as erreur:
        return _unreachable(request, erreur)
    # Not a redirection: our content policy would not let a form be sent on to another site.
    reponse = page(request, "psc/_fenetre_part.html")
    reponse["Refresh"] = f"0;url={adresse}"
    return reponse


# The page of the counter that waits.


@http_methods(read=("GET",))
def suivi(request: HttpRequest) -> HttpResponse:
    """Where the attempt of this session is; asked each second, which is nobody acting."""
    officine_id, cle = officine_courante(), request.session.session_key
    tentative = None
    if officine_id is not None and cle is not None:
        depuis = _seconds(request.GET.get("depuis", ""))
        tentative = tentatives.latest(officine_id, cle, depuis)
    if not request.headers.get("HX-Request"):
        return _without_htmx(request, tentative)
    etat = tentatives.EN_ATTENTE if tentative is None else tentatives.status_of(tentative)
    if etat == request.GET.get("etat") and (tentative is None) == ("id" not in request.GET):
        return HttpResponse(status=204)
    if tentative is not None and etat == tentatives.OUVERTE:
        return go(request, return_address(request, tentative))
    contexte = {
        "tentative": tentative,
        "etat": etat,
        "depuis": request.GET.get("depuis", ""),
        "suite": "" if tentative is None else return_address(request, tentative),
        "parole": None if tentative is None else of_tentative(tentative),
        "a_repondre": etat in tentatives.OUVERTES,
    }
    return render(request, "psc/_suivi.html", contexte)


def _seconds(texte: str) -> float:
    return float(texte) if texte.isascii() and texte.isdigit() and len(texte) < 12 else 0.0


def _without_htmx(request: HttpRequest, tentative: TentativePsc | None) -> HttpResponse:
    if tentative is None:
        return redirect("connexion")
    return redirect("psc_confirmer", tentative_id=tentative.pk)


@http_methods(write=("POST",))
def annuler(request: HttpRequest, tentative_id: UUID) -> HttpResponse:
    """Give up an attempt: before its return, or instead of an answer."""
    tentative = mine(request, tentative_id)
    if tentative is None:
        return sentence(request, _AILLEURS, 404)
    if tentatives.cancel(tentative):
        arrivee.trace(tentative, "psc.annuler")
    else:
        arrivee.give_up(tentative)
    if isinstance(request.user, Operateur) and not request.session.get("verrouillee"):
        return go(request, return_address(request, tentative))
    return go(request, reverse("connexion"))


def now_seconds() -> int:
    """Return the instant a page is drawn: attempts begun before it are not its own."""
    return int(time.time())
