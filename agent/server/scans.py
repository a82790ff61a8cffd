"""What devices read: framed, classified, given to the tab in front."""

import asyncio
import time
from typing import Any

from agent.protocol.classification import Motifs
from agent.scanner import Appareil, Evenement
from agent.server.onglets import Connexion, Onglets

SCAN_GARDE_S = 10
# Events that go to the tab in front, or wait for one.
LECTURES = frozenset({"scan", "apcv"})


class Scans:
    """The devices of the poste; without a tab in front, the last scan waits ten seconds."""

    def __init__(self, motifs: Motifs, onglets: Onglets) -> None:
        self.onglets = onglets
        self._motifs = motifs
        self._appareils: dict[str, Appareil] = {}
        self._garde: tuple[float, Evenement] | None = None
        self._oubli: asyncio.TimerHandle | None = None

    def use(self, motifs: Motifs) -> None:
        """Read with these grammars from now on: the server refreshed them."""
        self._motifs = motifs
        for appareil in self._appareils.values():
            appareil.motifs = motifs

    def declare(self, device: str, role: str, silence_s: float) -> None:
        """Know a paired scanner before it reads anything."""
        self._appareils[device] = Appareil(device, self._motifs, role, silence_s)

    def drop(self, device: str) -> None:
        """Forget the frame that a scanner was sending when it left."""
        if device in self._appareils:
            self._appareils[device].drop()

    def dropped(self, device: str) -> int:
        """Return how many bytes of a scanner belonged to no frame."""
        return self._appareils[device].ignores if device in self._appareils else 0

    def give_kept(self, connexion: Connexion) -> None:
        """Give the scan that waited to the tab that comes in front."""
        if self._garde is not None:
            self.onglets.event(connexion, *self._garde[1])
        self.forget()

    def on_bytes(self, device: str, octets: bytes) -> None:
        """Take the bytes of a device: a frame ends by its terminator, or after a silence."""
        appareil = self._appareils.setdefault(device, Appareil(device, self._motifs))
        if appareil.silence is not None:
            appareil.silence.cancel()
        self._deliver(appareil, appareil.feed(octets, time.monotonic()))
        boucle = asyncio.get_running_loop()
        appareil.silence = boucle.call_later(appareil.silence_s, self._on_silence, appareil)

    def _on_silence(self, appareil: Appareil) -> None:
        self._deliver(appareil, appareil.flush(time.monotonic()))

    def _on_turn(self, appareil: Appareil) -> None:
        appareil.tour = None
        self._deliver(appareil, appareil.due(time.monotonic()))

    def _deliver(self, appareil: Appareil, evenements: list[tuple[str, dict[str, Any]]]) -> None:
        for nom, payload in evenements:
            if nom in LECTURES:
                self._on_scan((nom, payload), appareil.role)
            else:
                self.onglets.to_focus(nom, payload)
        attente = appareil.wait_s(time.monotonic())
        if attente is not None and appareil.tour is None:
            boucle = asyncio.get_running_loop()
            appareil.tour = boucle.call_later(attente, self._on_turn, appareil)

    def _on_scan(self, scan: Evenement, role: str) -> None:
        """Give it to the tab in front; without one, keep the last for ten seconds."""
        if self.onglets.focus is not None:
            if role not in self.onglets.focus.muets:
                self.onglets.event(self.onglets.focus, *scan)
            return
        self._drop_kept()
        self._garde = (time.monotonic(), scan)
        self._oubli = asyncio.get_running_loop().call_later(SCAN_GARDE_S, self._drop_kept)

    def _drop_kept(self) -> None:
        if self._garde is not None:
            age_ms = round((time.monotonic() - self._garde[0]) * 1000)
            nom, payload = self._garde[1]
            classe = "apcv" if nom == "apcv" else payload["class"]
            self.forget()
            self.onglets.broadcast("scan.undelivered", {"class": classe, "age_ms": age_ms})

    def forget(self) -> None:
        """Keep no scan any more."""
        self._garde = None
        if self._oubli is not None:
            self._oubli.cancel()
            self._oubli = None
