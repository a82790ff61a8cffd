"""The national identifier of a professional, and the RPPS that can be read out of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORMES = (
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("rpps", re.compile(r"8[0-9]{11}")),
    ("adeli", re.compile(r"0[0-9][0-9AB][0-9]{7}")),
    ("etablissement", re.compile(r"3[0-9][0-9AB][0-9]{7}/.+")),
    ("entreprise", re.compile(r"(4[0-9]{9}|5[0-9]{14})/.+")),
    ("cabinet", re.compile(r"[16][0-9].*/.+")),
    ("etudiant", re.compile(r"9[0-9]+")),
    ("essai", re.compile(r"ANS[0-9]{14}")),
)
_DOUZE = re.compile(r"8[0-9]{11}")
_RPPS = re.compile(r"8?[0-9]{11}")
_SEPARATEURS = re.compile(r"[\s.\-]")
LONGUEUR_MAX = 64


class RppsAmbigu(ValueError):
    """Several RPPS for one person: none is chosen."""


class RppsContradictoire(ValueError):
    """The national identifier and the other identifiers name two persons."""


class RppsRefuse(ValueError):
    """What was typed is not an RPPS; the text is the sentence for the form."""


@dataclass(frozen=True)
class AutreIdentifiant:
    """One entry of « otherIds »: the identifier, who gave it (RPPS, PSI, EDIT), its rank."""

    identifiant: str
    origine: str
    qualite: int = 0


@dataclass(frozen=True)
class RppsSaisi:
    """An RPPS as it is stored; `cle_juste` is a warning for the person who typed, no more."""

    valeur: str
    cle_juste: bool


def kind_of(national: str) -> str:
    """Return what a national identifier designates; « inconnu » when its form is not listed.

    rpps, adeli, etablissement, entreprise, cabinet, etudiant, uuid, essai. Source: psc.md §2.1.
    """
    return next((genre for genre, forme in _FORMES if forme.fullmatch(national)), "inconnu")


def rpps_of(national: str, autres: Iterable[AutreIdentifiant] = ()) -> str:
    """Return the eleven characters of the RPPS, empty when the person has none.

    The RPPS of an employer inside an employee's identifier is never read. Raises RppsAmbigu when
    the other identifiers hold several, RppsContradictoire when they and the national identifier
    differ. A checksum never refuses what the service says. Source: psc.md §2.1.
    """
    premier = national[-11:] if _DOUZE.fullmatch(national) else ""
    valeurs = {
        autre.identifiant[-11:]
        for autre in autres
        if autre.origine.casefold() == "rpps" and is_rpps(autre.identifiant)
    }
    if premier and valeurs - {premier}:
        raise RppsContradictoire("two persons in one identity")
    if len(valeurs) > 1:
        raise RppsAmbigu("several RPPS")
    return premier or "".join(valeurs)


def is_rpps(texte: str) -> bool:
    """Tell whether a text is an RPPS: eleven digits, or twelve of which the first is 8.

    Source: psc.md §2.1.
    """
    return bool(_RPPS.fullmatch(texte))


def parse_typed(saisie: str) -> RppsSaisi:
    """Return an RPPS typed on an operator's sheet, without separators and without the prefix 8.

    Raises RppsRefuse for any other length or character; a wrong key only warns, since true RPPS
    have one. Source: psc.md §2.1, §3.3.
    """
    texte = _SEPARATEURS.sub("", saisie)
    if not is_rpps(texte):
        raise RppsRefuse("Un RPPS a onze chiffres, ou douze dont le premier est 8.")
    valeur = texte[-11:]
    return RppsSaisi(valeur, is_luhn(valeur))


def is_luhn(chiffres: str) -> bool:
    """Tell whether digits satisfy the Luhn key. Source: psc.md §2.1."""
    total = 0
    for rang, chiffre in enumerate(reversed(chiffres)):
        double = int(chiffre) * (1 + rang % 2)
        total += double - 9 if double > 9 else double
    return total % 10 == 0


def login_hint_of(rpps: str) -> str:
    """Return the identifier by which a telephone is called: 8 and the RPPS. Source: psc.md §1.8."""
    return f"8{rpps}"
