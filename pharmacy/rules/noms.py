"""Names of people in the set that identities are kept in: A-Z, space, apostrophe, hyphen."""

import re
import unicodedata

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ´‛′`"), "'")
_TIRETS = dict.fromkeys(map(ord, "–—−‑"), "-")
_ESPACES = dict.fromkeys(map(ord, "\u00a0\u2009\u202f\t"), " ")
_LETTRES = {
    ord("Æ"): "AE",
    ord("æ"): "AE",
    ord("Œ"): "OE",
    ord("œ"): "OE",
    ord("ß"): "SS",
    ord("Ø"): "O",
    ord("ø"): "O",
    ord("Ł"): "L",
    ord("ł"): "L",
    ord("Đ"): "D",
    ord("đ"): "D",
    ord("Ð"): "D",
    ord("ð"): "D",
    ord("Þ"): "TH",
    ord("þ"): "TH",
    ord("ı"): "I",
}
_TABLE = {**_APOSTROPHES, **_TIRETS, **_ESPACES, **_LETTRES}


class CaractereRefuse(ValueError):
    """A character that a strict trait cannot hold; the text names it, for whoever typed it."""


def normalise(texte: str) -> str:
    """Return a name in the set A-Z, space, apostrophe, hyphen.

    Raises CaractereRefuse naming what cannot be written so: nothing is deleted in silence.
    Source: ins.md §1.4.
    """
    net = unicodedata.normalize("NFC", texte).translate(_TABLE)
    net = "".join(
        c for c in unicodedata.normalize("NFD", net) if not unicodedata.combining(c)
    ).upper()
    net = re.sub(r" +", " ", net).strip()
    for caractere in net:
        if not ("A" <= caractere <= "Z" or caractere in " '-"):
            raise CaractereRefuse(f"« {caractere} » n'est pas permis dans un nom ou un prénom.")
    return net


def comparison_key(texte: str) -> str:
    """Return a name with hyphens and apostrophes as spaces, to compare. Source: ins.md §1.4."""
    try:
        net = normalise(texte)
    except CaractereRefuse:
        net = texte.upper()
    return re.sub(r"[ '\-]+", " ", net).strip()
