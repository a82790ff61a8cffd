"""Someone, as the national identity base knows them (ins.md §1)."""

import re
from calendar import monthrange
from dataclasses import dataclass

OID_NIR = "1.2.250.1.213.1.4.8"
OID_NIA = "1.2.250.1.213.1.4.9"


@dataclass(frozen=True)
class Ins:
    """One identifier: thirteen characters, key, authority, period."""

    matricule: str
    cle: str
    oid: str
    debut: str = ""
    fin: str = ""


@dataclass(frozen=True)
class Personne:
    """Someone: traits of the civil status, active and former identifiers, key of the card.

    `genre` says why this person is here (see `generees.LIEUX`), `foyer` who lives together.
    `nom_usuel` is what a card would show; the identity service never gives it.
    """

    nom: str
    prenoms: tuple[str, ...]
    sexe: str
    naissance: str
    lieu: str
    ins: Ins
    historique: tuple[Ins, ...] = ()
    ouvrant_droit: str = ""
    rang: int = 1
    dates_admises: tuple[str, ...] = ()
    genre: str = "officielle"
    foyer: str = ""
    nom_usuel: str = ""


def nir_key(corps: str) -> str:
    """Return the two-digit key of thirteen characters (2A counts as 19, 2B as 18)."""
    departement = {"2A": "19", "2B": "18"}.get(corps[5:7], corps[5:7])
    return f"{97 - int(corps[:5] + departement + corps[7:]) % 97:02d}"


def is_birth(brut: str) -> bool:
    """Tell whether a date is of the calendar, or lunar: day 00 or above 31, month 00 or above 12.

    1950-02-30 is neither: nobody was born then. Source: ins.md §1.3, « Date lunaire ».
    """
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", brut):
        return False
    annee, mois, jour = (int(morceau) for morceau in brut.split("-"))
    if not 1 <= mois <= 12 or not 1 <= jour <= 31:
        return True
    return annee > 0 and jour <= monthrange(annee, mois)[1]


def completed_date(naissance: str) -> str:
    """Return the calendar date that stands for an incomplete one (ins.md §1.3, EXI ID 11)."""
    annee, mois, jour = naissance.split("-")
    sans_mois, sans_jour = not 1 <= int(mois) <= 12, not 1 <= int(jour) <= 31
    if sans_mois and sans_jour:
        return f"{annee}-12-31"
    return f"{annee}-{'01' if sans_mois else mois}-{'01' if sans_jour else jour}"
