"""Two files made one: may they be, whose identity stays, and the status that results.

Theory of operation. Who keeps which file is a choice of the counter; whose identity stays is not:
the one that INSi gave, else the one a document proved, else the kept one, its blanks filled by the
other. A document follows when it agrees with the traits that stay. The status is computed, as
always. Source: ins.md §2.5 (T27), §2.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from ins.rules.statut import Preuves, compute_statut
from ins.rules.traits import Tolerances, TraitsStricts, diff_piece

REFUS: Mapping[str, str] = {
    "ins_differentes": "Ces dossiers portent deux INS différentes : deux personnes, sauf erreur. "
    "Si l'une est fausse, retirez-la d'abord de son dossier.",
    "douteux": "L'un des dossiers est marqué douteux. Levez le doute avant de fusionner.",
    "fictif": "Un dossier fictif ou anonyme ne se fusionne pas.",
}


class FusionRefusee(ValueError):
    """Two files that may not be made one; the text is a key of REFUS."""


@dataclass(frozen=True)
class Cote:
    """One of the two files. `piece`: the traits a document proved, when it still counts."""

    traits: TraitsStricts = field(repr=False)
    ins: str = field(default="", repr=False)
    piece: TraitsStricts | None = field(default=None, repr=False)
    douteux: bool = False
    fictif: bool = False
    anonyme: bool = False


@dataclass(frozen=True)
class Plan:
    """What the file kept will be.

    `source` is whose identity stays (garde or absorbe), `piece` whose document counts ("" none).
    """

    source: str
    traits: TraitsStricts = field(repr=False)
    piece: str
    statut: str


def plan_merge(garde: Cote, absorbe: Cote, tolerances: Tolerances | None = None) -> Plan:
    """Return what a merge gives. FusionRefusee when it may not be.

    Source: ins.md §2.5, T27 (« best status recomputed »); §6, cases 51 and 52.
    """
    _check(garde, absorbe)
    source = "absorbe" if _weight(absorbe) > _weight(garde) else "garde"
    tenu, autre = (garde, absorbe) if source == "garde" else (absorbe, garde)
    traits = tenu.traits if _weight(tenu) else _filled(tenu.traits, autre.traits)
    piece = ""
    if tenu.piece is not None:
        piece = source
    elif autre.piece is not None and is_proved(autre.piece, traits, tolerances):
        piece = "absorbe" if source == "garde" else "garde"
    statut = compute_statut(Preuves(1, 1 if tenu.ins else None, 1 if piece else None))
    return Plan(source, traits, piece, statut)


def is_proved(
    piece: TraitsStricts, traits: TraitsStricts, tolerances: Tolerances | None = None
) -> bool:
    """Tell whether what a document showed agrees with traits, whose list of first names may miss.

    Source: ins.md §2.4, « Tolerated ».
    """
    liste = traits.prenoms_naissance or traits.premier_prenom
    return not diff_piece(piece, replace(traits, prenoms_naissance=liste), tolerances)


def _check(garde: Cote, absorbe: Cote) -> None:
    deux = (garde, absorbe)
    if any(cote.fictif or cote.anonyme for cote in deux):
        raise FusionRefusee("fictif")
    if any(cote.douteux for cote in deux):
        raise FusionRefusee("douteux")
    if garde.ins and absorbe.ins and garde.ins != absorbe.ins:
        raise FusionRefusee("ins_differentes")


def _weight(cote: Cote) -> int:
    """INSi's word on the traits, then a document's; nothing: 0."""
    return 2 * bool(cote.ins) + (cote.piece is not None)


def _filled(traits: TraitsStricts, autres: TraitsStricts) -> TraitsStricts:
    """Return traits that nothing proves, their blanks taken from the other file."""
    vides = {
        champ.name: getattr(autres, champ.name)
        for champ in fields(traits)
        if champ.compare and not getattr(traits, champ.name)
    }
    return replace(traits, **vides)
