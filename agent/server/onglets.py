"""The connected pages: each with its outgoing queue, one of them in front."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from agent.policy import Acces, Cadence, Debit, Liaison
from agent.protocol import messages
from agent.protocol.messages import FERMETURES

FILE_MAX, FILE_OCTETS = 256, 1024 * 1024
COALESCES = {"readers.changed", "agent.status"}


class Sortie:
    """What a tab has not read yet: 256 frames or 1 MiB; then the last state alone, or the end."""

    def __init__(self) -> None:
        self._trames: deque[tuple[str, str]] = deque()
        self._octets = 0
        self._fin: int | None = None
        self._pret = asyncio.Event()

    @property
    def fermee(self) -> bool:
        """Whether the connection ends once what precedes is sent."""
        return self._fin is not None

    def add(self, genre: str, texte: str) -> bool:
        """Queue a frame; False when the tab is too slow to be served."""
        if self.fermee:
            return True
        if len(self._trames) >= FILE_MAX or self._octets + len(texte) > FILE_OCTETS:
            if genre not in COALESCES:
                return False
            self._drop(genre)
        self._trames.append((genre, texte))
        self._octets += len(texte)
        self._pret.set()
        return True

    def _drop(self, genre: str) -> None:
        """Forget an older state of the same kind; the page sees the gap in `seq`."""
        ancien = next((t for t in self._trames if t[0] == genre), None)
        if ancien is not None:
            self._trames.remove(ancien)
            self._octets -= len(ancien[1])

    def end(self, code: int) -> None:
        """Close with this code, after what is already queued."""
        if self._fin is None:
            self._fin = code
        self._pret.set()

    async def next(self) -> str | int:
        """Return the next frame, or the code to close with."""
        while not self._trames and self._fin is None:
            self._pret.clear()
            await self._pret.wait()
        if not self._trames:
            return self._fin or 1000
        _genre, texte = self._trames.popleft()
        self._octets -= len(texte)
        return texte


class Prise(Protocol):
    """What carries the frames of a tab: its socket, or its part of the relay."""

    async def send(self, message: str) -> None:
        """Send a frame."""

    async def close(self, code: int = 1000) -> None:
        """Close with this code."""


@dataclass(eq=False)
class Connexion:
    """One tab: its socket, its access, its outgoing queue."""

    ws: Prise
    liaison: Liaison
    acces: Acces | None = None
    seq: int = 0
    sortie: Sortie = field(default_factory=Sortie)
    en_vol: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    refus: int = 0
    debit: Debit = field(default_factory=Debit)
    muets: set[str] = field(default_factory=set)
    signatures: Cadence = field(default_factory=lambda: Cadence(5, 10))
    dernier: float = field(default_factory=time.monotonic)


class Onglets:
    """Every tab, the one in front, and what is said to them."""

    def __init__(self) -> None:
        self.connexions: list[Connexion] = []
        self.focus: Connexion | None = None
        self.occupes: dict[str, str] = {}
        # Requests of a card's code, in their order: several may wait for its one window.
        self.attendus: list[tuple[str, str]] = []
        self._fins: set[asyncio.Task[None]] = set()

    def send(self, connexion: Connexion, texte: str, genre: str = "res") -> None:
        """Queue a frame; a tab that does not read is closed and delays nobody."""
        if not connexion.sortie.add(genre, texte):
            connexion.sortie.end(FERMETURES["lent"])
            tache = asyncio.create_task(connexion.ws.close(FERMETURES["lent"]))
            self._fins.add(tache)
            tache.add_done_callback(self._fins.discard)

    def event(self, connexion: Connexion, nom: str, payload: dict[str, Any]) -> None:
        """Send an event to one authenticated tab."""
        if connexion.acces is None:
            return
        connexion.seq += 1
        ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.send(connexion, messages.build_event(nom, connexion.seq, ts, payload), nom)

    def broadcast(self, nom: str, payload: dict[str, Any]) -> None:
        """Send an event without personal data to every tab."""
        if nom == "card.removed" and (pendant := self._running(payload["reader"])):
            payload = {**payload, "during": pendant}
        for connexion in self.connexions:
            self.event(connexion, nom, payload)

    @contextmanager
    def waiting(self, lecteur: str, ident: str) -> Iterator[None]:
        """Hold the name of a request of the code while it lasts."""
        self.attendus.append((lecteur, ident))
        try:
            yield
        finally:
            self.attendus.remove((lecteur, ident))

    def _running(self, lecteur: str) -> str | None:
        """Return the request that a reader serves: a reading, else the first of the code's."""
        premiere = next((ident for qui, ident in self.attendus if qui == lecteur), None)
        return self.occupes.get(lecteur, premiere)

    def idle(self) -> Connexion | None:
        """Return the tab that asked for nothing for the longest time, if one may go.

        Neither the one in front, nor one that waits for an answer.
        """
        libres = [
            c
            for c in self.connexions
            if c.acces and not c.en_vol and not c.sortie.fermee and c is not self.focus
        ]
        return min(libres, key=lambda c: c.dernier, default=None)

    def end_all(self, code: int) -> None:
        """Close every tab, after what is already queued."""
        for connexion in self.connexions:
            connexion.sortie.end(code)

    def release(self, connexion: Connexion) -> None:
        """Leave the front, if this tab is there."""
        if self.focus is connexion:
            self.focus = None
            self.broadcast("focus.changed", {"owner_tab": None})

    def to_focus(self, nom: str, payload: dict[str, Any]) -> None:
        """Send an event to the tab in front, if there is one."""
        if self.focus is not None:
            self.event(self.focus, nom, payload)
