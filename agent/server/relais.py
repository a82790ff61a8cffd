"""The relay: one outgoing connection to the server carries the pages that cannot reach loopback.

Same messages, same receipts, same front tab as on loopback (agent.md §5.12). A frame of the relay
is `{"c": page, "t": "ouvre" | "trame" | "ferme", …}`; `config` and its like concern the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from agent import VERSION, journal, jws
from agent.protocol import messages
from agent.protocol.messages import FERMETURES

if TYPE_CHECKING:
    from agent.server.agent import Agent

ATTENTES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
OUVERTURE_S = 10
# A relay frame wraps one message of a page.
TRAME_MAX = messages.TAILLE_MAX * 2


class PriseRelais:
    """The part of the relay that carries one page: what comes from it, what goes to it."""

    def __init__(self, ws: ClientConnection, page: str) -> None:
        self.ws = ws
        self.page = page
        self._recues: asyncio.Queue[str | None] = asyncio.Queue(256)
        self._fermee = False

    async def send(self, message: str) -> None:
        """Send a frame to the page."""
        await self.ws.send(json.dumps({"c": self.page, "t": "trame", "d": message}))

    async def close(self, code: int = 1000) -> None:
        """Close the page with this code."""
        if not self._fermee:
            with contextlib.suppress(ConnectionClosed):
                await self.ws.send(json.dumps({"c": self.page, "t": "ferme", "code": code}))
        self.end()

    def end(self) -> None:
        """The page is gone: nothing more comes."""
        if not self._fermee:
            self._fermee = True
            with contextlib.suppress(asyncio.QueueFull):
                self._recues.put_nowait(None)

    def push(self, trame: str) -> bool:
        """Take a frame of the page; False when it sends faster than it is served."""
        try:
            self._recues.put_nowait(trame)
        except asyncio.QueueFull:
            return False
        return True

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Yield what the page sends, until it goes."""
        while not (self._fermee and self._recues.empty()):
            trame = await self._recues.get()
            if trame is None:
                return
            yield trame


class Relais:
    """Keeps the outgoing connection open while the officine's setting wants it."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._pages: dict[str, tuple[PriseRelais, asyncio.Task[None]]] = {}

    @property
    def voulu(self) -> bool:
        """Whether the officine lets pages come by the relay."""
        return self.agent.enrole and self.agent.enrolement.transport in {"auto", "relais"}

    async def run(self) -> None:
        """Connect, serve, connect again with growing pauses; for ever."""
        essai = 0
        while True:
            if self.voulu and await self._serve_once():
                essai = 0
            pause = ATTENTES_S[min(essai, len(ATTENTES_S) - 1)] * random.uniform(0.7, 1.3)  # noqa: S311
            essai += 1
            await asyncio.sleep(pause if self.voulu else 1.0)

    def _url(self) -> str:
        return self.agent.enrolement.emetteur.replace("http", "ws", 1) + "/agent/relay"

    async def _serve_once(self) -> bool:
        """Serve one connection to its end; tell whether it was accepted."""
        accepte = False
        try:
            async with connect(
                self._url(),
                compression=None,
                max_size=TRAME_MAX,
                ping_interval=20,
                ping_timeout=20,
                open_timeout=OUVERTURE_S,
                close_timeout=1,
                proxy=None,
            ) as ws:
                await ws.send(self._answer(json.loads(await ws.recv())))
                accepte = json.loads(await ws.recv()).get("t") == "pret"
                journal.note("relais", ouvert=int(accepte))
                async for trame in ws:
                    await self._receive(ws, json.loads(trame))
                    if not self.voulu:
                        break
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage):
            pass
        except (ValueError, KeyError, TypeError, AttributeError):
            journal.note("relais", code="trame")
        finally:
            await self._end_pages()
        return accepte

    def _answer(self, defi: dict[str, Any]) -> str:
        """Sign the server's challenge with the workstation's key."""
        tenu = self.agent.enrolement
        contenu = {
            "iss": f"agent:{tenu.wid}",
            "aud": tenu.emetteur,
            "challenge": str(defi["challenge"]),
            "agent": VERSION,
            "iat": int(time.time()),
        }
        return json.dumps({"preuve": jws.sign(self.agent.registre.cle, "agent-relay+jwt", contenu)})

    async def _receive(self, ws: ClientConnection, trame: dict[str, Any]) -> None:
        genre, page = trame["t"], str(trame.get("c") or "")
        if genre == "config" and self.agent.suivi is not None:
            self.agent.suivi.wake()
        elif genre == "ouvre":
            self._open(ws, page)
        elif page in self._pages:
            prise, _tache = self._pages[page]
            if genre == "ferme" or len(trame["d"]) > messages.TAILLE_MAX:
                prise.end()
            elif not prise.push(trame["d"]):
                await prise.close(FERMETURES["inondation"])

    def _open(self, ws: ClientConnection, page: str) -> None:
        prise = PriseRelais(ws, page)
        tache = asyncio.create_task(self._serve_page(prise))
        self._pages[page] = (prise, tache)

    async def _serve_page(self, prise: PriseRelais) -> None:
        origine = self.agent.enrolement.emetteur
        try:
            if self.agent.porte.refusal(origine):
                await prise.close(FERMETURES["saturation"])
                return
            await self.agent.serve_tab(prise, prise.frames(), origine)
        except ConnectionClosed:
            pass
        finally:
            prise.end()
            self._pages.pop(prise.page, None)

    async def _end_pages(self) -> None:
        for prise, _tache in list(self._pages.values()):
            prise.end()
        taches = [tache for _prise, tache in list(self._pages.values())]
        if taches:
            await asyncio.wait(taches, timeout=2)
