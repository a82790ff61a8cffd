"""Strict traits: five traits, six fields; normalised before they are stored or sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pharmacy.rules.noms import CaractereRefuse, comparison_key, normalise

__all__ = [
    "CaractereRefuse",
    "Tolerances",
    "TraitsStricts",
    "comparison_key",
    "default_first_name",
    "diff",
    "diff_piece",
    "is_first_name_consistent",
    "is_same_place",
    "normalise",
]


@dataclass(frozen=True)
class TraitsStricts:
    """The strict traits as INSi or a document gives them. Never shown in a representation.

    `date_interpretee`: the day was completed by rule; it is no trait and is not compared.
    """

    nom_naissance: str = field(repr=False)
    prenoms_naissance: str = field(repr=False)
    premier_prenom: str = field(repr=False)
    date_naissance: date | None = field(repr=False)
    sexe: str = field(repr=False)
    cog_naissance: str = field(default="", repr=False)
    date_interpretee: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True)
class Tolerances:
    """Differences between a document and the traits that do not count (settings of the officine).

    Separators, accents and the two codes of Corsica never count. Source: ins.md §2.4.
    """

    prenoms_suivants: bool = True
    lieu_absent: bool = True
    arrondissement: bool = True
    date_interpretee: bool = True


# Town -> how the codes of its arrondissements begin.
ARRONDISSEMENTS: Mapping[str, str] = {"75056": "751", "69123": "6938", "13055": "132"}


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


def is_same_town(un: str, autre: str) -> bool:
    """Tell whether one code is the town and the other one of its arrondissements.

    Source: ins.md §2.4 (« arrondissement against commune »), §1.3.
    """
    return any(
        ville in {un, autre} and all(c == ville or c.startswith(debut) for c in (un, autre))
        for ville, debut in ARRONDISSEMENTS.items()
    )


def is_same_completed(completee: date, reelle: date) -> bool:
    """Tell whether a day completed by rule may stand for the real one.

    31 December stands for any day of the year, the 1st for any of its month, January for any month.
    Source: ins.md §1.3 (EXI ID 11), §2.4.
    """
    if completee.year != reelle.year:
        return False
    if (completee.month, completee.day) == (12, 31):
        return True
    mois = completee.month in {1, reelle.month}
    jour = completee.day in {1, reelle.day}
    return mois and jour and (completee.month == reelle.month or completee.day == reelle.day)


def diff_piece(
    vus: TraitsStricts, traits: TraitsStricts, tolerances: Tolerances | None = None
) -> tuple[str, ...]:
    """Return the traits that a document shows otherwise than these, those tolerated aside.

    Source: ins.md §2.4, « Tolerated » and « Divergent ».
    """
    admis = tolerances or Tolerances()
    ecarts = set(diff(vus, traits))
    if not admis.prenoms_suivants and comparison_key(
        vus.prenoms_naissance or vus.premier_prenom
    ) != comparison_key(traits.prenoms_naissance or traits.premier_prenom):
        ecarts.add("prenoms_naissance")
    if admis.arrondissement and is_same_town(vus.cog_naissance, traits.cog_naissance):
        ecarts.discard("cog_naissance")
    if not admis.lieu_absent and traits.cog_naissance and not vus.cog_naissance:
        ecarts.add("cog_naissance")
    if _is_tolerated_day(vus, traits, admis):
        ecarts.discard("date_naissance")
    return tuple(nom for nom in _ORDRE if nom in ecarts)


def _is_tolerated_day(vus: TraitsStricts, traits: TraitsStricts, admis: Tolerances) -> bool:
    vu, autre = vus.date_naissance, traits.date_naissance
    if vu is None or autre is None or not (admis.date_interpretee and vus.date_interpretee):
        return False
    return is_same_completed(vu, autre)


_ORDRE = (
    "nom_naissance",
    "premier_prenom",
    "prenoms_naissance",
    "date_naissance",
    "sexe",
    "cog_naissance",
)
