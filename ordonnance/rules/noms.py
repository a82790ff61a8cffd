"""Folding of names, for comparison only."""

import re
import unicodedata


def fold(texte: str) -> str:
    """Return a name without accents, case, hyphens nor apostrophes. Source: ordonnance.md §2.5."""
    nu = "".join(c for c in unicodedata.normalize("NFD", texte) if not unicodedata.combining(c))
    return re.sub(r"[^A-Z0-9]+", " ", nu.upper()).strip()
