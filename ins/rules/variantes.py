"""After « 01 », what a person may try by one key: each variant is exactly what would be sent.

The software never guesses: no other name, sex or date leaves without a person.
Source: ins.md §3.6, step 6.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ins.rules.question import Question

MAXIMUM = 8
_PARTICULES = frozenset({"D", "L", "DE", "DU", "DES", "LE", "LA", "DA", "DI", "DOS", "EL", "BEN"})


@dataclass(frozen=True)
class Variante:
    """One thing to try. Without a question, it is an act of the person: a name, a card."""

    code: str
    libelle: str
    question: Question | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Contexte:
    """What the file says beside the question that found nobody.

    `lunaire` is the date of the card when it is not of the calendar, and the officine wants it
    tried; `nom_incertain`, a birth name that nobody confirmed.
    """

    noms_connus: tuple[str, ...] = field(default=(), repr=False)
    nom_incertain: bool = False
    carte: bool = False
    lunaire: str = field(default="", repr=False)


def propose_variants(question: Question, contexte: Contexte) -> tuple[Variante, ...]:
    """Return the variants of a question answered 01, the likeliest first, at most eight.

    A birth name stored from a used one is the first cause, and women are most concerned: then it
    comes first. Source: ins.md §3.6 step 6 (order), §3.6 « Field evidence »; INS-23.
    """
    premier = question.sexe == "F" or contexte.nom_incertain
    noms = [*_birth_names(question, contexte)]
    reste = [
        *_first_names(question),
        *_particles(question),
        *_dates(question, contexte),
        *_place(question),
    ]
    toutes = [*noms, *reste] if premier else [*reste, *noms]
    if not contexte.carte:
        toutes.append(Variante("carte", "Lire la carte Vitale : INSi cherche par la carte"))
    vues: set[Question] = {question}
    gardees = []
    for variante in toutes:
        if variante.question is not None and variante.question in vues:
            continue
        if variante.question is not None:
            vues.add(variante.question)
        gardees.append(variante)
    return tuple(gardees[:MAXIMUM])


def _birth_names(question: Question, contexte: Contexte) -> Iterator[Variante]:
    for nom in contexte.noms_connus:
        if nom and nom != question.nom:
            yield Variante("nom", "Avec l'autre nom du dossier", replace(question, nom=nom))
    yield Variante("nom_naissance", "Demander le nom de naissance, puis le saisir")


def _first_names(question: Question) -> Iterator[Variante]:
    premier = question.prenoms[0]
    if "-" in premier:
        sans = premier.replace("-", " ")
        yield Variante("prenom", "Prénom sans trait d'union", replace(question, prenoms=(sans,)))
        seul = premier.split("-", 1)[0]
        yield Variante("prenom", "Première partie du prénom", replace(question, prenoms=(seul,)))
    elif len(question.prenoms) > 1:
        lie = "-".join(question.prenoms[:2])
        yield Variante("prenom", "Prénom composé", replace(question, prenoms=(lie,)))


def _particles(question: Question) -> Iterator[Variante]:
    """Yield D'ALMEIDA, D ALMEIDA and DALMEIDA for one another; a double name, hyphen or not."""
    for nom, libelle in _written_otherwise(question.nom):
        yield Variante("particule", libelle, replace(question, nom=nom))


def _written_otherwise(nom: str) -> Iterator[tuple[str, str]]:
    separe = re.match(r"([DL]) (.+)", nom)
    colle = re.match(r"(D)([AHIOY][A-Z].*)", nom)
    if "'" in nom:
        yield nom.replace("'", " "), "Avec un espace"
        yield nom.replace("'", ""), "En un mot"
    elif separe:
        yield "'".join(separe.groups()), "Avec une apostrophe"
        yield "".join(separe.groups()), "En un mot"
    elif colle:
        yield "'".join(colle.groups()), "Avec une apostrophe"
        yield " ".join(colle.groups()), "Avec un espace"
    if "-" in nom:
        yield nom.replace("-", " "), "Nom sans trait d'union"
    elif " " in nom and not _PARTICULES & set(re.split("[ ']", nom)):
        yield nom.replace(" ", "-"), "Nom avec un trait d'union"


def _dates(question: Question, contexte: Contexte) -> Iterator[Variante]:
    annee, mois, jour = question.naissance.split("-")
    if mois != jour and "01" <= jour <= "12":
        echangee = f"{annee}-{jour}-{mois}"
        yield Variante("date", "Jour et mois échangés", replace(question, naissance=echangee))
    if contexte.lunaire:
        yield Variante(
            "lunaire", "Date telle que sur la carte", replace(question, naissance=contexte.lunaire)
        )


def _place(question: Question) -> Iterator[Variante]:
    if question.lieu:
        yield Variante("lieu", "Sans le lieu de naissance", replace(question, lieu=""))
