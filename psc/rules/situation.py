"""Which exercice and which activity a professional has in this officine."""

from collections.abc import Sequence
from dataclasses import dataclass

from psc.rules.userinfo import Activite, Exercice

SECTEURS_OFFICINE = frozenset({"SA33", "SA38", "SA39"})


@dataclass(frozen=True)
class Situation:
    """One exercice and one of its activities."""

    exercice: Exercice
    activite: Activite

    @property
    def cle(self) -> str:
        """What a choice is remembered under: profession, structure, mode, section."""
        activite = self.activite
        return "|".join(
            (self.exercice.profession, activite.structure, activite.mode, activite.section)
        )


@dataclass(frozen=True)
class IdentifiantsOfficine:
    """What the officine is known by; an empty identifier matches nothing."""

    finess: str
    finess_juridique: str = ""
    siret: str = ""


@dataclass(frozen=True)
class Choix:
    """What the activities allow.

    `issue`: automatique, a_demander, non_rattachee, sans_activite. `retenue` is selected
    (automatique) or proposed first (a_demander). `toutes` stay selectable in the list.
    """

    issue: str
    retenue: Situation | None
    candidates: tuple[Situation, ...]
    toutes: tuple[Situation, ...]


def flatten(exercices: Sequence[Exercice]) -> tuple[Situation, ...]:
    """Return every exercice with each of its activities; nothing is discarded.

    Source: psc.md §3.7.
    """
    return tuple(Situation(e, activite) for e in exercices for activite in e.activites)


def is_of(activite: Activite, officine: IdentifiantsOfficine) -> bool:
    """Tell whether an activity carries an identifier of the officine, trimmed, in capitals.

    Source: psc.md §3.7, point 1.
    """
    finess = _fold(officine.finess)
    paires = (
        (activite.finess, finess),
        (activite.structure, f"F{finess}" if finess else ""),
        (activite.siret, _fold(officine.siret)),
        (activite.finess_juridique, _fold(officine.finess_juridique)),
    )
    return any(notre and _fold(leur) == notre for leur, notre in paires)


def choose(
    exercices: Sequence[Exercice], officine: IdentifiantsOfficine, souvenir: str = ""
) -> Choix:
    """Return the situation of a professional in an officine, or what must be asked.

    `souvenir` is the key of the choice this operator made last. Source: psc.md §3.7.
    """
    toutes = flatten(exercices)
    candidates = tuple(s for s in toutes if is_of(s.activite, officine))
    if len(candidates) > 1:
        candidates = tuple(s for s in candidates if s.activite.secteur in SECTEURS_OFFICINE)
    if not toutes:
        return Choix("sans_activite", None, (), ())
    if not candidates:
        return Choix("non_rattachee", None, (), toutes)
    if len(candidates) == 1:
        return Choix("automatique", candidates[0], candidates, toutes)
    memes = (s for s in candidates if s.cle == souvenir)
    return Choix("a_demander", next(memes, None), candidates, toutes)


def _fold(texte: str) -> str:
    return texte.strip().upper()
