"""Invented people by the million, drawn from a seed: common French names, and a long rare tail.

Frequencies fall as in a real base (a few names carry many people), so that « MARTIN » is a hard
search and « TREZOUVEL » an easy one. Nobody here exists.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

_PARTIES = Path(__file__).with_name("noms.txt").read_text("utf-8").split("[")[1:]
_LISTES = {
    titre.strip(): suite.split()
    for titre, _, suite in (partie.partition("]") for partie in _PARTIES)
}
NOMS, PRENOMS_F, PRENOMS_M = (_LISTES[nom] for nom in ("NOMS", "PRENOMS_F", "PRENOMS_M"))
_DEBUTS, _MILIEUX, _FINS = (_LISTES[nom] for nom in ("DEBUTS", "MILIEUX", "FINS"))


@dataclass(frozen=True)
class Personne:
    """One invented person; `nom` is the birth name."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    prenoms: str = field(repr=False)
    naissance: date = field(repr=False)
    sexe: str = field(repr=False)
    cog: str
    nom_utilise: str = field(repr=False, default="")


def _weights(nombre: int) -> list[float]:
    """Return weights that fall with the rank, as family names do."""
    total, poids = 0.0, []
    for rang in range(1, nombre + 1):
        total += 1 / (rang + 4)
        poids.append(total)
    return poids


_POIDS_NOMS = _weights(len(NOMS))
_POIDS_F = _weights(len(PRENOMS_F))
_POIDS_M = _weights(len(PRENOMS_M))
_ORIGINE = date(1925, 1, 1)
_JOURS = (date(2025, 12, 31) - _ORIGINE).days


def _name(hasard: random.Random) -> str:
    """Four in ten carry a common name; the others, one of a few hundred thousand rare ones."""
    if hasard.random() < 0.4:
        return hasard.choices(NOMS, cum_weights=_POIDS_NOMS)[0].replace("_", " ")
    milieu = "".join(hasard.choice(_MILIEUX) for _ in range(hasard.choice((0, 1, 1, 2))))
    return hasard.choice(_DEBUTS) + milieu + hasard.choice(_FINS)


def people(nombre: int, graine: int) -> Iterator[Personne]:
    """Yield `nombre` people; the same seed gives the same ones."""
    hasard = random.Random(graine)  # noqa: S311 - invented people, no secret
    for _ in range(nombre):
        femme = hasard.random() < 0.54
        liste, poids = (PRENOMS_F, _POIDS_F) if femme else (PRENOMS_M, _POIDS_M)
        prenoms = hasard.choices(liste, cum_weights=poids, k=hasard.choice((1, 2, 2, 3)))
        prenoms = list(dict.fromkeys(prenoms))
        yield Personne(
            _name(hasard),
            prenoms[0],
            " ".join(prenoms),
            _ORIGINE + timedelta(days=hasard.randrange(_JOURS)),
            "F" if femme else "M",
            f"{hasard.randrange(1, 96):02d}{hasard.randrange(1, 600):03d}",
            _name(hasard) if femme and hasard.random() < 0.35 else "",
        )
