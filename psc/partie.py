"""The role of relying party, whoever holds it: this server, or a proxy (psc.md §3.11).

« direct »: this server is declared at the ANS and keeps the tokens. « proxy »: national calls go
through a proxy e-santé, which calls the telephone, exchanges the tokens and keeps them (§1.9).
« relais »: an editor's relay; the interface is this one, nothing implements it.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from psc.client import PscClient
from psc.client_proxy import ProxyClient, SessionProxy
from psc.echanges import Authentifie, Cible, DemandeCiba, Depart, Jetons
from psc.errors import error_of
from psc.jetons import JetonIdentite
from psc.rules.identifiant import login_hint_of
from psc.rules.retour import Retour
from psc.rules.userinfo import Identite

APPEL_PROXY_S = 120


@dataclass(frozen=True)
class Poignee:
    """What stands for a session at whoever holds the tokens; nothing of it shows.

    `identite` is None when the proxy, which tells nobody's, holds it: who was called is `rpps`.
    """

    rpps: str
    depart: float
    identite: Identite | None = field(default=None, repr=False)
    jetons: Jetons | None = field(default=None, repr=False)
    preuve: JetonIdentite | None = field(default=None, repr=False)
    proxy: SessionProxy | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Suite:
    """Where a request to a telephone is: en_attente, ralentir, approuvee (with its session)."""

    issue: str
    poignee: Poignee | None = None


class PartieUtilisatrice(Protocol):
    """What the product asks of the relying party. Every method raises the taxonomy."""

    def start(self, depart: Depart) -> str:
        """Return where the browser goes."""

    def finish(self, retour: Retour, depart: Depart) -> Poignee:
        """Return the session of who came back."""

    def refresh(self, poignee: Poignee) -> Poignee:
        """Return the session with a token that serves now."""

    def access_token_for(self, poignee: Poignee, cible: Cible) -> str:
        """Return the token of a connected service. NotReady where tokens never leave the proxy."""

    def logout(self, poignee: Poignee) -> None:
        """End the remote session."""

    def ciba_start(self, rpps: str, nombre: str, canal: str = "MOBILE") -> DemandeCiba:
        """Begin a request to a telephone, or to the desktop tool of the card."""

    def ciba_poll(self, demande: DemandeCiba) -> Suite:
        """Ask where it is; a proxy answers once, when the person has."""


class PartieDirecte:
    """This server is the relying party."""

    def __init__(self, client: PscClient) -> None:
        self._client = client

    def start(self, depart: Depart) -> str:
        """See `PscClient.authorization_url`."""
        return self._client.authorization_url(depart)

    def finish(self, retour: Retour, depart: Depart) -> Poignee:
        """See `PscClient.finish`."""
        return _of(self._client.finish(retour, depart), depart.debut)

    def refresh(self, poignee: Poignee) -> Poignee:
        """See `PscClient.renew`."""
        jetons, preuve = _held(poignee)
        neufs = self._client.renew(jetons, preuve, poignee.depart)
        return Poignee(poignee.rpps, poignee.depart, poignee.identite, neufs, preuve)

    def access_token_for(self, poignee: Poignee, cible: Cible) -> str:
        """See `PscClient.exchange`."""
        return self._client.exchange(_held(poignee)[0].acces, cible).acces

    def logout(self, poignee: Poignee) -> None:
        """See `PscClient.end_session`."""
        self._client.end_session(_held(poignee)[0].identite)

    def ciba_start(self, rpps: str, nombre: str, canal: str = "MOBILE") -> DemandeCiba:
        """See `PscClient.ciba_start`."""
        return self._client.ciba_start(rpps, nombre, canal)

    def ciba_poll(self, demande: DemandeCiba) -> Suite:
        """See `PscClient.ciba_poll`."""
        sondage = self._client.ciba_poll(demande)
        if sondage.authentifie is None:
            return Suite(sondage.issue)
        return Suite(sondage.issue, _of(sondage.authentifie, demande.debut))


class PartieProxy:
    """A proxy e-santé is the relying party: it has no browser, and its tokens stay with it."""

    def __init__(self, client: ProxyClient, horloge: Callable[[], float] = time.time) -> None:
        self._client = client
        self._horloge = horloge
        self._demandes: dict[str, tuple[str, str]] = {}

    def start(self, depart: Depart) -> str:
        """Refuse: a proxy has no page (psc.md §1.9). NotReady (proxy_sans_navigateur)."""
        del depart
        raise error_of("proxy_sans_navigateur")

    def finish(self, retour: Retour, depart: Depart) -> Poignee:
        """Refuse, as `start`."""
        del retour, depart
        raise error_of("proxy_sans_navigateur")

    def refresh(self, poignee: Poignee) -> Poignee:
        """Return the session as it is: the proxy renews its tokens."""
        _through(poignee)
        return poignee

    def access_token_for(self, poignee: Poignee, cible: Cible) -> str:
        """Refuse: calls go by `ProxyClient.send`. NotReady (proxy_garde_jetons)."""
        del cible
        _through(poignee)
        raise error_of("proxy_garde_jetons")

    def logout(self, poignee: Poignee) -> None:
        """End the session of the proxy, and that of Pro Santé Connect with it."""
        self._client.disconnect(_through(poignee))

    def ciba_start(self, rpps: str, nombre: str, canal: str = "MOBILE") -> DemandeCiba:
        """Prepare a request: the proxy sends it, and waits, at the first question."""
        identifiant = secrets.token_urlsafe(16)
        self._demandes[identifiant] = (nombre, canal)
        return DemandeCiba(identifiant, rpps, APPEL_PROXY_S, None, self._horloge())

    def ciba_poll(self, demande: DemandeCiba) -> Suite:
        """Connect: the call lasts until the person answers. Raises ciba_perdu the second time."""
        nombre, canal = self._demandes.pop(demande.identifiant, ("", ""))
        if not nombre:
            raise error_of("ciba_perdu")
        session = self._client.connect(login_hint_of(demande.rpps), nombre, canal)
        return Suite("approuvee", Poignee(demande.rpps, demande.debut, proxy=session))


def _of(authentifie: Authentifie, depart: float) -> Poignee:
    identite = authentifie.identite
    return Poignee(identite.rpps, depart, identite, authentifie.jetons, authentifie.preuve)


def _held(poignee: Poignee) -> tuple[Jetons, JetonIdentite]:
    if poignee.jetons is None or poignee.preuve is None:
        raise error_of("session_absente")
    return poignee.jetons, poignee.preuve


def _through(poignee: Poignee) -> SessionProxy:
    if poignee.proxy is None:
        raise error_of("session_absente")
    return poignee.proxy
