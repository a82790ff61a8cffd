"""Asks for updates, prepares them, starts them when nobody needs the agent (agent.md §5.13)."""

from __future__ import annotations

import asyncio
import http.client
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent import VERSION, journal, web
from agent.maj import manifeste
from agent.maj.depot import TAILLE_MAX, Depot
from agent.protocol import messages
from agent.protocol.messages import ErreurAgent

if TYPE_CHECKING:
    from agent.server.agent import Agent

CHEMIN = "/api/agent/maj/manifeste"
RONDE_S = 6 * 3600.0
TOUR_S = 30.0
REPOS_S = 300.0
TELECHARGEMENT_S = 30.0
# Exit code of an agent that leaves its place to another version of itself: the service restarts it.
RELANCER = 75


class MiseAJour:
    """One agent's updates. `partir` ends the process; the service then starts the new version."""

    def __init__(
        self,
        agent: Agent,
        depot: Depot,
        partir: Callable[[], None],
        cles: Sequence[dict[str, str]] | None = None,
    ) -> None:
        self._agent = agent
        self.depot = depot
        self._partir = partir
        self._cles = manifeste.pinned_keys() if cles is None else list(cles)
        self.prete = ""
        self._occupe = time.monotonic()
        self._verrou = asyncio.Lock()

    def note_ready(self) -> None:
        """This version serves; one that never did, and was left, is told once in the log."""
        self.depot.ready()
        echouee = self.depot.etat().echouee
        if echouee:
            journal.note("maj", code="retour", version=echouee)

    async def run(self) -> None:
        """Ask every six hours, apply when the agent rests; for ever."""
        prochaine = 0.0
        while True:
            if self._agent.enrole and time.monotonic() >= prochaine:
                prochaine = time.monotonic() + RONDE_S
                try:
                    await self.check()
                except ErreurAgent as erreur:
                    journal.note("maj", code=erreur.code, motif=str(erreur.details.get("motif")))
            self.apply()
            await asyncio.sleep(TOUR_S)

    async def check(self) -> dict[str, Any]:
        """Ask the server now; prepare what it offers. Raises E_UPDATE_SIGNATURE."""
        tenu = self._agent.enrolement
        async with self._verrou:
            try:
                statut, lu = await asyncio.to_thread(web.call, tenu.emetteur, CHEMIN)
            except web.WebRefuse:
                return self._answer("")
            if statut != 200 or not isinstance(lu, dict):
                return self._answer("")
            offert = manifeste.check(
                str(lu.get("manifeste") or ""),
                self._cles,
                tenue=VERSION,
                protocole=messages.VERSION_PROTOCOLE,
                maintenant=datetime.now(UTC),
            )
            if offert is not None and offert.version != self.depot.etat().echouee:
                await self._prepare(offert)
            return self._answer(offert.version if offert else "")

    def _answer(self, offerte: str) -> dict[str, Any]:
        trop = self._agent.enrolement.is_too_old(VERSION)
        return {"current": VERSION, "available": offerte or None, "mandatory": trop}

    async def _prepare(self, offert: manifeste.Manifeste) -> None:
        """Download and unpack beside; nothing of what runs is touched."""
        if self.prete == offert.version:
            return
        artefact = offert.artefact(platform.system().lower(), platform.machine().lower())
        if artefact is None:
            return
        octets = await asyncio.to_thread(download, artefact.url, artefact.size)
        await asyncio.to_thread(self.depot.install, offert.version, artefact, octets)
        self.prete = offert.version
        journal.note("maj", code="prete", version=offert.version)

    def apply(self) -> bool:
        """Start the prepared version, if nobody needs this one; True when it leaves."""
        maintenant = time.monotonic()
        if self._agent.is_busy():
            self._occupe = maintenant
        if not self.prete or maintenant - self._occupe < REPOS_S:
            return False
        self.depot.switch(self.prete)
        journal.note("maj", code="appliquee", version=self.prete)
        self._partir()
        return True


def download(url: str, taille: int) -> bytes:
    """Return a file of this size (blocking); https, or http on this machine; no redirection.

    Raises E_UPDATE_SIGNATURE: the caller checks its hash.
    """
    lue = urlsplit(url)
    if not 0 < taille <= TAILLE_MAX:
        raise ErreurAgent("E_UPDATE_SIGNATURE", motif="taille")
    try:
        prise = web.connect(f"{lue.scheme}://{lue.netloc}", TELECHARGEMENT_S)
        try:
            prise.request("GET", lue.path or "/")
            reponse = prise.getresponse()
            return reponse.read(taille + 1) if reponse.status == 200 else b""
        finally:
            prise.close()
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise ErreurAgent("E_UPDATE_SIGNATURE", motif="telechargement") from exc
