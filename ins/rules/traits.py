"""Strict traits: five traits, six fields; normalised before they are stored or sent."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

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


@dataclass(frozen=True)
class TraitsStricts:
    """The strict traits as INSi or a document gives them. Never shown in a representation."""

    nom_naissance: str = field(repr=False)
    prenoms_naissance: str = field(repr=False)
    premier_prenom: str = field(repr=False)
    date_naissance: date | None = field(repr=False)
    sexe: str = field(repr=False)
    cog_naissance: str = field(default="", repr=False)


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


def is_first_name_consistent(premier: str, liste: str) -> bool:
    """Tell whether the first name is the start of the list of first names.

    « JEAN-CHRISTOPHE » agrees with « JEAN CHRISTOPHE PIERRE »; « CHRISTOPHE » does not.
    Source: ins.md §1.3 (EXI ID 10).
    """
    cle, debut = comparison_key(premier), comparison_key(liste)
    return bool(cle) and (debut == cle or debut.startswith(cle + " "))


def default_first_name(liste: str, local: str) -> str:
    """Return the local first name when it agrees with the list, else the list's first one.

    Source: ins.md §1.3, « Premier prénom ».
    """
    if local and is_first_name_consistent(local, liste):
        return local
    return liste.split(" ", 1)[0]


def is_same_place(un: str, autre: str) -> bool:
    """Tell whether two birth places are the same, Corsica 20/2A/2B alike. Source: ins.md §1.3."""

    def fold(code: str) -> str:
        return "20" + code[2:] if code[:2] in {"2A", "2B"} else code

    return fold(un) == fold(autre)


def diff(local: TraitsStricts, recu: TraitsStricts) -> tuple[str, ...]:
    """Return the names of the traits that differ once folded; a local blank does not differ.

    Source: ins.md §2.4 and §3.6, step 8.
    """
    ecarts = []
    if local.nom_naissance and comparison_key(local.nom_naissance) != comparison_key(
        recu.nom_naissance
    ):
        ecarts.append("nom_naissance")
    if local.premier_prenom and not is_first_name_consistent(
        local.premier_prenom, recu.prenoms_naissance
    ):
        ecarts.append("premier_prenom")
    if local.date_naissance and local.date_naissance != recu.date_naissance:
        ecarts.append("date_naissance")
    if local.sexe and local.sexe != recu.sexe:
        ecarts.append("sexe")
    if (
        local.cog_naissance
        and recu.cog_naissance
        and not is_same_place(local.cog_naissance, recu.cog_naissance)
    ):
        ecarts.append("cog_naissance")
    return tuple(ecarts)
