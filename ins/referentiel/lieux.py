"""Birth places: the label of an INSEE code, and the codes of a name.

The table holds the codes alive on its date; births refer to the code of their day, so an absent
code is shown as it is and never refused (ins.md §1.3). Overseas collectivities (98xxx) are absent.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pharmacy.rules.recherche import fold

FICHIER = Path(__file__).with_name("lieux.tsv")
# Placeholder of an unknown place (ins.md §1.3, from memory).
INCONNU = "99999"


@dataclass(frozen=True)
class Lieu:
    """A place: its code, its name."""

    code: str
    libelle: str


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    lignes = FICHIER.read_text(encoding="utf-8").splitlines()
    couples = (ligne.partition("\t") for ligne in lignes if not ligne.startswith("#"))
    return {code: nom for code, _, nom in couples}


@lru_cache(maxsize=1)
def _by_name() -> tuple[list[str], list[str]]:
    tries = sorted((fold(nom), code) for code, nom in _table().items())
    return [nom for nom, _ in tries], [code for _, code in tries]


def table_date() -> str:
    """Return the date of the table, AAAA-MM-JJ."""
    with FICHIER.open(encoding="utf-8") as lignes:
        return next(li.strip().split("=", 1)[1] for li in lignes if li.startswith("# donnees_du="))


def place_label(code: str) -> str:
    """Return the name of a place, empty when the table does not know it.

    Corsica was 20 until 1976: « 20020 » is read as « 2A020 », else « 2B020 ». Source: ins.md §1.3.
    """
    if code == INCONNU:
        return "Lieu inconnu"
    for essai in (code, f"2A{code[2:]}", f"2B{code[2:]}"):
        if essai in _table():
            return _table()[essai]
        if not code.startswith("20"):
            break
    return ""


def place_search(saisie: str, limite: int = 12) -> list[Lieu]:
    """Return the places whose name starts with what was typed, or the one of a typed code."""
    if saisie.upper() in _table():
        return [Lieu(saisie.upper(), _table()[saisie.upper()])]
    debut = fold(saisie)
    if not debut:
        return []
    noms, codes = _by_name()
    rang = bisect_left(noms, debut)
    trouves: list[Lieu] = []
    while rang < len(noms) and noms[rang].startswith(debut) and len(trouves) < limite:
        trouves.append(Lieu(codes[rang], _table()[codes[rang]]))
        rang += 1
    return trouves
