"""The hardware of a contract test: the same gestures, whichever driver reads the cards."""

import asyncio
import json

from tests.agent.poste import CARTES, carte

VITALE, CPS, NFC = "vitale", "cps", "apcv"


def fichier(nom, **autres):
    """A card file of the demonstration or of the bench, parts of it changed."""
    banc = CARTES / "banc" / f"{nom}.json"
    lue = json.loads(banc.read_text(encoding="utf-8")) if banc.exists() else carte(nom)
    return {**lue, **autres}


class MaterielScripte:
    """Readers in memory, moved through the control socket of the agent."""

    def __init__(self, poste):
        self.poste = poste
        self.lecteurs = {VITALE: "vitale", CPS: "cps", NFC: "apcv"}

    def inserer(self, place, lue):
        assert self.poste.geste("insert", reader=place, card=lue)["ok"]

    def retirer(self, place):
        assert self.poste.geste("remove", reader=place)["ok"]

    def echanger(self, place, lue):
        assert self.poste.geste("swap", reader=place, card=lue)["ok"]

    async def vide(self, page, place):
        """Nothing to wait for: a reader in memory is empty at once."""

    def telephone(self):
        texte = "APCVSIM1." + "N" * 60 + "." + "B" * 86
        tete = {"schema": "officine.carte-sim/1", "kind": "apcv", "atr": "3B80800101"}
        return {**tete, "apcv": {"texte": texte}}

    def cps(self):
        return fichier("cps-martin")


class MaterielPcsc:
    """Virtual cards behind the real service: one double reader, one more beside."""

    LOGEMENTS = {VITALE: 0, CPS: 1, NFC: 2}
    DEBUTS = {VITALE: ("sim-comptoir-", 0), CPS: ("sim-comptoir-", 1), NFC: ("sim-second-", 0)}

    def __init__(self, poste, banc, dossier):
        self.poste, self.banc, self.dossier = poste, banc, dossier
        self.lecteurs = {}
        self._rang = 0

    def _ecrire(self, lue):
        self._rang += 1
        chemin = self.dossier / f"carte-{self._rang}.json"
        chemin.write_text(json.dumps(lue), encoding="utf-8")
        return chemin

    def inserer(self, place, lue):
        self.banc.insert(self.LOGEMENTS[place], self._ecrire(lue))

    def retirer(self, place):
        self.banc.remove(self.LOGEMENTS[place])

    def echanger(self, place, lue):
        self.banc.swap(self.LOGEMENTS[place], self._ecrire(lue))

    async def vide(self, page, place):
        """Wait until the service saw the slot empty: put back sooner, a card is not seen (§6.5)."""
        async with asyncio.timeout(10):
            while True:
                lus = (await page.demander("state.get"))["payload"]["readers"]
                etats = {r["id"]: r["state"] for r in lus}
                debut, rang = self.DEBUTS[place]
                noms = sorted(ident for ident in etats if ident.startswith(debut))
                if len(noms) == 2 and etats[noms[rang]] == "empty":
                    self.lecteurs[place] = noms[rang]
                    return
                await asyncio.sleep(0.05)

    def telephone(self):
        texte = "APCVSIM1." + "N" * 400 + "." + "B" * 86
        return {**fichier("apcv-01"), "apcv": {"texte": texte}}

    def cps(self):
        return fichier("cps-01")
