"""Search of patients (CTR-13, ins.md §2.9): words and dates in any order, then what is near.

Everything reads `MotPatient` and `MotConnu`, which the database keeps true. Conditions that choose
rows are ranges and equalities on the officine and a text: row-level security lets no other kind use
an index. Nothing opens by itself; at most one screen is given.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.contrib.postgres.search import TrigramDistance
from django.db.models import BigIntegerField, Func, IntegerField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from pharmacy.acteurs import Acteur
from pharmacy.models import MotConnu, MotPatient, Patient
from pharmacy.rules.recherche import (
    MINIMUM,
    PARTICULES,
    Saisie,
    after,
    date_likeness,
    likeness,
    parse_typed,
    sound,
)

LIMITE = 12
# A file may be met under several of its words: more rows than files are read.
_LUES = 3 * LIMITE
_SONDE = 100
_VOISINS, _SENS, _CANDIDATS = 25, 8, 100
_SEUIL = 0.6
# The columns of a result (ins.md §2.9); encrypted ones are not read for nothing.
_AFFICHES = (
    "officine_id",
    "nom_naissance",
    "premier_prenom",
    "prenoms_naissance",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "nom_a_confirmer",
    "nom_utilise",
    "prenom_utilise",
    "statut",
    "attr_homonyme",
    "attr_douteux",
    "attr_fictif",
    "vu_le",
)
# The limits are inside, before the join: whichever plan PostgreSQL keeps for this statement reads
# the index in its order and stops. With the limit outside, the plan it keeps for any value (after a
# few searches on one connection) once read every file of the officine: 40 ms for 0.3.
_FICHES_DES_MOTS = """
SELECT p.id, {colonnes}, m.lus
FROM (SELECT patient_id, min(cle) AS cle, count(*) AS lus FROM ({mots}) lue
      GROUP BY patient_id ORDER BY 2, 1 LIMIT {limite}) m
JOIN pharmacy_patient p ON p.id = m.patient_id
WHERE p.officine_id = %s AND p.actif
ORDER BY m.cle, m.patient_id
"""
PHRASES = {
    "matricule": "Un matricule ne se tape pas : lisez la carte Vitale, scannez le datamatrix INS, "
    "ou cherchez par le nom et la date de naissance.",
    "court": "Tapez trois lettres d'un nom, un nom et un prénom, ou une date de naissance.",
}


@dataclass(frozen=True)
class Trouvailles:
    """What a search gives: files, if they are only near, if others exist, or a sentence."""

    patients: tuple[Patient, ...] = ()
    approches: bool = False
    reste: bool = False
    phrase: str = ""

    @property
    def bilan(self) -> str:
        """Return what the journal keeps of a search: how many files, and how they were found."""
        return f"{len(self.patients)}{' proches' if self.approches else ''}"


def patient_search(acteur: Acteur, texte: str) -> Trouvailles:
    """Return at most twelve files of the officine that hold all that was typed, else near ones.

    Two queries when files hold it (one for one word); near ones cost three to six more. The
    status, the attributes and the last visit come with each file.
    """
    saisie = parse_typed(texte)
    if saisie.refus:
        return Trouvailles(phrase=PHRASES[saisie.refus])
    if not saisie.est_suffisante:
        return Trouvailles(phrase=PHRASES["court"] if texte.strip() else "")
    exacts, coupes = _exact(acteur, saisie)
    if exacts:
        return Trouvailles(exacts[:LIMITE], reste=coupes or len(exacts) > LIMITE)
    proches = _near(acteur.officine_id, saisie)
    return Trouvailles(_files(acteur, proches), approches=True)


def _files(acteur: Acteur, ids: list[int]) -> tuple[Patient, ...]:
    if not ids:
        return ()
    lus = (
        Patient.objects.filter(officine_id=acteur.officine_id, pk__in=ids, actif=True)
        .only(*_AFFICHES)
        .in_bulk(ids)
    )
    return tuple(lus[pk] for pk in ids if pk in lus)


# What files hold exactly


class Cachee(Func):
    """A bound of a range that the planner does not look at.

    Looking changes nothing here (the index is read in its order, up to a limit) and costs more than
    reading: values that cannot be seen let PostgreSQL keep one plan for all of them.
    """

    template = "(SELECT %(expressions)s)"
    output_field = TextField()


def _between(debut: str, fin: str) -> Q:
    return Q(cle__gte=Cachee(Value(debut)), cle__lt=Cachee(Value(fin)))


@dataclass(frozen=True)
class Terme:
    """What files must hold: words that begin so, or whole words, one of them being enough."""

    debuts: tuple[str, ...] = field(repr=False)
    entiers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def plages(self) -> list[Q]:
        """Return the ranges of `cle` that it is, each one thing that an index can do."""
        plages = [_between(debut, after(debut)) for debut in self.debuts]
        # A space, which follows a word, is the smallest of what is written in a key.
        return plages + [_between(mot, f"{mot}!") for mot in self.entiers]

    def tenu(self, pilote: "Terme") -> Q:
        """Return the same as a check of the words of a key that begins with one of `pilote`.

        That first word is looked at only when it may be one of this term's too.
        """
        if self.entiers:
            motifs = [*self.debuts, *(rf"{mot}\M" for mot in self.entiers)]
            return Q(cle__regex=rf"\m({'|'.join(motifs)})")
        parts = [Q(cle__contains=f" {debut}") for debut in self.debuts]
        parts += [
            Q(cle__startswith=debut)
            for debut in self.debuts
            if any(p.startswith(debut) or debut.startswith(p) for p in pilote.debuts)
        ]
        return reduce(or_, parts)

    @property
    def premier(self) -> str:
        """Return its first text, the one that was typed when there is one."""
        return (*self.debuts, *self.entiers)[0]

    @property
    def est_jour(self) -> bool:
        """Whether it is one whole date: a handful of files at most."""
        return not self.entiers and len(self.debuts) == 1 and self.debuts[0][7:].isdigit()


def _words(officine_id: int) -> QuerySet[MotPatient]:
    return MotPatient.objects.filter(officine_id=officine_id)


def _narrow(officine_id: int, termes: list[Terme]) -> list[QuerySet[MotPatient]]:
    """Return the words of files that hold every term: one set for each range of the rarest one.

    Each is read in the order of the index and stops at its limit. Never one condition « this range
    or that one »: the planner would rather read the table of a hundred officines.
    """
    pilote = _rarest(officine_id, termes)
    lignes = _words(officine_id)
    for terme in termes:
        if terme is not pilote:
            lignes = lignes.filter(terme.tenu(pilote))
    return [lignes.filter(plage).order_by("cle") for plage in pilote.plages]


def _holding(officine_id: int, termes: list[Terme], limite: int) -> list[tuple[int, str]]:
    """Return (file, key) of those that hold every term, at most `limite` for each range."""
    parts = [p.values_list("patient_id", "cle")[:limite] for p in _narrow(officine_id, termes)]
    return list(parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0])


def _rarest(officine_id: int, termes: list[Terme]) -> Terme:
    """Return the term that the fewest words are: a whole date, else by a look in the index.

    The look stops at a hundred rows a range; among the common ones the longest is taken.
    """
    if len(termes) == 1:
        return termes[0]
    for terme in termes:
        if terme.est_jour:
            return terme
    sondes = [
        _words(officine_id)
        .filter(plage)
        .values_list(Value(rang, output_field=IntegerField()), flat=True)[:_SONDE]
        for rang, terme in enumerate(termes)
        for plage in terme.plages
    ]
    vus = Counter(sondes[0].union(*sondes[1:], all=True))
    rang = min(range(len(termes)), key=lambda rang: (vus[rang], -len(termes[rang].premier)))
    return termes[rang]


def _exact(acteur: Acteur, saisie: Saisie) -> tuple[tuple[Patient, ...], bool]:
    """Return (files that hold all that was typed, whether the reading stopped at its limit).

    They come in the order of the rarest term's words.
    """
    termes = [Terme(debuts) for debuts in saisie.termes]
    parts = _narrow(acteur.officine_id, termes)
    if len(parts) == 1:
        return _with_files(acteur.officine_id, parts[0])
    vues = [p.values_list("patient_id", "cle")[:_LUES] for p in parts]
    lus = list(vues[0].union(*vues[1:], all=True))
    ids = list(dict.fromkeys(pk for pk, _ in lus))
    return _files(acteur, ids), len(lus) >= _LUES


def _with_files(officine_id: int, mots: QuerySet[MotPatient]) -> tuple[tuple[Patient, ...], bool]:
    """Return (the files of these words in their order, whether the reading stopped at its limit).

    One file more than a screen shows, in one statement. Only active files have words.
    """
    choisis, valeurs = mots.values_list("patient_id", "cle")[:_LUES].query.sql_with_params()
    texte = _FICHES_DES_MOTS.format(
        colonnes=", ".join(f"p.{nom}" for nom in _AFFICHES), mots=choisis, limite=LIMITE + 1
    )
    fiches = tuple(Patient.objects.raw(texte, [*valeurs, officine_id]))
    return fiches, sum(f.lus for f in fiches) == _LUES  # type: ignore[attr-defined]


# What is near

Sens = dict[str, float]


def _near(officine_id: int, saisie: Saisie) -> list[int]:
    """Return the files nearest to what was typed, best first.

    Each word is given the words of the officine that it may be a mistake for (trigrams and sound);
    files then hold one of them for each word typed. A whole birth date also gives its own files.
    """
    mots = _telling(saisie.mots)
    sens = _meanings(officine_id, mots)
    candidats = dict(_meaning(officine_id, mots, sens))
    du_jour = dict(_on_the_day(officine_id, saisie))
    for autre in {mot for cle in du_jour.values() for mot in cle.split()}:
        for mot, proches in zip(mots, sens, strict=True):
            proches.setdefault(autre, likeness(mot, autre))
    candidats |= du_jour
    notes = {pk: _score(mots, sens, saisie, cle.split()) for pk, cle in candidats.items()}
    retenus = [pk for pk, note in notes.items() if note >= _SEUIL]
    return sorted(retenus, key=lambda pk: (-notes[pk], candidats[pk]))[:LIMITE]


def _telling(mots: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words without the particles, which anyone may forget; four at most."""
    pleins = [mot for mot in mots if mot not in PARTICULES] or list(mots)
    return tuple(sorted(pleins, key=len, reverse=True)[:4])


def _meanings(officine_id: int, mots: tuple[str, ...]) -> list[Sens]:
    """Return, for each word typed, the known words it may stand for and how near they are."""
    if not mots:
        return []
    # btree_gist knows bigint only: an untyped small number would not use the index.
    connus = MotConnu.objects.filter(officine_id=Cast(Value(officine_id), BigIntegerField()))
    branches = []
    for rang, mot in enumerate(mots):
        colonnes = (Value(rang, output_field=IntegerField()), "mot")
        ecart = TrigramDistance("mot", mot)
        branches.append(connus.order_by(ecart).values_list(*colonnes)[:_VOISINS])
        branches.append(connus.filter(son=sound(mot)).values_list(*colonnes)[:_VOISINS])
    sens: list[Sens] = [{} for _ in mots]
    for rang, connu in branches[0].union(*branches[1:], all=True):
        note = likeness(mots[rang], connu)
        if note >= _SEUIL:
            sens[rang][connu] = note
    return [dict(sorted(s.items(), key=lambda paire: -paire[1])[:_SENS]) for s in sens]


def _meaning(officine_id: int, mots: tuple[str, ...], sens: list[Sens]) -> list[tuple[int, str]]:
    """Return (file, key) of those that hold, for each word typed, one it may stand for."""
    if not sens or not all(sens):
        return []
    if len(sens) == 1:
        # The nearest word must not be hidden by a common one: each gives its own.
        return _holding(officine_id, [Terme((), tuple(sens[0]))], LIMITE)
    termes = [
        Terme((mot,) if len(mot) >= MINIMUM else (), tuple(proches))
        for mot, proches in zip(mots, sens, strict=True)
    ]
    return _holding(officine_id, termes, _CANDIDATS)


def _on_the_day(officine_id: int, saisie: Saisie) -> list[tuple[int, str]]:
    """Return (file, key) of those born on the whole date that was typed."""
    if saisie.naissance is None or not saisie.mots:
        return []
    return _holding(officine_id, [Terme(saisie.jours[0])], _CANDIDATS)


def _score(mots: tuple[str, ...], sens: list[Sens], saisie: Saisie, dossier: list[str]) -> float:
    """Return from 0 to 1 how near a file is: the mean over what was typed."""
    notes = [
        max(1.0 if autre.startswith(mot) else proches.get(autre, 0.0) for autre in dossier)
        for mot, proches in zip(mots, sens, strict=True)
    ]
    jour = next((mot for mot in dossier if mot.isdigit()), "")
    notes += [date_likeness(debuts, jour) for debuts in saisie.jours]
    return sum(notes) / len(notes)
