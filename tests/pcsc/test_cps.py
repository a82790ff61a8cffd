"""A CPS behind the real pcscd: its code, its signatures, what it forgets."""

import asyncio
import base64
import json

import pytest

from agent.cards.pcsc import scard
from tests.agent.banc_cps import MARTIN, Banc
from tests.agent.canal import cps
from tests.agent.poste import seul


class BancReel(Banc):
    """The same person and the same driver, on the readers of the bench."""

    def __init__(self, tls, dossier, banc):
        super().__init__(tls, dossier, scard.load())
        self.banc, self.dossier = banc, dossier

    async def inserer(self, nom="cps-martin", logement=1, **champs):
        fichier = self.dossier / "carte.json"
        fichier.write_text(json.dumps(cps(nom, **champs)), encoding="utf-8")
        avant = len(self.dits)
        await asyncio.to_thread(self.banc.insert, logement, fichier)
        await self.jusqu_a(lambda: any(d[0] == "card.inserted" for d in self.dits[avant:]))
        # The bench makes keys of its own.
        lue = await self.pilote.lire_cps(self.pilote.carte("cps"))
        self.der = base64.b64decode(lue["certificat_sig_b64"])

    def certificat(self, cle="sig"):
        return self.der


@pytest.mark.exigence("AGT-01", "AGT-02")
@pytest.mark.cas("agent-32", "agent-35", "agent-40")
@pytest.mark.parametrize("generation", ["CPS3", "CPS4"])
@seul
async def test_a_code_then_signatures_through_pcscd(banc, tls, tmp_path, generation):
    async with BancReel(tls, tmp_path, banc) as reel:
        await reel.inserer(generation=generation)
        lue = await reel.pilote.lire_cps(reel.pilote.carte("cps"))
        assert (lue["nom"], lue["simulated"], reel.fenetres) == ("MARTIN", True, [])
        reel.saisies = [b"9417", b"1234"]
        assert len(await reel.signer()) == 3
        assert [v.essais for v in reel.fenetres] == [3, 2]
        situations = await reel.pilote.lire_situations(reel.pilote.carte("cps"))
        assert (situations["id_nat"], len(situations["situations"])) == (MARTIN, 1)
        assert len(reel.fenetres) == 2
        # Locked: the card itself forgets, the code is asked for again.
        reel.pilote.pin_lock()
        reel.saisies = [b"1234"]
        await reel.signer()
        assert [v.essais for v in reel.fenetres] == [3, 2, 3]


@pytest.mark.cas("agent-37")
@seul
async def test_a_card_pulled_under_its_window_through_pcscd(banc, tls, tmp_path):
    async with BancReel(tls, tmp_path, banc) as reel:
        await reel.inserer()
        essai = asyncio.ensure_future(reel.signer())
        await reel.jusqu_a(lambda: reel.fenetres)
        await asyncio.to_thread(banc.remove, 1)
        assert await reel.refus(essai) == "E_CARD_REMOVED"
        assert reel.pilote.codes.vue is None
