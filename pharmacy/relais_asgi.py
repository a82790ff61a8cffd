"""The relay's two websockets: an agent's outgoing connection, and the pages of its poste (§5.12).

The server forwards envelopes between a signed-in page and the agent of its poste, and reads none.
Any process may hold either end: they meet in Valkey, where frames are encrypted.
"""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from pharmacy import parametres
from pharmacy.acteurs import Acteur, peut
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import OfficineMiddleware
from pharmacy.isolation.portes import poste_of_wid
from pharmacy.models import Poste
from pharmacy.postes import cles, relais, services
from pharmacy.postes.configuration import TRANSPORT
from pharmacy.session.middleware import SessionComptoirMiddleware, is_present

logger = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

T = TypeVar("T")
AGENT, PAGE = "/agent/relay", "/flux/agent"
DEFI_S, PRESENCE_S, REVOCATION_S = 10, 20, 5
TRAME_MAX = 65536
# Closings of the page's end, beside those of the agent (agent.md §5.8): nobody signed in here; the
# poste has no agent, or the officine does not want the relay; the agent is not connected.
FIN_SESSION, FIN_SANS, FIN_ABSENT = 4401, 4403, 4404
FIN_REVOQUE, FIN_REFUS, FIN_TROP, FIN_DEPART = 4009, 4002, 1009, 1012


class Parti(Exception):
    """The other end of a websocket is gone."""


class Prise:
    """One websocket, as ASGI gives it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def accept(self, sous_protocole: str | None = None) -> None:
        """Open it."""
        await self._receive()
        await self._send({"type": "websocket.accept", "subprotocol": sous_protocole})

    async def recv(self) -> str:
        """Return the next text; Parti when closed, or when it is not text."""
        message = await self._receive()
        texte = message.get("text")
        if message["type"] != "websocket.receive" or not isinstance(texte, str):
            raise Parti
        return texte

    async def send(self, texte: str) -> None:
        """Send a text."""
        await self._send({"type": "websocket.send", "text": texte})

    async def close(self, code: int) -> None:
        """Close; already closed is as well."""
        with contextlib.suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": code})


async def relay(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a websocket of ours; any other is refused before it opens."""
    prise = Prise(receive, send)
    try:
        if scope["path"] == AGENT:
            await _serve_agent(prise)
        elif scope["path"] == PAGE and _origin(scope) == settings.ADRESSE:
            await _serve_page(scope, prise)
        else:
            await prise.close(1008)
    except Parti:
        return
    except (RedisError, OSError):
        logger.warning("relais.coupe")
        await prise.close(FIN_DEPART)


async def _ask(fonction: Callable[..., T], *args: object) -> T:
    """Read the database in this websocket's thread, and give the connection back."""

    def ask() -> T:
        try:
            return fonction(*args)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return await sync_to_async(ask)()


def _origin(scope: Scope) -> str:
    lues = [v.decode("latin-1") for nom, v in scope["headers"] if nom == b"origin"]
    return lues[0] if len(lues) == 1 else ""


@contextlib.asynccontextmanager
async def _listening(canal: str) -> AsyncIterator[tuple[Any, AsyncIterator[dict[str, Any]]]]:
    """Yield (client, frames that arrive on a channel), once Valkey listens."""
    client = redis.asyncio.Redis.from_url(settings.VALKEY_URL)
    ecoute = client.pubsub()
    try:
        await ecoute.subscribe(canal)
        if await ecoute.get_message(timeout=3) is None:
            raise OSError("valkey is silent")
        yield client, _frames(ecoute)
    finally:
        await ecoute.aclose()  # type: ignore[no-untyped-call]  # untyped in redis
        await client.aclose()


async def _frames(ecoute: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: ANN401 - untyped in redis
    async for message in ecoute.listen():
        if message["type"] == "message":
            yield relais.unseal(message["data"])


async def _first(*suites: Awaitable[None]) -> None:
    """Run the two directions of a relay until one ends; its exception goes on."""
    taches = [asyncio.ensure_future(suite) for suite in suites]
    try:
        finies, _ = await asyncio.wait(taches, return_when=asyncio.FIRST_COMPLETED)
        for tache in finies:
            tache.result()
    finally:
        for tache in taches:
            tache.cancel()
        await asyncio.gather(*taches, return_exceptions=True)


# The agent's end


@dataclass(frozen=True)
class Liaison:
    """An agent that proved which poste it is."""

    officine_id: int
    poste_id: int


def read_proof(texte: str, defi: str) -> Liaison | None:
    """Return the poste whose key signed this challenge, None when nobody's or revoked."""
    try:
        preuve = json.loads(texte)["preuve"]
        debut = json.loads(cles.unsigned(preuve))
        trouve = poste_of_wid(str(debut["iss"]).removeprefix("agent:"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if trouve is None:
        return None
    with officine_context(trouve[0]):
        poste = Poste.objects.get(officine_id=trouve[0], pk=trouve[1])
        try:
            claims = cles.verify(preuve, "agent-relay+jwt", poste.cle_publique)
        except cles.JetonRefuse:
            return None
        attendu = {"iss": f"agent:{poste.wid}", "aud": settings.ADRESSE, "challenge": defi}
        if any(claims.get(n) != v for n, v in attendu.items()) or not _is_trusted(Liaison(*trouve)):
            return None
        services.note_sign(poste, claims)
    return Liaison(*trouve)


def _is_trusted(liaison: Liaison) -> bool:
    return Poste.objects.filter(
        officine_id=liaison.officine_id,
        pk=liaison.poste_id,
        etat=Poste.Etat.ASSOCIE,
        officine__active=True,
    ).exists()


def _still_trusted(liaison: Liaison) -> bool:
    with officine_context(liaison.officine_id):
        return _is_trusted(liaison)


async def _serve_agent(prise: Prise) -> None:
    await prise.accept()
    defi = secrets.token_urlsafe(32)
    await prise.send(json.dumps({"challenge": defi}))
    try:
        texte = await asyncio.wait_for(prise.recv(), DEFI_S)
    except TimeoutError:
        texte = ""
    liaison = await _ask(read_proof, texte, defi) if len(texte) <= TRAME_MAX else None
    if liaison is None:
        await prise.close(FIN_REFUS)
        return
    pages: set[str] = set()
    async with _listening(relais.canal_agent(liaison.poste_id)) as (client, trames):
        await prise.send(json.dumps({"t": "pret"}))
        try:
            await _first(
                _to_agent(prise, liaison, trames, pages),
                _from_agent(prise, liaison, client, pages),
            )
        finally:
            fin = relais.seal({"t": "ferme", "code": FIN_DEPART})
            for page in pages:
                await client.publish(relais.canal_page(liaison.poste_id, page), fin)


async def _to_agent(
    prise: Prise, liaison: Liaison, trames: AsyncIterator[dict[str, Any]], pages: set[str]
) -> None:
    async for trame in trames:
        if trame["t"] == "ouvre":
            pages.add(trame["c"])
        elif trame["t"] == "ferme":
            pages.discard(trame["c"])
        await prise.send(json.dumps(trame))
        if trame["t"] == "config" and not await _ask(_still_trusted, liaison):
            # It now asks for its configuration and learns its end; then this door closes.
            await asyncio.sleep(REVOCATION_S)
            await prise.close(FIN_REVOQUE)
            return


async def _from_agent(prise: Prise, liaison: Liaison, client: Any, pages: set[str]) -> None:  # noqa: ANN401
    while True:
        texte = await prise.recv()
        try:
            trame = json.loads(texte)
            page = str(trame["c"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if page in pages and _is_frame(trame):
            await client.publish(relais.canal_page(liaison.poste_id, page), relais.seal(trame))


def _is_frame(trame: dict[str, Any]) -> bool:
    """Tell whether a page may be given this: a text, or the end with its code."""
    if trame.get("t") == "ferme":
        code = trame.get("code", 1000)
        return type(code) is int and 1000 <= code < 5000
    return trame.get("t") == "trame" and isinstance(trame.get("d"), str)


# The page's end


@dataclass(frozen=True)
class Visiteur:
    """Who is behind a page: its operator, its poste, its session."""

    acteur: Acteur
    poste_id: int
    session: str

    def is_there(self) -> bool:
        """Tell whether the session still stands and its poste is still trusted. Two queries."""
        with officine_context(self.acteur.officine_id):
            return is_present(self.session, self.acteur) and _is_trusted(
                Liaison(self.acteur.officine_id, self.poste_id)
            )


def identify(scope: Scope) -> Visiteur | int:
    """Return who opens a page's end, by our own middlewares; otherwise the code to close with."""
    lu: list[Visiteur | int] = []

    def look(request: HttpRequest) -> HttpResponse:
        lu.append(_visitor(request))
        return HttpResponse()

    chaine: Any = SessionComptoirMiddleware(look)
    for couche in (AuthenticationMiddleware, OfficineMiddleware, SessionMiddleware):
        chaine = couche(chaine)
    chaine(ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO()))
    return lu[0]


def _visitor(request: HttpRequest) -> Visiteur | int:
    acteur: Acteur | None = request.acteur  # type: ignore[attr-defined]
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    if acteur is None or not peut(acteur, "session").ok:
        return FIN_SESSION
    if poste is None or poste.etat != Poste.Etat.ASSOCIE:
        return FIN_SANS
    if parametres.valeur(acteur.officine_id, TRANSPORT) == "loopback":
        return FIN_SANS
    return Visiteur(acteur, poste.pk, str(request.session.session_key))


async def _serve_page(scope: Scope, prise: Prise) -> None:
    qui = await _ask(identify, scope)
    await prise.accept("officine.agent.v1")
    if isinstance(qui, int):
        await prise.close(qui)
        return
    page = secrets.token_hex(8)
    vers_agent = relais.canal_agent(qui.poste_id)
    async with _listening(relais.canal_page(qui.poste_id, page)) as (client, trames):
        if not await client.publish(vers_agent, relais.seal({"c": page, "t": "ouvre"})):
            await prise.close(FIN_ABSENT)
            return
        try:
            await _first(
                _to_page(prise, trames),
                _from_page(prise, page, client, vers_agent),
                _watch(prise, qui),
            )
        finally:
            await client.publish(vers_agent, relais.seal({"c": page, "t": "ferme"}))


async def _to_page(prise: Prise, trames: AsyncIterator[dict[str, Any]]) -> None:
    async for trame in trames:
        if trame["t"] == "ferme":
            await prise.close(trame.get("code", 1000))
            return
        await prise.send(trame["d"])


async def _from_page(prise: Prise, page: str, client: Any, vers_agent: str) -> None:  # noqa: ANN401
    while True:
        texte = await prise.recv()
        if len(texte.encode()) > TRAME_MAX:
            await prise.close(FIN_TROP)
            return
        await client.publish(vers_agent, relais.seal({"c": page, "t": "trame", "d": texte}))


async def _watch(prise: Prise, qui: Visiteur) -> None:
    """Close the page's end with the session that opened it."""
    while True:
        await asyncio.sleep(PRESENCE_S)
        if not await _ask(qui.is_there):
            await prise.close(FIN_SESSION)
            return
