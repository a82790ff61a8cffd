"""The way back from Pro Santé Connect, in its order, and the questions it leaves (psc.md §5.1)."""

import logging
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import parse_qsl
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.isolation.contexte import officine_context, officine_courante
from pharmacy.models import Operateur
from pharmacy.services.connexion import ConnexionRefusee, Identifiants, verify
from pharmacy.services.equipe import SaisieRefusee
from pharmacy.services.vente import VenteRefusee
from psc.models import TentativePsc
from psc.rules.decision import Issue
from psc.rules.retour import Retour, RetourRefuse, parse_callback
from psc.services import arrivee, situations, tentatives
from psc.services.acces import psc_client
from psc.views.cadre import (
    ComptoirDeLaPage,
    go,
    mine,
    page,
    read_flow,
    return_address,
    sentence,
)
from psc.views.connexion import begin_here, demande_of, note_outcome
from psc.views.phrases import Parole, of_code, of_tentative
from teleservices.errors import TeleserviceError

logger = logging.getLogger(__name__)
_INCONNU = Parole(
    "Ce retour de Pro Santé Connect n'est pas valable.",
    "Recommencez au comptoir, ou utilisez votre code et votre mot de passe.",
    "PSC-240",
)
_DEJA = Parole("Cette connexion a déjà servi.", "Vous pouvez fermer cette fenêtre.", "PSC-241")
_PARAMETRES_MAX = 30


@http_methods(write=("GET",))
def callback(request: HttpRequest) -> HttpResponse:
    """Take the way back, point by point; nothing of it is ever shown. Source: psc.md §5.1."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    try:
        paires = parse_qsl(
            request.META.get("QUERY_STRING", ""),
            keep_blank_values=True,
            max_num_fields=_PARAMETRES_MAX,
        )
        retour = parse_callback(paires)
    except (RetourRefuse, ValueError):
        return sentence(request, _INCONNU, 400)
    flux = read_flow(request)
    officine_id = officine_courante() if flux is None else flux.officine_id
    if officine_id is None:
        logger.warning("psc.retour_sans_session")
        return sentence(request, _INCONNU, 400)
    with _inside(officine_id):
        tentative = tentatives.of_state(officine_id, retour.etat)
        return _arrive(request, tentative, retour)


def _inside(officine_id: int) -> AbstractContextManager[None]:
    return nullcontext() if officine_courante() == officine_id else officine_context(officine_id)


def _arrive(request: HttpRequest, tentative: TentativePsc | None, retour: Retour) -> HttpResponse:
    """Points 2 to 5: known, of this browser, alive, consumed before any call."""
    if tentative is None:
        return sentence(request, _INCONNU, 400)
    if not _is_of_this_browser(request, tentative):
        arrivee.trace(tentative, "psc.securite", "refus", "state_binding")
        return sentence(request, _INCONNU, 403)
    if not tentatives.consume(tentative):
        etat = tentatives.status_of(tentative)
        deja = etat not in {tentatives.EXPIREE, tentatives.REMPLACEE, tentatives.ANNULEE}
        parole = _DEJA if deja else of_tentative(tentative)
        return sentence(request, parole or _DEJA, 409 if deja else 410)
    return _finish(request, tentative, retour)


def _is_of_this_browser(request: HttpRequest, tentative: TentativePsc) -> bool:
    """Topology B: the cookie of the flow; A: the session that began. Never one for the other."""
    if tentative.billet_empreinte:
        flux = read_flow(request)
        return flux is not None and flux.tentative_id == tentative.pk
    return tentatives.is_bound(tentative, request.session.session_key)


def _finish(request: HttpRequest, tentative: TentativePsc, retour: Retour) -> HttpResponse:
    """Points 6 to 13: one exchange, every check, then what was decided."""
    try:
        authentifie = psc_client().finish(retour, tentatives.depart_of(tentative, retour.etat))
    except TeleserviceError as erreur:
        note_outcome(erreur)
        return _failed(request, tentative, erreur)
    note_outcome(None)
    if tentative.billet_empreinte:
        tentatives.conclude(tentative, tentatives.RECUE, authentifie)
    else:
        arrivee.receive(tentative, authentifie, ComptoirDeLaPage(request, tentative))
    return go(request, reverse("psc_confirmer", args=[tentative.pk]))


def _failed(
    request: HttpRequest, tentative: TentativePsc, erreur: TeleserviceError
) -> HttpResponse:
    """Say why; a session that was already open over there was closed: begin again, once."""
    tentatives.refuse(tentative, erreur.code)
    arrivee.trace(tentative, "psc.prouver", "refus", erreur.code)
    encore = erreur.code == "jeton_authentification" and not tentative.reprise
    if encore and not tentative.billet_empreinte:
        demande = demande_of(request, tentative.poste, reprise=True)
        return begin_here(request, demande)
    return go(request, reverse("psc_confirmer", args=[tentative.pk]))


# The questions.


@http_methods(read=("GET",), write=("POST",))
def confirmer(request: HttpRequest, tentative_id: UUID) -> HttpResponse:
    """What became of an attempt, or what a person must answer; the end, in another browser."""
    tentative = mine(request, tentative_id)
    if tentative is None:
        return _other_browser(request, tentative_id)
    if request.method == "POST":
        return _answer(request, tentative)
    return _show(request, tentative)


def _other_browser(request: HttpRequest, tentative_id: UUID) -> HttpResponse:
    flux = read_flow(request)
    if request.method == "POST" or flux is None or flux.tentative_id != tentative_id:
        return sentence(request, _INCONNU, 404)
    with officine_context(flux.officine_id):
        tentative = tentatives.of_id(flux.officine_id, tentative_id)
        if tentative is None:
            return sentence(request, _INCONNU, 404)
        parole = of_tentative(tentative)
    if parole is not None:
        return sentence(request, parole)
    return page(request, "psc/_fenetre_ailleurs.html")


def _show(
    request: HttpRequest, tentative: TentativePsc, refus: str = "", statut: int = 200
) -> HttpResponse:
    """Draw the state of an attempt."""
    parole = of_tentative(tentative)
    if parole is not None:
        return sentence(request, parole)
    etat = tentatives.status_of(tentative)
    contexte: dict[str, object] = {
        "tentative": tentative,
        "refus": refus,
        "suite": return_address(request, tentative),
    }
    if etat in {tentatives.OUVERTE, tentatives.RATTACHEE}:
        acteur: Acteur | None = request.acteur  # type: ignore[attr-defined]
        cle = request.session.session_key
        vue = None if acteur is None else situations.view_of(acteur, str(cle))
        return page(request, "psc/_fenetre_ouverte.html", contexte | {"situation": vue})
    if etat in {tentatives.EN_ATTENTE, tentatives.EN_COURS}:
        return page(request, "psc/_fenetre_attente.html", contexte)
    recu = tentatives.peek(tentative)
    if recu is None:
        return sentence(request, _DEJA)
    comptoir = ComptoirDeLaPage(request, tentative)
    qui = arrivee.who(tentative, recu, comptoir)
    contexte |= {"identite": recu.identite, "vise": qui, "courant": comptoir.courant}
    return page(request, _GABARITS[etat], contexte, statut)


_GABARITS = {
    tentatives.RECUE: "psc/_fenetre_recue.html",
    tentatives.A_CONFIRMER: "psc/_fenetre_confirmer.html",
    tentatives.A_CHOISIR: "psc/_fenetre_choisir.html",
    tentatives.A_LIER: "psc/_fenetre_lier.html",
}


def _answer(request: HttpRequest, tentative: TentativePsc) -> HttpResponse:
    """Do what was answered; the page of the attempt then says it."""
    geste = request.POST.get("geste", "")
    try:
        _do(request, tentative, geste)
    except ConnexionRefusee as exc:
        return _show(request, tentative, exc.phrase, 422)
    except (PermissionError, SaisieRefusee) as exc:
        return _show(request, tentative, str(exc), 422)
    tentative.refresh_from_db()
    if request.headers.get("HX-Request") and tentative.issue == tentatives.OUVERTE:
        return go(request, return_address(request, tentative))
    return go(request, reverse("psc_confirmer", args=[tentative.pk]))


def _do(request: HttpRequest, tentative: TentativePsc, geste: str) -> Issue | None:
    comptoir = ComptoirDeLaPage(request, tentative)
    etat = tentative.issue
    if geste in {"abandonner", "rester"}:
        arrivee.give_up(tentative, "reste" if geste == "rester" else "abandonnee")
        return None
    if geste == "ouvrir" and etat == tentatives.RECUE:
        return arrivee.resume(tentative, comptoir)
    if geste == "passer" and etat == tentatives.A_CHOISIR:
        return arrivee.switch(tentative, comptoir)
    if geste == "confirmer" and etat == tentatives.A_CONFIRMER:
        return arrivee.confirm(tentative, comptoir, _proven(request, tentative))
    if geste == "rattacher" and etat == tentatives.A_LIER:
        qui = _proven(request, tentative)
        if comptoir.courant is not None and qui.pk != comptoir.courant.pk:
            raise PermissionError("Donnez le mot de passe de l'opérateur de ce poste.")
        try:
            return arrivee.link(tentative, comptoir, qui)
        except VenteRefusee as exc:
            raise PermissionError(f"{exc.phrase} {exc.code}") from exc
    return None


def _proven(request: HttpRequest, tentative: TentativePsc) -> Operateur:
    """Return who gave their code and password. ConnexionRefusee, with the same lockout."""
    saisie = Identifiants(
        request.POST.get("code", "")[:8], request.POST.get("mot_de_passe", "")[:128]
    )
    return verify(tentative.officine_id, tentative.poste, saisie)


# The situation d'exercice.


@http_methods(read=("GET",), write=("POST",), droit="session")
def situation(request: HttpRequest) -> HttpResponse:
    """In which activity one acts, for the services that ask; a new authentication is not needed."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    cle = str(request.session.session_key)
    if request.method == "POST":
        if not situations.choose_key(acteur, cle, request.POST.get("situation", "")):
            return sentence(request, of_code("session_absente"), 409)
        return go(request, reverse("psc_situation"))
    vue = situations.view_of(acteur, cle)
    return render(request, "psc/situation.html", {"situation": vue})
