"""Two files, one person? The points of ins.md §2.9, and what they mean.

Theory of operation. Points add up by the table, nothing else. Said before the points: the same INS
is certain; the same name on the same day with another INS, another first name or another rank of
birth is two people until a person says otherwise; without a day in common, points say nothing.
Nothing here merges anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from ins.rules.traits import TraitsStricts, comparison_key, is_same_place, is_same_town
from pharmacy.rules.recherche import PARTICULES, glue, sound

PROBABLE, POSSIBLE = 85, 60
CERTAIN = 100
POINTS: Mapping[str, int] = {
    "ins": CERTAIN,
    "ins_differente": -60,
    "date": 30,
    "date_inversee": 12,
    "date_chiffre": 8,
    "nom": 25,
    "nom_croise": 18,
    "nom_proche": 10,
    "prenom": 20,
    "prenom_utilise": 14,
    "prenom_proche": 8,
    "sexe": 5,
    "sexe_different": -15,
    "lieu": 10,
    "lieu_different": -10,
    "rang_different": -25,
}
_LIEU_INCONNU = "99999"
_ANNEE_MIN = 1870


@dataclass(frozen=True)
class Fiche:
    """What is compared of a file.

    `rang` is the rank of birth read on a card, None without card. `ins` is the digest of the INS it
    holds; `ins_connues` are also those INSi gave as former ones and those received, not verified.
    """

    numero: int
    traits: TraitsStricts = field(repr=False)
    nom_utilise: str = field(default="", repr=False)
    prenom_utilise: str = field(default="", repr=False)
    rang: int | None = None
    ins: str = field(default="", repr=False)
    ins_connues: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def ins_toutes(self) -> frozenset[str]:
        """Return the digests of every INS that speaks of this file."""
        return (self.ins_connues | {self.ins}) - {""}


@dataclass(frozen=True)
class Rapprochement:
    """`score` from 0 to 100; `indices` are the rows of the table that counted.

    `verdict` is certain, jumeaux, homonyme, probable, possible, or nothing.
    """

    score: int
    verdict: str
    indices: tuple[str, ...]


def compare_fiches(une: Fiche, autre: Fiche) -> Rapprochement:
    """Return how near two files are. ValueError when they are one and the same file.

    The order of the two does not count. Source: ins.md §2.9, « Scoring ».
    """
    if une.numero == autre.numero:
        raise ValueError("a file is not its own duplicate")
    indices = [
        indice
        for compare in (_ins, _jour, _nom, _prenom, _sexe, _lieu)
        if (indice := compare(une, autre))
    ]
    if _is_other_twin(une, autre, indices):
        indices.append("rang_different")
    score = CERTAIN if "ins" in indices else sum(POINTS[indice] for indice in indices)
    score = min(max(score, 0), CERTAIN)
    return Rapprochement(score, _verdict(une, autre, indices, score), tuple(indices))


def _verdict(une: Fiche, autre: Fiche, indices: list[str], score: int) -> str:
    if "ins" in indices:
        return "certain"
    if {"nom", "date"} <= set(indices):
        if {"prenom", "rang_different"} <= set(indices):
            return "jumeaux"
        prenoms = une.traits.premier_prenom and autre.traits.premier_prenom
        autre_prenom = prenoms and not any(i.startswith("prenom") for i in indices)
        if "ins_differente" in indices or autre_prenom:
            return "homonyme"
    if not any(i.startswith("date") for i in indices):
        return ""  # a day unknown, or two days that nothing links: names alone accuse nobody
    if score >= PROBABLE:
        return "probable"
    return "possible" if score >= POSSIBLE else ""


def _ins(une: Fiche, autre: Fiche) -> str:
    if une.ins_toutes & autre.ins_toutes:
        return "ins"
    return "ins_differente" if une.ins and autre.ins else ""


def _jour(une: Fiche, autre: Fiche) -> str:
    un, deux = une.traits.date_naissance, autre.traits.date_naissance
    if un is None or deux is None:
        return ""
    if un == deux:
        return "date"
    if (un.year, un.month, un.day) == (deux.year, deux.day, deux.month):
        return "date_inversee"
    return "date_chiffre" if _is_one_digit(un, deux) else ""


def near_days(jour: date) -> tuple[date, ...]:
    """Return the birth dates that earn points beside `jour`: itself, swapped, one digit away.

    Source: ins.md §2.9, « Scoring ».
    """
    texte = f"{jour:%Y%m%d}"
    ecrites = {texte, texte[:4] + texte[6:] + texte[4:6]} | {
        texte[:rang] + chiffre + texte[rang + 1 :] for rang in range(8) for chiffre in "0123456789"
    }
    jours = (_day(ecrite) for ecrite in sorted(ecrites))
    return tuple(proche for proche in jours if proche is not None and proche.year >= _ANNEE_MIN)


def _day(ecrite: str) -> date | None:
    try:
        return date(int(ecrite[:4]), int(ecrite[4:6]), int(ecrite[6:]))
    except ValueError:
        return None


def _is_one_digit(un: date, deux: date) -> bool:
    return sum(a != b for a, b in zip(f"{un:%Y%m%d}", f"{deux:%Y%m%d}", strict=True)) == 1


def _nom(une: Fiche, autre: Fiche) -> str:
    """Birth names; crossed with the used ones, which also meet when a birth name is not known."""
    (ne, utilise), (autre_ne, autre_utilise) = _noms(une), _noms(autre)
    if ne and ne == autre_ne:
        return "nom"
    paires = {(ne, autre_utilise), (utilise, autre_ne)}
    if not (ne and autre_ne):
        paires.add((utilise, autre_utilise))
    if any(un and un == deux for un, deux in paires):
        return "nom_croise"
    return "nom_proche" if _heard({*paires, (ne, autre_ne)}) else ""


def _noms(fiche: Fiche) -> tuple[str, str]:
    return _key(fiche.traits.nom_naissance), _key(fiche.nom_utilise)


@lru_cache(maxsize=1 << 16)
def _key(nom: str) -> str:
    """Return the comparison key of a name: a base holds few names, each many times."""
    return comparison_key(nom)


def _prenom(une: Fiche, autre: Fiche) -> str:
    """First names; a hyphen holds a name together: MARIE is not in « MARIE-LOU ANNE »."""
    premier, autre_premier = _premier(une), _premier(autre)
    if (premier and premier in _liste(autre)) or (autre_premier and autre_premier in _liste(une)):
        return "prenom"
    utilise, autre_utilise = _utilise(une), _utilise(autre)
    paires = {(premier, autre_utilise), (utilise, autre_premier), (utilise, autre_utilise)}
    if any(un and un == deux for un, deux in paires):
        return "prenom_utilise"
    return "prenom_proche" if _heard({(premier, autre_premier)}) else ""


def _premier(fiche: Fiche) -> str:
    return _key(fiche.traits.premier_prenom)


def _utilise(fiche: Fiche) -> str:
    return _key(fiche.prenom_utilise)


def _liste(fiche: Fiche) -> set[str]:
    return {_premier(fiche)} | {
        _key(prenom) for prenom in fiche.traits.prenoms_naissance.split(" ")
    }


def _heard(paires: set[tuple[str, str]]) -> bool:
    """Tell whether two names of a pair are heard alike, particles aside, glued or not."""
    return any(un and deux and _sounds(un) & _sounds(deux) for un, deux in paires)


@lru_cache(maxsize=1 << 16)
def _sounds(nom: str) -> frozenset[str]:
    """Return how a name may be heard. Source: ins.md §1.4, « second, weaker key »."""
    mots = nom.split()
    while len(mots) > 1 and mots[0] in PARTICULES:
        mots = mots[1:]
    return frozenset(sound(forme) for forme in ("".join(mots), *glue(nom))) - {""}


def _sexe(une: Fiche, autre: Fiche) -> str:
    if not (une.traits.sexe and autre.traits.sexe):
        return ""
    return "sexe" if une.traits.sexe == autre.traits.sexe else "sexe_different"


def _lieu(une: Fiche, autre: Fiche) -> str:
    un, deux = une.traits.cog_naissance, autre.traits.cog_naissance
    if not (un and deux) or _LIEU_INCONNU in {un, deux}:
        return ""
    return "lieu" if is_same_place(un, deux) or is_same_town(un, deux) else "lieu_different"


def _is_other_twin(une: Fiche, autre: Fiche, indices: list[str]) -> bool:
    rangs = une.rang, autre.rang
    return {"date", "nom"} <= set(indices) and None not in rangs and une.rang != autre.rang


PHRASES: Mapping[str, str] = {
    "ins": "même INS",
    "ins_differente": "INS différentes",
    "date": "même date de naissance",
    "date_inversee": "jour et mois inversés",
    "date_chiffre": "un chiffre de la date diffère",
    "nom": "même nom de naissance",
    "nom_croise": "le nom de l'un est le nom utilisé de l'autre",
    "nom_proche": "noms qui se prononcent pareil",
    "prenom": "même prénom",
    "prenom_utilise": "le prénom de l'un est le prénom utilisé de l'autre",
    "prenom_proche": "prénoms qui se prononcent pareil",
    "sexe": "même sexe",
    "sexe_different": "sexes différents",
    "lieu": "même lieu de naissance",
    "lieu_different": "lieux de naissance différents",
    "rang_different": "rangs gémellaires différents",
}
