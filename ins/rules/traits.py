"""Strict traits: five traits, six fields; normalised before they are stored or sent."""

from dataclasses import dataclass, field
from datetime import date

from pharmacy.rules.noms import CaractereRefuse, comparison_key, normalise

__all__ = [
    "CaractereRefuse",
    "TraitsStricts",
    "comparison_key",
    "default_first_name",
    "diff",
    "is_first_name_consistent",
    "is_same_place",
    "normalise",
]


@dataclass(frozen=True)
class TraitsStricts:
    """The strict traits as INSi or a document gives them. Never shown in a representation."""

    nom_naissance: str = field(repr=False)
    prenoms_naissance: str = field(repr=False)
    premier_prenom: str = field(repr=False)
    date_naissance: date | None = field(repr=False)
    sexe: str = field(repr=False)
    cog_naissance: str = field(default="", repr=False)


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


def _foreign_first_names(local: str, recu: str) -> bool:
    """Tell whether the file holds a first name that the answer does not.

    Missing ones and another order are tolerated. Source: ins.md §2.4, « Tolerated ».
    """
    return not set(comparison_key(local).split()) <= set(comparison_key(recu).split())


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
    if _foreign_first_names(local.prenoms_naissance, recu.prenoms_naissance):
        ecarts.append("prenoms_naissance")
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
