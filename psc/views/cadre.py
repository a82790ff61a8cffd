"""What the screens of an arrival share: the session that asked, the other browser's cookie."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.http import urlencode

from pharmacy.acteurs import peut
from pharmacy.models import Operateur
from pharmacy.session.accueil import notice_of
from pharmacy.session.middleware import acteur_of
from pharmacy.views.session import open_session
from psc.models import TentativePsc
from psc.services import tentatives
from psc.views.phrases import Parole

COOKIE_FLUX = "comptoir_psc"
CHEMIN_FLUX = "/psc/"
_SEL = "comptoir.psc.flux"
ACCUEIL = "vente_courante"


class ComptoirDeLaPage:
    """The session of the counter behind a request (`psc.services.arrivee.Comptoir`)."""

    def __init__(self, request: HttpRequest, tentative: TentativePsc) -> None:
        self._request = request
        self._tentative = tentative

    @property
    def cle(self) -> str:
        """The key of the session, as it is now."""
        return str(self._request.session.session_key)

    @property
    def courant(self) -> Operateur | None:
        """Who began the attempt while working, and is still there."""
        qui = self._request.user
        if isinstance(qui, Operateur) and qui.pk == self._tentative.operateur_id:
            renfort = self._tentative.objet == TentativePsc.Objet.RENFORT
            return qui if renfort else None
        return None

    @property
    def verrouille(self) -> bool:
        """Whether the screen is locked."""
        return bool(self._request.session.get("verrouillee"))

    def open(self, operateur: Operateur) -> str:
        """Open the session of an operator; what the browser has is replaced."""
        open_session(self._request, operateur)
        return self.cle


@dataclass(frozen=True)
class Flux:
    """What another browser may do: one attempt of one officine, ten minutes."""

    officine_id: int
    tentative_id: UUID


def read_flow(request: HttpRequest) -> Flux | None:
    """Return the flow of a browser that is not the counter's; None without our cookie."""
    try:
        lu = signing.loads(
            request.COOKIES.get(COOKIE_FLUX, ""), salt=_SEL, max_age=settings.PSC_TENTATIVE_S
        )
        return Flux(int(lu["o"]), UUID(lu["t"]))
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None


def write_flow(reponse: HttpResponse, tentative: TentativePsc) -> None:
    """Give another browser the cookie of one attempt. Source: psc.md §3.6 B, point 2."""
    reponse.set_cookie(
        COOKIE_FLUX,
        signing.dumps({"o": tentative.officine_id, "t": str(tentative.pk)}, salt=_SEL),
        max_age=settings.PSC_TENTATIVE_S,
        path=CHEMIN_FLUX,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def page(
    request: HttpRequest,
    gabarit: str,
    contexte: dict[str, object] | None = None,
    statut: int = 200,
) -> HttpResponse:
    """Return a page of the flow. It says nobody where it comes from.

    A page with a form says it to ourselves alone: a form of a page that hides it altogether leaves
    with « Origin: null », which the check against forged requests refuses.
    """
    base: dict[str, object] = {"gabarit": gabarit, "parole": None, "tentative": None}
    reponse = render(request, "psc/fenetre.html", base | (contexte or {}), status=statut)
    a_repondre = b"<form" in reponse.content
    reponse["Referrer-Policy"] = "same-origin" if a_repondre else "no-referrer"
    reponse["Cache-Control"] = "no-store"
    return reponse


def sentence(request: HttpRequest, parole: Parole, statut: int = 200) -> HttpResponse:
    """Return a page that says one thing, and how to go on."""
    return page(request, "psc/_fenetre_fin.html", {"parole": parole}, statut)


def go(request: HttpRequest, adresse: str) -> HttpResponse:
    """Send the browser to an address of ours, from a page or from a fragment."""
    if request.headers.get("HX-Request"):
        reponse = HttpResponse(status=204)
        reponse["HX-Redirect"] = adresse
    else:
        reponse = redirect(adresse)
        reponse.status_code = 303
    reponse["Referrer-Policy"] = "no-referrer"
    return reponse


def route_of(chemin: str) -> tuple[str, dict[str, str]]:
    """Return the route of a path of ours that is read; the sale for anything else (case 54)."""
    if not chemin.startswith("/") or chemin.startswith(("//", "/psc", "/connexion")):
        return ACCUEIL, {}
    try:
        trouve = resolve(chemin.split("?", maxsplit=1)[0])
    except Resolver404:
        return ACCUEIL, {}
    lues = getattr(trouve.func, "methodes", ((), ()))[0]
    if "GET" not in lues or not trouve.url_name:
        return ACCUEIL, {}
    return trouve.url_name, {nom: str(v) for nom, v in trouve.kwargs.items()}


def return_address(request: HttpRequest, tentative: TentativePsc) -> str:
    """Return where the counter goes on: what is to be read first, else the page it left from."""
    suite = _left_from(request, tentative)
    qui = tentative.operateur
    avis = notice_of(qui) if qui is not None and tentative.issue == tentatives.OUVERTE else ""
    return f"{avis}?{urlencode({'suite': suite})}" if avis else suite


def _left_from(request: HttpRequest, tentative: TentativePsc) -> str:
    qui = tentative.operateur
    if tentative.retour == ACCUEIL and qui is not None:
        acteur = acteur_of(qui, request.poste)  # type: ignore[attr-defined]
        return reverse(ACCUEIL) if peut(acteur, "vente").ok else reverse("portail")
    try:
        return reverse(tentative.retour, kwargs=tentative.retour_arguments)
    except NoReverseMatch:
        return reverse(ACCUEIL)


def mine(request: HttpRequest, tentative_id: UUID) -> TentativePsc | None:
    """Return an attempt begun by the session of this browser; None for any other."""
    from pharmacy.isolation.contexte import officine_courante

    officine_id = officine_courante()
    if officine_id is None:
        return None
    tentative = tentatives.of_id(officine_id, tentative_id)
    if tentative is None or not tentatives.is_bound(tentative, request.session.session_key):
        return None
    return tentative
