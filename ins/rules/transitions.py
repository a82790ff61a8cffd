"""Every move of an identity, as one table; the diagram of the README is generated from it.

Theory of operation. No service sets a status: it adds or removes evidence, `compute_statut`
answers, and the table says under which number the move is told and where it may lead. A move that
the table does not hold is a fault of ours, refused loudly. Source: ins.md §2.5 (T1 to T30).
"""

from collections.abc import Mapping
from dataclasses import dataclass

NEANT, PROV, RECUP, VALI, QUAL = "", "PROV", "RECUP", "VALI", "QUAL"
STATUTS = (PROV, RECUP, VALI, QUAL)


@dataclass(frozen=True)
class Arrivee:
    """Number of the specification, and the statuses a move may lead to."""

    numero: str
    vers: frozenset[str]


def _to(numero: str, *vers: str) -> Arrivee:
    return Arrivee(numero, frozenset(vers))


def _still(numero: str, *statuts: str) -> dict[str, Arrivee]:
    """Moves that are told and change no status."""
    return {statut: _to(numero, statut) for statut in statuts}


def _renewed(numero: str) -> dict[str, Arrivee]:
    """INSi says something new of a known INS: the document is compared again."""
    return {RECUP: _to(numero, RECUP), QUAL: _to(numero, QUAL, RECUP)}


# Trigger -> status it leaves -> number and where it may lead.
TRANSITIONS: Mapping[str, Mapping[str, Arrivee]] = {
    "creation": {NEANT: _to("T1", PROV)},
    "recuperation_creation": {NEANT: _to("T2", RECUP)},
    "apcv": {statut: _to("T3", QUAL) for statut in (NEANT, *STATUTS)},
    "datamatrix": {NEANT: _to("T4", PROV)},
    "recu": {NEANT: _to("T5", PROV)},
    "recuperation": {PROV: _to("T6", RECUP)},
    "piece_sans_ins": {PROV: _to("T7", VALI), VALI: _to("T7", VALI)},
    "recuperation_validee": {VALI: _to("T8", QUAL)},
    "recuperation_contredite": {VALI: _to("T9", RECUP)},
    "piece_avec_ins": {RECUP: _to("T10", QUAL), QUAL: _to("T10", QUAL)},
    "refus": _still("T11", *STATUTS),
    "sans_reponse": _still("T12", *STATUTS),
    "dequalifier": {QUAL: _to("T13", VALI)},
    "annuler_recuperation": {RECUP: _to("T14", PROV)},
    "devalider": {VALI: _to("T15", PROV)},
    "trait_modifie": {statut: _to("T16", PROV) for statut in STATUTS},
    "douteux": {statut: _to("T17", PROV) for statut in STATUTS},
    "fictif": {statut: _to("T17", PROV) for statut in STATUTS},
    "doute_leve": _still("T18", PROV),
    "verification_conforme": _still("T19", RECUP, QUAL),
    "verification_ko": {RECUP: _to("T20", PROV), QUAL: _to("T21", VALI, PROV)},
    "deja_connue": _still("T22", RECUP, QUAL),
    "traits_changes": _renewed("T23"),
    "matricule_remplace": _renewed("T24"),
    "autre_matricule": _still("T25", RECUP, QUAL),
    "nia_remplace": _renewed("T26"),
    "fusion": {statut: _to("T27", *STATUTS) for statut in STATUTS},
    "separation": {statut: _to("T28", *STATUTS) for statut in STATUTS},
    "deces": _still("T29", *STATUTS),
    "anonymat": {NEANT: _to("T30", PROV)},
}


def transition_number(declencheur: str, statut_avant: str) -> str:
    """Return the number of a transition (« T6 »). ValueError when it cannot start there.

    Source: ins.md §2.5.
    """
    arrivee = TRANSITIONS[declencheur].get(statut_avant)
    if arrivee is None:
        raise ValueError(f"{declencheur} cannot leave {statut_avant or 'nothing'}")
    return arrivee.numero


def check_transition(declencheur: str, statut_avant: str, statut_apres: str) -> str:
    """Return the number of a move, once sure that the table holds it. ValueError otherwise.

    Source: ins.md §2.5.
    """
    numero = transition_number(declencheur, statut_avant)
    if statut_apres not in TRANSITIONS[declencheur][statut_avant].vers:
        raise ValueError(f"{numero} cannot lead from {statut_avant} to {statut_apres}")
    return numero


def draw() -> str:
    """Return the diagram of the moves that change a status, in Mermaid.

    Merging (T27, T28) may lead anywhere and is left out. Source: ins.md §2.5.
    """
    fleches: dict[tuple[str, str], set[str]] = {}
    for declencheur, departs in TRANSITIONS.items():
        if declencheur in {"fusion", "separation"}:
            continue
        for avant, arrivee in departs.items():
            for apres in arrivee.vers - {avant}:
                fleches.setdefault((avant, apres), set()).add(arrivee.numero)
    lignes = ["stateDiagram-v2"]
    for (avant, apres), numeros in sorted(fleches.items()):
        etiquette = ", ".join(sorted(numeros, key=lambda numero: int(numero[1:])))
        lignes.append(f"    {avant or '[*]'} --> {apres}: {etiquette}")
    return "\n".join(lignes)
