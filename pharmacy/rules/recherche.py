"""Search keys: accents, hyphens, apostrophes and order do not count (CTR-13)."""

import re
import unicodedata


def fold(texte: str) -> str:
    """Return `texte` in capitals without accents, separators as one space.

    Source: ins.md §1.4, « Comparison key ».
    """
    table = str.maketrans(
        {"Æ": "AE", "Œ": "OE", "æ": "AE", "œ": "OE", "ß": "SS", "Ø": "O", "ø": "O"}
    )
    nu = unicodedata.normalize("NFD", texte.translate(table))
    nu = "".join(c for c in nu if not unicodedata.combining(c)).upper()
    return re.sub(r"[^A-Z0-9]+", " ", nu).strip()


def search_key(*noms: str) -> str:
    """Return the words of every name, folded, each once, in order.

    Source: requirements.md, CTR-13.
    """
    mots: list[str] = []
    for mot in fold(" ".join(noms)).split():
        if mot not in mots:
            mots.append(mot)
    return " ".join(mots)
