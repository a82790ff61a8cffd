"""The hardware of a contract test: the same gestures, whichever driver reads the cards."""

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

    async def vide(self, page):
        """Nothing to wait for: a reader in memory is empty at once."""

    def telephone(self):
        texte = "APCVSIM1." + "N" * 60 + "." + "B" * 86
        tete = {"schema": "officine.carte-sim/1", "kind": "apcv", "atr": "3B80800101"}
        return {**tete, "apcv": {"texte": texte}}

    def cps(self):
        return fichier("cps-martin")
