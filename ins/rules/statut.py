"""Status of an identity: computed from evidence, never set directly (ins.md §2)."""

from dataclasses import dataclass

# Trigger -> (number of the specification, statuses it may leave from, what must hold).
TRANSITIONS: dict[str, tuple[str, frozenset[str]]] = {
    "creation": ("T1", frozenset({""})),
    "recuperation_creation": ("T2", frozenset({""})),
    "recuperation": ("T6", frozenset({"PROV"})),
    "piece_sans_ins": ("T7", frozenset({"PROV", "VALI"})),
    "recuperation_validee": ("T8", frozenset({"VALI"})),
    "recuperation_contredite": ("T9", frozenset({"VALI"})),
    "piece_avec_ins": ("T10", frozenset({"RECUP", "QUAL"})),
    "refus": ("T11", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
    "sans_reponse": ("T12", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
    "dequalifier": ("T13", frozenset({"QUAL"})),
    "annuler_recuperation": ("T14", frozenset({"RECUP"})),
    "devalider": ("T15", frozenset({"VALI"})),
    "trait_modifie": ("T16", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
    "douteux": ("T17", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
    "fictif": ("T17", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
    "doute_leve": ("T18", frozenset({"PROV"})),
    "deja_connue": ("T22", frozenset({"RECUP", "QUAL"})),
    "traits_changes": ("T23", frozenset({"RECUP", "QUAL"})),
    "matricule_remplace": ("T24", frozenset({"RECUP", "QUAL"})),
    "nia_remplace": ("T26", frozenset({"RECUP", "QUAL"})),
    "autre_matricule": ("T25", frozenset({"RECUP", "QUAL"})),
    "deces": ("T29", frozenset({"PROV", "RECUP", "VALI", "QUAL"})),
}


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


def transition_number(declencheur: str, statut_avant: str) -> str:
    """Return the number of a transition (« T6 »). ValueError when it cannot start there.

    Source: ins.md §2.5.
    """
    numero, depuis = TRANSITIONS[declencheur]
    if statut_avant not in depuis:
        raise ValueError(f"{numero} cannot leave {statut_avant}")
    return numero
