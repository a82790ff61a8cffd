"""A session under way: what the header says, the question at the end of a module, the end."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods, render_dialogue
from pharmacy.views.vente import aller
from psc.reglages_officine import SANS_REPONSE
from psc.services import etat as lecture
from psc.services import sessions
from psc.views.cadre import go, sentence
from psc.views.phrases import Parole

GARDER = "psc_garder"
REPONSE_S = 30


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _cle(request: HttpRequest) -> str:
    return str(request.session.session_key)


def _suite(request: HttpRequest) -> str:
    """Return the page of ours to go back to; home for anything else."""
    voulue = request.POST.get("suite") or request.GET.get("suite") or ""
    sure = url_has_allowed_host_and_scheme(voulue, allowed_hosts=None)
    return voulue if sure and voulue.startswith("/") else reverse("portail")


def _private(reponse: HttpResponse) -> HttpResponse:
    reponse["Cache-Control"] = "no-store"
    return reponse


@http_methods(read=("GET",), droit="session")
def etat(request: HttpRequest) -> HttpResponse:
    """The slot of the header, asked by the page itself; or the whole state, for a person."""
    if request.GET.get("partie") == "entete":
        return _private(render(request, "psc/_entete.html", {"suite": _suite(request)}))
    acteur, cle = _acteur(request), _cle(request)
    contexte = {
        "vu": lecture.read_header(acteur, cle),
        "precedente": lecture.previous_sign_in(acteur, cle),
        "suite": _suite(request),
    }
    return _private(render_dialogue(request, "psc/_etat.html", contexte))


@http_methods(read=("GET",), droit="session")
def quitter(request: HttpRequest) -> HttpResponse:
    """« Garder la connexion active ? », when a module that used it is left (PSC-06).

    Not asked when nothing is connected, nor again in this session when the answer was kept.
    """
    session = sessions.current(_acteur(request), _cle(request))
    if session is None or request.session.get(GARDER):
        return aller(request, _suite(request))
    contexte = {"suite": _suite(request), "secondes": REPONSE_S}
    return _private(render_dialogue(request, "psc/_quitter.html", contexte))


@http_methods(write=("POST",), droit="session")
def garder(request: HttpRequest) -> HttpResponse:
    """Keep it: said by the person, or by nobody for thirty seconds. Source: psc.md §3.9."""
    acteur = _acteur(request)
    session = sessions.current(acteur, _cle(request))
    if session is not None and request.POST.get("sans_reponse"):
        sessions.keep(session, int(parametres.valeur(acteur.officine_id, SANS_REPONSE)))
    elif session is not None:
        sessions.keep(session)
        if request.POST.get("retenir"):
            request.session[GARDER] = True
    return go(request, _suite(request))


@http_methods(write=("POST",), droit="session")
def deconnecter(request: HttpRequest) -> HttpResponse:
    """End it: our tokens first, then the service, told by a task. Source: psc.md §3.9."""
    session = sessions.current(_acteur(request), _cle(request))
    if session is not None:
        sessions.end(session, "deconnexion")
    request.session.pop(GARDER, None)
    return go(request, _suite(request))


@http_methods(read=("GET",))
def fin(request: HttpRequest) -> HttpResponse:
    """Where a browser comes back from the end of its session: says so, does nothing (case 76)."""
    phrase = "La session Pro Santé Connect est fermée."
    return sentence(request, Parole("PSC-200", phrase, "Vous pouvez fermer cette fenêtre."))


@http_methods(read=("GET",), droit="session")
def liste(request: HttpRequest) -> HttpResponse:
    """One's own sessions, on every poste, each closable from here (PSC-08)."""
    acteur = _acteur(request)
    audit.note(acteur, "psc.sessions")
    vues = [
        {"vue": vue, "mots": lecture.LIBELLES[vue.etat]}
        for vue in lecture.own_sessions(acteur, _cle(request))
    ]
    return _private(render(request, "psc/sessions.html", {"vues": vues}))


@http_methods(write=("POST",), droit="session")
def fermer(request: HttpRequest, psc_id: UUID) -> HttpResponse:
    """End one of one's own sessions, wherever it is."""
    sessions.close_own(_acteur(request), psc_id)
    return redirect("psc_sessions")
