"""What a password may not lean on: the words anyone would try first in an officine."""

import re
import unicodedata
from collections.abc import Iterable

# Those of the trade, of the product and of careless habits; names and numbers of here are added.
MOTS = (
    *("comptoir", "officine", "pharmacie", "pharmacienne", "pharmacien", "titulaire", "adjointe"),
    *("adjoint", "remplacante", "remplacant", "preparatrice", "preparateur", "apprentie"),
    *("apprenti", "etudiante", "etudiant", "ordonnance", "medicament", "vitale", "ameli", "sante"),
    *("motdepasse", "password", "bienvenue", "azerty", "qwerty"),
)
RESTE_MIN = 8
_CHIFFRES = str.maketrans("0134578@$!", "oieastbasi")


def fold(texte: str) -> str:
    """Return a text without case nor accents. Source: SEC-07."""
    decompose = unicodedata.normalize("NFD", texte)
    return "".join(c for c in decompose if not unicodedata.combining(c)).casefold()


def leans_on(secret: str, mots: Iterable[str] = ()) -> bool:
    """Tell whether fewer than eight characters stay once the words of MOTS and `mots` are out.

    Digits written for letters count as those letters; words under three characters do not count.

    >>> leans_on("Pharmacie2026!"), leans_on("Ph4rm4c13-2026"), leans_on("pharmacie sous la neige")
    (True, True, False)

    Source: SEC-07; ASVS 5.0.0, 6.2.11.
    """
    connus = sorted({fold(m) for m in (*MOTS, *mots) if len(m) > 2}, key=lambda m: (-len(m), m))
    motif = re.compile("|".join(map(re.escape, connus)))
    net = fold(secret)
    return any(len(motif.sub("", t)) < RESTE_MIN for t in (net, net.translate(_CHIFFRES)))
