"""What the agent asks of a scanner driver, and how a scanner is known again (agent.md §4.1)."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from agent.scanner import SILENCE_S

ROLES = ("comptoir", "patient")
DISPOSITIONS = ("us", "fr")
_HEXA = re.compile(r"[0-9a-f]{4}")


@dataclass(frozen=True)
class Identite:
    """What stays when the cable moves: maker, model, serial number (the last may be empty)."""

    vid: str
    pid: str
    serie: str = ""

    def matches(self, vue: "Identite") -> bool:
        """Tell whether this is the scanner; without a serial number, any of its model is."""
        if (self.vid, self.pid) != (vue.vid, vue.pid):
            return False
        return not self.serie or self.serie == vue.serie


@dataclass(frozen=True)
class Branche:
    """Something plugged in that may be a scanner: its node of the moment."""

    chemin: str
    identite: Identite


@dataclass(frozen=True)
class Reglage:
    """A paired scanner: who it is, which side of the counter, how it is set.

    `disposition` is the keyboard the scanner believes it types on; `gs` the character it was set
    to send for GS, should it send one.
    """

    device: str
    role: str
    pilote: str
    identite: Identite
    silence_s: float = SILENCE_S
    disposition: str = "us"
    gs: str = ""

    @classmethod
    def from_dict(cls, objet: dict[str, Any]) -> "Reglage":
        """Read one entry of `appareils.json`; ValueError or KeyError when it cannot be used."""
        identite = Identite(
            str(objet["vid"]).lower(), str(objet["pid"]).lower(), str(objet.get("serie") or "")
        )
        reglage = cls(
            device=str(objet["device"]),
            role=str(objet["role"]),
            pilote=str(objet["pilote"]),
            identite=identite,
            silence_s=min(1000, max(20, int(objet.get("gap_ms", SILENCE_S * 1000)))) / 1000,
            disposition=str(objet.get("disposition", "us")),
            gs=str(objet.get("gs", ""))[:1],
        )
        if not (_HEXA.fullmatch(identite.vid) and _HEXA.fullmatch(identite.pid)):
            raise ValueError("identite")
        if reglage.role not in ROLES or reglage.disposition not in DISPOSITIONS:
            raise ValueError("role")
        return reglage

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of `appareils.json`."""
        return {
            "device": self.device,
            "role": self.role,
            "pilote": self.pilote,
            "vid": self.identite.vid,
            "pid": self.identite.pid,
            "serie": self.identite.serie,
            "gap_ms": round(self.silence_s * 1000),
            "disposition": self.disposition,
            "gs": self.gs,
        }


class Partage(Exception):
    """The device is there, but the system shares its keys with every window: it is not read."""


class Flux(Protocol):
    """An opened scanner."""

    def fileno(self) -> int:
        """Return what the loop watches."""

    def read(self) -> bytes:
        """Return what came, maybe nothing. OSError when the scanner is gone."""

    def close(self) -> None:
        """Give it back."""


class Pilote(Protocol):
    """One kind of plug."""

    nom: str

    def list_plugged(self) -> list[Branche]:
        """Return what is plugged in now."""

    def open(self, branche: Branche, reglage: Reglage) -> Flux:
        """Open it for us alone. OSError when it cannot be; Partage when it cannot be ours alone."""
