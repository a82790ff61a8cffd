"""A driver of cards under the eyes of a test."""

import asyncio
import time

import pytest

from agent.cards.pcsc.pilote import PilotePcsc
from agent.protocol.messages import ErreurAgent


class Temoin:
    """The driver of real readers on the loop of a test, and everything it told."""

    def __init__(self, scard, dossier, vitale="pcsc_min"):
        self.dits = []
        self._nouveau = asyncio.Event()
        self.pilote = PilotePcsc(scard, self._entendre, dossier, vitale)

    def _entendre(self, nom, payload):
        self.dits.append((nom, payload, time.monotonic()))
        self._nouveau.set()

    async def __aenter__(self):
        await self.pilote.start()
        return self

    async def __aexit__(self, *_exc):
        await self.pilote.stop()

    async def fait(self, nom, quand=lambda _p: True, depuis=0):
        """The first event of this name that fits, told or to come."""
        async with asyncio.timeout(10):
            while True:
                for dit, payload, _t in self.dits[depuis:]:
                    if dit == nom and quand(payload):
                        return payload
                self._nouveau.clear()
                await self._nouveau.wait()

    async def etats(self, *attendus):
        """Wait until the readers are in these states."""
        return await self.fait(
            "readers.changed", lambda p: [r["state"] for r in p["readers"]] == list(attendus)
        )

    def noms(self, nom):
        return [payload for dit, payload, _t in self.dits if dit == nom]

    async def lire(self, lecteur=""):
        return await self.pilote.lire_vitale(self.pilote.carte("vitale", lecteur))

    async def refus(self, lecteur=""):
        with pytest.raises(ErreurAgent) as leve:
            await self.lire(lecteur)
        return leve.value.code
