"""Two writings of one person's name."""

import unicodedata
from collections.abc import Iterable


def fold(nom: str) -> str:
    """Return a name in capitals, without accents, its punctuation made blanks.

    Source: psc.md §3.3.
    """
    decompose = unicodedata.normalize("NFKD", nom.replace("œ", "oe").replace("Œ", "OE"))
    lettres = (c if c.isalnum() else " " for c in decompose.upper() if not unicodedata.combining(c))
    return " ".join("".join(lettres).split())


def is_same_person(
    nom: str, prenom: str, noms_recus: Iterable[str], prenoms_recus: Iterable[str]
) -> bool:
    """Tell whether an operator's name and first name are among those received.

    The first name may be one of several received together. An empty name is nobody's.
    Source: psc.md §3.3.
    """
    noms = {fold(recu) for recu in noms_recus} - {""}
    prenoms: set[str] = set()
    for recu in prenoms_recus:
        prenoms |= {fold(recu), *fold(recu).split()}
    return fold(nom) in noms and fold(prenom) in prenoms - {""}
