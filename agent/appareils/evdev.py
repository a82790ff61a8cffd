"""`scanner_evdev`: a scanner that types, read by the positions of its keys (agent.md §4.1, §4.4).

The node is grabbed: the system and the page never see the keys. Refused, the scanner is not read
here at all, and that is said: the page reads it as a keyboard (`clavier_partage`).
"""

import fcntl
import os
import struct
from pathlib import Path

from agent.appareils.base import Branche, Flux, Identite, Partage, Reglage
from agent.appareils.noeuds import read_line, read_now
from agent.appareils.touches import Clavier

EVIOCGRAB = 0x40044590
EV_KEY = 1
BAS, HAUT = 1, 0
EVENEMENT = struct.Struct("@llHHi")
LECTURE_MAX = EVENEMENT.size * 64


class ClavierSaisi:
    """A keyboard node grabbed for us alone."""

    def __init__(self, chemin: str, reglage: Reglage, *, exclusif: bool = True) -> None:
        self._clavier = Clavier(reglage.disposition, reglage.gs)
        self._reste = b""
        try:
            self._fd = os.open(chemin, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as exc:
            raise Partage from exc
        try:
            if exclusif:
                fcntl.ioctl(self._fd, EVIOCGRAB, 1)
        except OSError as exc:
            os.close(self._fd)
            raise Partage from exc

    def fileno(self) -> int:
        """Return what the loop watches."""
        return self._fd

    def read(self) -> bytes:
        """Return what the keys typed. OSError when the keyboard is gone."""
        octets = read_now(self._fd, LECTURE_MAX)
        texte, self._reste = decode(self._reste + octets, self._clavier)
        return texte.encode()

    def close(self) -> None:
        """Give the keyboard back to the system."""
        os.close(self._fd)


def decode(octets: bytes, clavier: Clavier) -> tuple[str, bytes]:
    """Return (text of these kernel events, bytes of an event not whole yet)."""
    entiers = len(octets) - len(octets) % EVENEMENT.size
    texte = ""
    for _s, _us, genre, code, valeur in EVENEMENT.iter_unpack(octets[:entiers]):
        if genre == EV_KEY and valeur == BAS:
            texte += clavier.press(code)
        elif genre == EV_KEY and valeur == HAUT:
            texte += clavier.release(code)
    return texte, octets[entiers:]


class PiloteEvdev:
    """Finds keyboard nodes by the identity of the USB device behind them."""

    nom = "scanner_evdev"

    def __init__(self, racine: Path = Path("/"), *, exclusif: bool = True) -> None:
        self._exclusif = exclusif
        self._input, self._dev = racine / "sys/class/input", racine / "dev/input"

    def list_plugged(self) -> list[Branche]:
        """Return the input nodes plugged in now, with who is behind."""
        trouves = []
        for noeud in sorted(self._input.glob("event*")):
            lus = [read_line(noeud / "device" / nom) for nom in ("id/vendor", "id/product", "uniq")]
            if lus[0] and lus[1]:
                trouves.append(Branche(str(self._dev / noeud.name), Identite(*lus)))
        return trouves

    def open(self, branche: Branche, reglage: Reglage) -> Flux:
        """Grab the node. Partage when the system keeps it; OSError when it is gone."""
        return ClavierSaisi(branche.chemin, reglage, exclusif=self._exclusif)
