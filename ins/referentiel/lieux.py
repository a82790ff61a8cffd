"""Birth places: the label of an INSEE code.

The table holds the codes alive on its date; births refer to the code of their day, so an absent
code is shown as it is and never refused (ins.md §1.3). Overseas collectivities (98xxx) are absent.
"""

from functools import lru_cache
from pathlib import Path

FICHIER = Path(__file__).with_name("lieux.tsv")
# Placeholder of an unknown place (ins.md §1.3, from memory).
INCONNU = "99999"


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    lignes = FICHIER.read_text(encoding="utf-8").splitlines()
    couples = (ligne.partition("\t") for ligne in lignes if not ligne.startswith("#"))
    return {code: nom for code, _, nom in couples}


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
