"""Someone, as the national identity base knows them (ins.md §1)."""

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


def completed_date(naissance: str) -> str:
    """Return the calendar date that stands for an incomplete one (ins.md §1.3, EXI ID 11)."""
    annee, mois, jour = naissance.split("-")
    sans_mois, sans_jour = not 1 <= int(mois) <= 12, not 1 <= int(jour) <= 31
    if sans_mois and sans_jour:
        return f"{annee}-12-31"
    return f"{annee}-{'01' if sans_mois else mois}-{'01' if sans_jour else jour}"
