"""Keeping up with the server: its configuration every minute, its keys when one is unknown."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import VERSION, confiance, journal, jws, web
from agent.policy import Enrolement

if TYPE_CHECKING:
    from agent.server.agent import Agent

TOUR_S = 60.0
SANS_ENROLEMENT_S = 2.0
JWKS_S = 60.0


class Suivi:
    """Asks the server what changed; a revocation wipes the key (agent.md §5.4, points 5 and 6)."""

    def __init__(self, agent: Agent, dossier: Path) -> None:
        self.agent = agent
        self.dossier = dossier
        self._reveil = asyncio.Event()
        self._cles_demandees = float("-inf")

    def wake(self) -> None:
        """Ask now rather than at the next round."""
        self._reveil.set()

    async def run(self) -> None:
        """Ask at once, then every minute; without enrolment, look for the one a window writes."""
        while True:
            try:
                if self.agent.enrole:
                    await self.ask()
                else:
                    self._load()
            except OSError as exc:  # a disk that refuses: what is followed is not lost for that
                journal.note("suivi", classe=type(exc).__name__)
            self._reveil.clear()
            delai = TOUR_S if self.agent.enrole else SANS_ENROLEMENT_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reveil.wait(), delai)

    def _load(self) -> None:
        if not (self.dossier / confiance.ENROLEMENT).exists():
            return
        try:
            enrolement, motifs = confiance.load_enrolment(self.dossier)
            self.agent.registre.cle = confiance.load_key(self.dossier, create=False)
        except SystemExit:
            journal.note("enrolement", code="faux")
            return
        self.agent.apply(enrolement, motifs)
        journal.note("enrolement", code="ok")

    async def ask(self) -> None:
        """Ask for the configuration once; what is not signed by the server changes nothing."""
        tenu = self.agent.enrolement
        try:
            statut, objet = await asyncio.to_thread(
                web.call,
                tenu.emetteur,
                f"/api/agent/config/{tenu.wid}",
                Authorization=f"Poste {self._proof(tenu)}",
            )
        except web.WebRefuse:
            return
        if statut == 200:
            await self.receive(objet)
        elif statut == 403:
            # No longer known by this key: this workstation may have been paired anew meanwhile.
            self._load()

    def _proof(self, tenu: Enrolement) -> str:
        contenu = {
            "iss": f"agent:{tenu.wid}",
            "aud": tenu.emetteur,
            "iat": int(time.time()),
            "agent": VERSION,
        }
        return jws.sign(self.agent.registre.cle, "agent-poll+jwt", contenu)

    async def receive(self, objet: Any) -> None:  # noqa: ANN401 - what came from the network
        """Apply a signed configuration, or the end of the enrolment."""
        if isinstance(objet, dict) and self.is_unknown(objet.get("config_jws")):
            await self.refresh_keys()
        try:
            neuf = confiance.check_update(self.agent.enrolement, objet)
            motifs = confiance.read_motifs(objet)
        except confiance.ConfigRefusee as exc:
            journal.note("config", code=str(exc))
            return
        if neuf.etat == "revoque":
            self.agent.revoke()
            confiance.wipe(self.dossier)
            journal.note("revoque")
        elif neuf != self.agent.enrolement:
            self.agent.apply(neuf, motifs)
            confiance.save_enrolment(self.dossier, objet)
            journal.note("config", code="ok", seq=neuf.seq)

    def is_unknown(self, jeton: object) -> bool:
        """Tell whether a signed text names a key of the server that is not held."""
        tenues = {c.get("kid") for c in self.agent.enrolement.cles}
        return isinstance(jeton, str) and (kid := _kid(jeton)) is not None and kid not in tenues

    async def refresh_keys(self) -> None:
        """Ask for the server's keys, once a minute at most (§5.5)."""
        if time.monotonic() - self._cles_demandees < JWKS_S:
            return
        self._cles_demandees = time.monotonic()
        tenu = self.agent.enrolement
        try:
            statut, lu = await asyncio.to_thread(
                web.call, tenu.emetteur, "/.well-known/agent-jwks.json"
            )
            cles = [c for c in lu["keys"] if jws.thumbprint(c["x"]) == c["kid"]]
        except (web.WebRefuse, KeyError, TypeError, AttributeError):
            journal.note("jwks", code="refus")
            return
        if statut == 200 and cles and self.agent.enrolement == tenu:
            self.agent.apply(replace(tenu, cles=cles[:4]))
            journal.note("jwks", code="ok")
            self.wake()


def _kid(jeton: str) -> str | None:
    try:
        entete = json.loads(jws.unb64(jeton.partition(".")[0][:1000]))
        kid = entete.get("kid")
    except (ValueError, AttributeError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None
