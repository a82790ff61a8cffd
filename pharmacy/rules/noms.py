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


def received(texte: str) -> str:
    """Return a name that another system wrote, in our set when it can be, else as it came.

    What cannot be written so is for a person to correct: nothing is deleted. Source: ins.md §1.4.
    """
    try:
        return normalise(texte)
    except CaractereRefuse:
        return texte.upper()


def comparison_key(texte: str) -> str:
    """Return a name with hyphens and apostrophes as spaces, to compare. Source: ins.md §1.4."""
    return re.sub(r"[ '\-]+", " ", received(texte)).strip()


class ProfilRefuse(ValueError):
    """A name in the right letters, wrongly put together; the text says how to write it."""

    def __init__(self, faute: str, proposition: str) -> None:
        ecrire = f" Écrivez « {proposition} »." if proposition else ""
        super().__init__(f"{faute}{ecrire}")
        self.proposition = proposition


def check_birth_name(nom: str) -> None:
    """Raise ProfilRefuse unless a normalised birth name is in the profile NOM.

    A double hyphen is allowed; no hyphen first; space and apostrophe neither doubled nor side by
    side. Source: ins.md §1.4 (EF_INS01_03, EF_INS10_01).
    """
    _check_joints(nom, "Un nom")


def check_first_name(prenom: str) -> None:
    """Raise ProfilRefuse unless a normalised first name is in the profile PRENOM.

    As a birth name, and no double hyphen, nor hyphen or apostrophe last. Source: ins.md §1.4
    (EF_INS10_02).
    """
    if "--" in prenom:
        raise ProfilRefuse(
            "Un prénom n'a pas deux traits d'union de suite.", re.sub("-+", "-", prenom)
        )
    if prenom[-1:] in {"-", "'"}:
        raise ProfilRefuse(
            "Un prénom ne finit ni par un trait d'union ni par une apostrophe.",
            prenom.rstrip("-'"),
        )
    _check_joints(prenom, "Un prénom")


def _check_joints(texte: str, quoi: str) -> None:
    if texte.startswith("-"):
        raise ProfilRefuse(f"{quoi} ne commence pas par un trait d'union.", texte.lstrip("- "))
    if re.search(r"[ '][ ']", texte):
        raise ProfilRefuse(
            f"{quoi} n'a ni deux apostrophes, ni une apostrophe et un espace de suite.",
            re.sub(r"[ ']*'[ ']*", "'", texte),
        )
