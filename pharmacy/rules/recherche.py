"""Search keys: accents, hyphens, apostrophes and order do not count (CTR-13).

A file is found by the words of its names, by its names glued (« LATOUR » for DE LA TOUR) and by its
birth date written JJMMAAAA: a date that is being typed is then the start of one more word.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

_LETTRES = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "æ": "AE", "œ": "OE", "ß": "SS", "Ø": "O", "ø": "O"}
    | {"Ł": "L", "ł": "L", "Đ": "D", "đ": "D", "Ð": "D", "ð": "D", "Þ": "TH", "þ": "TH", "ı": "I"}
)
LONGUEUR_MAX = 420
MINIMUM = 3
PARTICULES = frozenset({"DE", "DU", "DES", "D", "LE", "LA", "LES", "L"})

# How a French ear hears a word: applied one after the other. Migration 0006_recherche holds the
# same table for PostgreSQL; a test plays both on the same words.
SONS = (
    (r"PH", "F"),
    (r"CH(?=[RL])", "K"),
    (r"S?CH|SH", "9"),
    (r"G(?=[EIY])", "J"),
    (r"JE(?=[AOU])", "J"),
    (r"GU(?=[EIY])", "G"),
    (r"GN", "N"),
    (r"SC(?=[EIY])", "S"),
    (r"C(?=[EIY])", "S"),
    (r"QU|[CKQ]", "K"),
    (r"W", "V"),
    (r"Z", "S"),
    (r"H", ""),
    (r"Y", "I"),
    (r"(.)\1+", r"\1"),
    (r"E?AU", "O"),
    (r"OU", "U"),
    (r"OEU?|EU", "E"),
    (r"(AI|EI|I|U)[NM](?![AEIOUNM])", "1"),
    (r"[AE][NM](?![AEIOUNM])", "2"),
    (r"O[NM](?![AEIOUNM])", "3"),
    (r"[AE]I", "E"),
    (r"[DTSXP]+$", ""),
    (r"ER$", "E"),
    (r"(.)\1+", r"\1"),
    (r"(?!^)E+$", ""),
)
_SONS = tuple((re.compile(motif), par) for motif, par in SONS)
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_JOUR = re.compile(r"(?<!\d)(\d{1,2})[/.-](?:(\d{1,2})(?:[/.-](\d{1,4})?)?)?(?!\d)")
_ESPACES = re.compile(r"(?<!\d)(\d{1,2}) (\d{1,2}) (\d{4})(?!\d)")
_NUMERO = re.compile(r"\d(?:[\s.]?(?:\d|[AB](?=[\s.]?\d)))*", re.I)


def fold(texte: str) -> str:
    """Return `texte` in capitals without accents, separators as one space.

    Source: ins.md §1.4, « Comparison key ».
    """
    nu = unicodedata.normalize("NFD", texte.translate(_LETTRES))
    nu = "".join(c for c in nu if not unicodedata.combining(c)).upper()
    return re.sub(r"[^A-Z0-9]+", " ", nu).strip()


def search_key(*noms: str) -> str:
    """Return the words of every name, folded, each once, in order.

    Source: requirements.md, CTR-13.
    """
    return " ".join(dict.fromkeys(fold(" ".join(noms)).split()))


def glue(nom: str) -> list[str]:
    """Return what a compound name gives when its words are typed together, from each of them on.

    « DE LA TOUR » gives DELATOUR and LATOUR; a name of one word gives nothing.
    Source: ins.md §1.4, « all spaces removed, initial particles dropped ».
    """
    mots = fold(nom).split()
    return ["".join(mots[rang:]) for rang in range(len(mots) - 1)]


def file_key(noms: tuple[str, ...], prenoms: tuple[str, ...]) -> str:
    """Return the search key of a file: each word of its names, then the compounds glued.

    First names are glued one by one (« MARIE-LOU ANNE » gives MARIELOU, not LOUANNE). Never cut in
    the middle of a word. Source: requirements.md, CTR-13; ins.md §2.9.
    """
    colles = [colle for nom in noms for colle in glue(nom)]
    colles += [colle for liste in prenoms for prenom in liste.split() for colle in glue(prenom)]
    cle = search_key(*noms, *prenoms, *colles)
    if len(cle) <= LONGUEUR_MAX:
        return cle
    return cle[: LONGUEUR_MAX + 1].rpartition(" ")[0] or cle[:LONGUEUR_MAX]


def sound(mot: str) -> str:
    """Return how a folded word is heard: « PHILIPPE » and « FILIPE » alike.

    Source: ins.md §1.4, « a French phonetic code ».
    """
    for motif, par in _SONS:
        mot = motif.sub(par, mot)
    return mot


@dataclass(frozen=True)
class Saisie:
    """What was typed: words, and for each date typed the texts that it may be the start of."""

    mots: tuple[str, ...] = field(repr=False)
    jours: tuple[tuple[str, ...], ...] = field(repr=False)
    refus: str = ""

    @property
    def termes(self) -> tuple[tuple[str, ...], ...]:
        """Return each thing that a file must hold, as its possible beginnings."""
        return (*self.jours, *((mot,) for mot in self.mots))

    @property
    def naissance(self) -> date | None:
        """Return the birth date when exactly one, whole, was typed."""
        if len(self.jours) != 1 or len(self.jours[0]) != 1 or len(self.jours[0][0]) != 8:
            return None
        return _date_of(self.jours[0][0])

    @property
    def est_suffisante(self) -> bool:
        """Whether a search may be launched: three letters, two words, or a day and its month."""
        lettres = [len(mot) for mot in self.mots]
        jour = any(len(debut) >= 4 for debuts in self.jours for debut in debuts)
        return jour or max(lettres, default=0) >= MINIMUM or len(lettres) >= 2


def parse_typed(texte: str) -> Saisie:
    """Return the words and the dates of what was typed, or why it is not searched.

    Dates: 22/12/1975, 22-12-75, 22 12 1975, 22121975, 19751222, 1975-12-22, and their beginnings
    from the day on. More than eight digits in a row are a matricule: refused, it comes from a scan
    or from INSi. Source: ins.md §2.9; requirement INS-29.
    """
    for numero in _NUMERO.findall(texte):
        if len(re.sub(r"[\s.]", "", numero)) > 8:
            return Saisie((), (), "matricule")
    jours: list[tuple[str, ...]] = []

    def take(debuts: tuple[str, ...]) -> str:
        jours.append(debuts)
        return " "

    reste = _ISO.sub(lambda m: take((f"{m[3]:0>2}{m[2]:0>2}{m[1]}",)), texte)
    reste = _ESPACES.sub(lambda m: take((f"{m[1]:0>2}{m[2]:0>2}{m[3]}",)), reste)
    reste = _JOUR.sub(lambda m: take(_beginnings(m[1], m[2] or "", m[3] or "")), reste)
    mots: list[str] = []
    for mot in fold(reste).split():
        if mot.isdigit():
            take(_digits(mot))
        elif mot not in mots:
            mots.append(mot)
    return Saisie(tuple(mots), tuple(dict.fromkeys(jours)))


def _beginnings(jour: str, mois: str, annee: str) -> tuple[str, ...]:
    """Return what « 22/1 », « 22/12/75 » may be the start of, as JJMMAAAA."""
    jour = f"{jour:0>2}"
    if not mois:
        return (jour,)
    if not annee and len(mois) == 1:
        return tuple(dict.fromkeys((f"{jour}0{mois}", jour + mois)))
    debut = f"{jour}{mois:0>2}"
    if len(annee) == 2:
        return (debut + annee, f"{debut}19{annee}", f"{debut}20{annee}")
    return (debut + annee,)


def _digits(chiffres: str) -> tuple[str, ...]:
    """Return what digits typed without separator may be the start of, as JJMMAAAA."""
    if len(chiffres) == 8 and _date_of(chiffres) is None:
        autre = chiffres[6:] + chiffres[4:6] + chiffres[:4]
        return (autre,) if _date_of(autre) else (chiffres,)
    if len(chiffres) == 6:
        debut, annee = chiffres[:4], chiffres[4:]
        return (chiffres, f"{debut}19{annee}", f"{debut}20{annee}")
    return (chiffres,)


def _date_of(chiffres: str) -> date | None:
    try:
        jour = date(int(chiffres[4:]), int(chiffres[2:4]), int(chiffres[:2]))
    except ValueError:
        return None
    return jour if jour.year >= 1870 else None


def after(debut: str) -> str:
    """Return the first text beyond all those that begin with `debut` (byte order).

    A range is the one form of « begins with » that row-level security lets use an index.
    Source: design.md, « Isolation ».
    """
    return debut[:-1] + chr(ord(debut[-1]) + 1)


def distance(un: str, autre: str) -> int:
    """Return how many letters to add, drop, change or swap with the next, to go from one to other.

    Damerau-Levenshtein, swaps of neighbours only. Source: ins.md §1.4, « for suggestions only ».
    """
    avant: list[int] = []
    ligne = list(range(len(autre) + 1))
    for i, lettre in enumerate(un, 1):
        plus_haut, avant = avant, ligne
        ligne = [i]
        for j, face in enumerate(autre, 1):
            cout = min(avant[j] + 1, ligne[-1] + 1, avant[j - 1] + (lettre != face))
            if i > 1 and j > 1 and lettre == autre[j - 2] and un[i - 2] == face:
                cout = min(cout, plus_haut[j - 2] + 1)
            ligne.append(cout)
    return ligne[-1]


def likeness(tape: str, mot: str) -> float:
    """Return from 0 (nothing in common) to 1 how near a typed word is to a word of a file.

    The same, or its beginning: 1. Heard alike: 0.9. One letter wrong in four, two in six.
    Source: ins.md §2.9, « suggestions » (phonetic, comparison key).
    """
    if mot == tape or (len(tape) >= MINIMUM and mot.startswith(tape)):
        return 1.0
    if abs(len(tape) - len(mot)) <= 3 and len(son := sound(tape)) > 1 and son == sound(mot):
        return 0.9
    long = max(len(tape), len(mot))
    permis = 2 if min(len(tape), len(mot)) >= 6 else 1
    if min(len(tape), len(mot)) < MINIMUM or abs(len(tape) - len(mot)) > permis:
        return 0.0
    fautes = distance(tape, mot)
    return 1 - fautes / long if fautes <= permis else 0.0


def date_likeness(debuts: tuple[str, ...], jour: str) -> float:
    """Return how near a typed date is to a birth date, both as JJMMAAAA.

    Equal: 1. Day and month swapped, or one digit wrong: 0.7. Else 0.
    Source: ins.md §2.9, scoring (« day/month swapped », « one digit »).
    """
    if any(jour.startswith(debut) for debut in debuts):
        return 1.0
    for debut in debuts:
        if len(debut) == len(jour) and (
            debut[2:4] + debut[:2] + debut[4:] == jour or distance(debut, jour) == 1
        ):
            return 0.7
    return 0.0
