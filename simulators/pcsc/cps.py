"""A CPS: which volets its generation has, and which one a class of command reaches (§1.2, §1.3).

CPS3: IAS-ECC and CPS2ter. CPS4: ChipDoc in class 01 and CPS2ter; `emulation: "CPS3"` is a CPS4 seen
through the IAS-ECC commands. CPS3-CL: CPS3 laid on a contactless reader.
"""

from pathlib import Path
from typing import Any, Protocol

from simulators.pcsc import volets
from simulators.pcsc.apdu import CLASSE, CarteInvalide, Commande, Refus
from simulators.pcsc.cles import load_pairs
from simulators.pcsc.code import CodePorteur
from simulators.pcsc.donnees_cps import contact_files, contactless_files, old_files
from simulators.pcsc.fichiers import Arbre


class Volet(Protocol):
    """One application of the card."""

    def reset(self) -> None:
        """Forget what was selected and chosen."""

    def execute(self, c: Commande) -> bytes:
        """Return the data; Refus otherwise."""


class PuceCps:
    """One card: the code is shared by its volets."""

    def __init__(self, cps: dict[str, Any], cles: Path, etat: Path | None = None) -> None:
        generation = cps["generation"]
        if generation not in ("CPS3", "CPS3-CL", "CPS4"):
            raise CarteInvalide(f"génération de CPS inconnue : {generation}")
        memoire = etat / f"{cps['serie']}.json" if etat is not None else None
        self.code = CodePorteur(cps["pin"], memoire)
        paires = load_pairs(cps, cles)
        natif = generation == "CPS4" and cps.get("emulation") != "CPS3"
        sans_contact = generation == "CPS3-CL"
        fichiers = (contactless_files if sans_contact else contact_files)(cps, paires)
        ancien = None if sans_contact else volets.Cps2ter(Arbre(old_files(cps)), self.code)
        self._chipdoc = volets.ChipDoc(Arbre(fichiers), self.code, paires) if natif else None
        self._volets: dict[int, Volet] = {}
        if self._chipdoc is not None and ancien is not None:
            ancien.to_choose = True
            self._volets[0x00] = volets.Choix(ancien, self._chipdoc)
            self._volets[0x01] = self._chipdoc
        else:
            self._volets[0x00] = volets.Ias(Arbre(fichiers), self.code, paires, sans_contact)
        if ancien is not None:
            self._volets[0xA0] = ancien

    def reset(self) -> None:
        """Power or reset: nothing is selected, the code is no longer presented."""
        self.code.presente = False
        for volet in self._volets.values():
            volet.reset()

    def lose_applet(self) -> None:
        """CPS4 only: the applet answers 6985 until it is selected again."""
        if self._chipdoc is not None:
            self._chipdoc.lose()

    def execute(self, c: Commande) -> bytes:
        """Send the command to the volet of its class; Refus(6E00)."""
        volet = self._volets.get(c.cla)
        if volet is None:
            raise Refus(CLASSE)
        return volet.execute(c)
