"""The manifest of updates: signed away from any server, checked against two pinned keys. Pure.

Source: agent.md §5.13. The keys are of the package (`cles.json`), never of the officine's server:
who holds the server cannot have a program installed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from agent import jws
from agent.protocol.messages import ErreurAgent

TYPE = "agent-update+jwt"
CLES_MAX = 2


@dataclass(frozen=True)
class Artefact:
    """One file for one system; `os` and `arch` may be « any »."""

    os: str
    arch: str
    url: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifeste:
    """A version offered, until when, and its files."""

    version: str
    min_protocol: int
    released_at: datetime
    expires: datetime
    artefacts: tuple[Artefact, ...]

    def artefact(self, systeme: str, machine: str) -> Artefact | None:
        """Return the file for this system, None when there is none."""
        return next(
            (a for a in self.artefacts if a.os in {systeme, "any"} and a.arch in {machine, "any"}),
            None,
        )


def pinned_keys() -> list[dict[str, str]]:
    """Return the public keys delivered with this version of the agent, two at most."""
    lues = json.loads(files("agent.maj").joinpath("cles.json").read_text(encoding="utf-8"))
    return [dict(c) for c in lues][:CLES_MAX]


def rank(version: str) -> tuple[int, ...]:
    """Return a version as numbers. ValueError when it is not three of them."""
    parts = tuple(int(part) for part in version.split("."))
    if len(parts) != 3:
        raise ValueError("version")
    return parts


def check(
    jeton: str, cles: Sequence[dict[str, str]], *, tenue: str, protocole: int, maintenant: datetime
) -> Manifeste | None:
    """Return the manifest of a newer version, None when this version is the one offered.

    Raises E_UPDATE_SIGNATURE for a wrong signature, an older version, a manifest out of date or
    malformed, a protocol that this version's pages do not know.
    """
    try:
        lu = _read(jws.verify(jeton, TYPE, list(cles)))
    except jws.JwsRefuse as exc:
        raise _refuse("signature") from exc
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _refuse("forme") from exc
    if maintenant >= lu.expires:
        raise _refuse("perime")
    if rank(lu.version) < rank(tenue):
        raise _refuse("ancienne")
    if lu.min_protocol > protocole + 1:
        raise _refuse("protocole")
    return lu if rank(lu.version) > rank(tenue) else None


def _refuse(motif: str) -> ErreurAgent:
    return ErreurAgent("E_UPDATE_SIGNATURE", motif=motif)


def _read(claims: dict[str, Any]) -> Manifeste:
    artefacts = tuple(
        Artefact(str(a["os"]), str(a["arch"]), str(a["url"]), str(a["sha256"]), int(a["size"]))
        for a in claims["artifacts"]
    )
    rank(claims["version"])
    dates = [datetime.fromisoformat(claims[nom]) for nom in ("released_at", "expires")]
    if any(date.tzinfo is None for date in dates) or not artefacts:
        raise ValueError("forme")
    return Manifeste(
        str(claims["version"]), int(claims["min_protocol"]), dates[0], dates[1], artefacts
    )
