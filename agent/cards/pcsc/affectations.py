"""Which reader serves what, as the workstation was told, kept across restarts (§5.9). No I/O
but one small file.

A reader is known by its name without its rank, its serial number and its slot. Two of the same
name without a serial number cannot be told apart once replugged: what was assigned to them is
then forgotten, and asked again, never swapped in silence.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.fichiers import read_object, write_object

USAGES = ("vitale", "cps", "nfc", "ignore")
# « Name 01 00 » (rank, slot) on Linux and macOS; « Name 1 » on Windows.
_RANG_ET_FENTE = re.compile(r"(.*) ([0-9A-F]{2}) ([0-9A-F]{2})")
_RANG = re.compile(r"(.*) ([0-9]{1,2})")


@dataclass(frozen=True)
class Materiel:
    """A reader's name taken apart."""

    modele: str
    rang: str
    fente: str
    serie: str

    @property
    def cle(self) -> str:
        """What the assignment is kept under."""
        return "|".join((self.modele, self.serie or f"#{self.rang}", self.fente))


def take_apart(nom: str, serie: str = "") -> Materiel:
    """Return the parts of a PC/SC reader name. Source: agent.md §5.9, « names repeat »."""
    if trouve := _RANG_ET_FENTE.fullmatch(nom):
        return Materiel(trouve[1], trouve[2], trouve[3], serie)
    if trouve := _RANG.fullmatch(nom):
        return Materiel(trouve[1], trouve[2], "", serie)
    return Materiel(nom, "", "", serie)


class Affectations:
    """The uses told, and which of them may still be believed."""

    def __init__(self, fichier: Path) -> None:
        self._fichier = fichier
        self._usages = _load(fichier)
        # Keys of twins told since they were last plugged: the only ones believed.
        self._sures: set[str] = set()

    def use(self, materiel: Materiel, presents: Iterable[Materiel]) -> str:
        """Return what a reader serves, empty when it was not told or cannot be believed."""
        usage = self._usages.get(materiel.cle, "")
        if not usage or materiel.serie or materiel.cle in self._sures:
            return usage
        return "" if self._has_twins(materiel, presents) else usage

    def assign(self, materiel: Materiel, usage: str) -> None:
        """Keep what a reader serves. ValueError for an unknown use."""
        if usage not in USAGES:
            raise ValueError("usage")
        self._usages[materiel.cle] = usage
        self._sures.add(materiel.cle)
        write_object(self._fichier, self._usages)

    def unplugged(self, materiel: Materiel) -> None:
        """Note that a reader left: its twins may come back in another order."""
        self._sures = {cle for cle in self._sures if not cle.startswith(f"{materiel.modele}|#")}

    def _has_twins(self, materiel: Materiel, presents: Iterable[Materiel]) -> bool:
        """Tell whether another reader of this name is here, or was told a use: it may be it."""
        rangs = {m.rang for m in presents if m.modele == materiel.modele}
        rangs |= {
            cle.split("|")[-2].removeprefix("#")
            for cle in self._usages
            if cle.startswith(f"{materiel.modele}|#")
        }
        return len(rangs | {materiel.rang}) > 1


def _load(fichier: Path) -> dict[str, str]:
    """Return the uses kept; a file lost or broken has the workstation asked again."""
    return {cle: usage for cle, usage in read_object(fichier).items() if usage in USAGES}
