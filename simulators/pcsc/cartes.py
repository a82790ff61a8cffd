"""A card file becomes a card: `load_card` (agent.md §7). The transport of T=0 is here, the chips
are beside. In process, no PC/SC: the bench puts the same object behind a virtual reader.
"""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from simulators.pcsc.apcv import PuceApcv
from simulators.pcsc.apdu import (
    LONGUEUR,
    RIEN_A_RENDRE,
    CarteInvalide,
    CarteRetiree,
    Commande,
    Refus,
    parse,
    status,
)
from simulators.pcsc.cps import PuceCps
from simulators.pcsc.fautes import Fautes
from simulators.pcsc.vitale import PuceVitale

SCHEMA = "officine.carte-sim/1"
ATR_MUET = b"\x00"
_GET_RESPONSE = 0xC0
_CHAINEE = 0x10


class Puce(Protocol):
    """What a kind of card does once the transport has read the command."""

    def reset(self) -> None:
        """Forget selected file, code presented, keys chosen."""

    def lose_applet(self) -> None:
        """The next command of the applet finds it gone (CPS4: 6985)."""

    def execute(self, c: Commande) -> bytes:
        """Return the data; Refus otherwise."""


class CarteVirtuelle:
    """One card in a slot. `apdu` returns what the card answers; CarteRetiree when it left."""

    def __init__(
        self,
        fichier: dict[str, Any],
        puce: Puce,
        attendre: Callable[[float], None] = time.sleep,
    ) -> None:
        self.fichier = fichier
        self.fautes = Fautes(fichier.get("faults", []))
        protocole = fichier.get("protocol", {})
        self.delai_s = int(protocole.get("delay_ms", 0)) / 1000
        self._strict = bool(protocole.get("t0_strict", False))
        self._max = int(protocole.get("max_le", 256))
        self._atr = bytes.fromhex(fichier["atr"])
        self._puce = puce
        self._attendre = attendre
        self._partie = threading.Event()
        self._reste, self._reste_cla, self._chaine = b"", 0, b""
        self._muette = False
        self.power_on()

    @property
    def atr(self) -> bytes:
        """The answer to reset, or nonsense while the card is mute."""
        return ATR_MUET if self._muette else self._atr

    def reset(self) -> None:
        """Power off, power on or reset: everything is forgotten but the tries of the code."""
        self._reste, self._chaine = b"", b""
        self._puce.reset()

    def power_on(self) -> None:
        """The card gets its current: the faults of power happen now."""
        self.reset()
        faute = self.fautes.on_power()
        self._muette = faute is not None and faute["do"] == "mute"
        if faute is not None and faute["do"] == "sw":
            self._puce.lose_applet()

    def remove(self) -> None:
        """The card leaves; a command that hangs ends."""
        self._partie.set()

    def apdu(self, octets: bytes) -> bytes:
        """Return the answer with its status word; empty when the exchange is lost."""
        if self._partie.is_set():
            raise CarteRetiree
        faute = self.fautes.on_apdu(octets)
        fait = faute["do"] if faute else ""
        if faute is None or fait in ("truncate", "garbage", "delay"):
            if faute and fait == "delay":
                self._attendre(int(faute["ms"]) / 1000)
            reponse = self._exchange(octets)
            return self._spoil(faute, reponse) if faute and fait != "delay" else reponse
        if fait == "pull":
            self.remove()
        elif fait == "hang":
            self._partie.wait()
        elif fait == "sw":
            return bytes.fromhex(faute["sw"])
        if self._partie.is_set():
            raise CarteRetiree
        return b""

    def _spoil(self, faute: dict[str, Any], reponse: bytes) -> bytes:
        """Shorten or replace the data; a status word alone leaves the fault for the next time."""
        if len(reponse) <= 2 or reponse[-2:] != b"\x90\x00":
            self.fautes.again(faute)
            return reponse
        if faute["do"] == "truncate":
            return reponse[: min(int(faute["bytes"]), len(reponse) - 2)] + b"\x90\x00"
        return random.randbytes(len(reponse) - 2) + b"\x90\x00"  # noqa: S311

    def _exchange(self, octets: bytes) -> bytes:
        try:
            return self._command(parse(octets))
        except Refus as refus:
            self._chaine = b""
            return status(refus.sw)

    def _command(self, c: Commande) -> bytes:
        if c.ins == _GET_RESPONSE:
            return self._get_response(c)
        self._reste = b""
        if c.cla != 0xA0 and c.cla & _CHAINEE:
            self._chaine += c.data
            return status(0x9000)
        if self._chaine:
            c, self._chaine = c.with_data(self._chaine + c.data), b""
        sortie = self._puce.execute(c)
        if not sortie:
            return status(0x9000)
        if c.data and (self._strict or c.le is None):
            return self._keep(c.cla, sortie)
        return self._give(c, sortie)

    def _keep(self, cla: int, sortie: bytes) -> bytes:
        """T=0: the data wait for GET RESPONSE; 9F in class A0, 61 elsewhere."""
        self._reste, self._reste_cla = sortie, cla
        sw1 = 0x9F if cla == 0xA0 else 0x61
        return bytes([sw1, len(sortie) if len(sortie) < 0x100 else 0])

    def _give(self, c: Commande, sortie: bytes) -> bytes:
        voulu = c.le or 0
        if voulu > self._max:
            return bytes([0x6C, self._max & 0xFF])
        if self._strict and voulu > len(sortie):
            return bytes([0x6C, len(sortie)])
        donne, reste = sortie[:voulu], sortie[voulu:]
        return donne + (self._keep(c.cla, reste) if reste else status(0x9000))

    def _get_response(self, c: Commande) -> bytes:
        """Give what waits, to the class that asked for it; anything else loses it."""
        sortie, self._reste = self._reste, b""
        if not sortie or c.cla != self._reste_cla:
            raise Refus(RIEN_A_RENDRE)
        if c.le is None or c.data:
            raise Refus(LONGUEUR)
        if c.le > len(sortie):
            self._reste = sortie
            return bytes([0x6C, len(sortie)])
        donne, reste = sortie[: c.le], sortie[c.le :]
        return donne + (self._keep(c.cla, reste) if reste else status(0x9000))


def load_card(
    fichier: dict[str, Any],
    cles: Path,
    etat: Path | None = None,
    attendre: Callable[[float], None] = time.sleep,
) -> CarteVirtuelle:
    """Return the card of this file, powered.

    `cles` is the folder of `python -m simulators.pki`. `etat` is a folder where the tries left of
    the code outlive an extraction (§7.3); without it they start from the file. CarteInvalide.
    """
    if fichier.get("schema") != SCHEMA:
        raise CarteInvalide(f"le schéma attendu est {SCHEMA}")
    puce: Puce
    match fichier.get("kind"):
        case "vitale":
            puce = PuceVitale(fichier)
        case "cps":
            puce = PuceCps(fichier["cps"], cles, etat)
        case "apcv":
            puce = PuceApcv(fichier["apcv"])
        case autre:
            raise CarteInvalide(f"genre de carte inconnu : {autre}")
    return CarteVirtuelle(fichier, puce, attendre)
