"""Status of an identity: computed from evidence, never set directly (ins.md §2)."""

from dataclasses import dataclass

from ins.rules.transitions import TRANSITIONS, transition_number

__all__ = ["TRANSITIONS", "Preuves", "compute_statut", "transition_number"]


@dataclass(frozen=True)
class Preuves:
    """What an identity rests on, now.

    `ins_version` is the version of the traits that INSi gave, `piece_version` that of the traits a
    high-confidence document agreed with; None when there is none.
    """

    traits_version: int
    ins_version: int | None = None
    piece_version: int | None = None
    douteux: bool = False
    fictif: bool = False


def compute_statut(preuves: Preuves) -> str:
    """Return PROV, RECUP, VALI or QUAL.

    Each axis counts only for the traits as they are now: evidence on older traits is void.
    Source: ins.md §2.1, §2.2, §2.5 (last paragraph).
    """
    if preuves.douteux or preuves.fictif:
        return "PROV"
    venue_insi = preuves.ins_version == preuves.traits_version
    controlee = preuves.piece_version == preuves.traits_version
    if venue_insi:
        return "QUAL" if controlee else "RECUP"
    return "VALI" if controlee else "PROV"
