"""Several thousand invented people, the same at each start for one seed.

Each household is drawn from (seed, kind, rank) alone: asking for more people, or in another order,
changes nobody. Nobody shares a number, by construction: each kind owns its places of birth, each
household owns eight order numbers of its place, and the published identities own neither.
"""

import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

from simulators.population.noms import compound_name, first_names, foreign_name, plain_name
from simulators.population.personnes import (
    OID_NIA,
    OID_NIR,
    Ins,
    Personne,
    completed_date,
    nir_key,
)

GRAINE = 2026
MEMBRES_MAX = 8
# Places of birth by kind, all disjoint: COG as the INSEE table writes them.
LIEUX: dict[str, tuple[str, ...]] = {
    "ordinaire": (
        *(f"751{n:02d}" for n in range(1, 15)),
        *(f"6938{n}" for n in range(1, 10)),
        *(f"132{n:02d}" for n in range(1, 17)),
    ),
    "famille": ("31555", "06088", "44109", "34172", "67482", "33063", "59350", "35238", "51454"),
    "jumeaux": ("76351", "42218", "83137"),
    "homonyme": ("38185", "21231"),
    "homonyme_bis": ("49007", "30189"),
    "homonyme_meme_lieu": ("63113",),
    "corse": ("2A004", "2B033", "2A247", "2B096"),
    "outre_mer": ("97105", "97209", "97302", "97415", "97608", "98735", "98818"),
    "etranger": ("99139", "99127", "99351", "99134", "99109", "99243", "99326", "99404"),
    "nia": ("99341", "99322", "29019"),
    "etat_civil_incomplet": ("99331", "99335", "99395"),
    "historique": ("37261", "80021"),
    "changement_sexe": ("87085",),
    "nom_compose": ("74010", "66136", "57463"),
    "epouse": ("25056", "45234", "68224", "76540"),
}


class _Foyer:
    """The draws of one household, whatever was drawn before it."""

    def __init__(self, graine: int, genre: str, rang: int) -> None:
        self.hasard = random.Random(f"{graine}/{genre}/{rang}")  # noqa: S311 - not a secret
        self.genre = genre
        self.nom = f"{genre}-{rang:04d}"
        self.rang = rang

    def place(self, genre: str = "") -> str:
        """Return the place of birth of this household."""
        lieux = LIEUX[genre or self.genre]
        return lieux[self.rang % len(lieux)]

    def number(
        self, sexe: str, naissance: str, membre: int, *, lieu: str = "", mois: str = ""
    ) -> str:
        """Return the thirteen characters of one member; `mois` when the number codes another."""
        lieu = lieu or self.place()
        places = len(LIEUX[self.genre])
        ordre = self.rang // places * MEMBRES_MAX + membre + 1
        if membre >= MEMBRES_MAX or ordre > 999:
            raise ValueError(f"plus de numéro pour {self.nom}")
        mois = mois or naissance[5:7]
        return f"{'1' if sexe == 'M' else '2'}{naissance[2:4]}{mois}{lieu}{ordre:03d}"

    def date(self, debut: int, fin: int) -> str:
        """Return a calendar date between two years."""
        h = self.hasard
        return f"{h.randint(debut, fin)}-{h.randint(1, 12):02d}-{h.randint(1, 28):02d}"

    def person(self, membre: int, sexe: str, naissance: str, **autres: Any) -> Personne:  # noqa: ANN401
        """Return one member, with a name of one word unless told."""
        lieu = autres.pop("lieu", "") or self.place()
        corps = autres.pop("corps", "") or self.number(sexe, naissance, membre, lieu=lieu)
        oid = autres.pop("oid", OID_NIR)
        return Personne(
            autres.pop("nom", "") or plain_name(self.hasard),
            autres.pop("prenoms", ()) or first_names(self.hasard, sexe),
            sexe,
            naissance,
            lieu,
            Ins(corps, nir_key(corps), oid),
            genre=self.genre,
            foyer=self.nom,
            **autres,
        )


def _ordinary(foyer: _Foyer) -> Iterator[Personne]:
    yield foyer.person(0, foyer.hasard.choice("FM"), foyer.date(1930, 2004))


def _family(foyer: _Foyer) -> Iterator[Personne]:
    """Two parents and one to four children: one name, one place, children on a parent's card."""
    h = foyer.hasard
    pere = foyer.person(0, "M", foyer.date(1960, 1992))
    mere = foyer.person(1, "F", foyer.date(1960, 1992))
    yield pere
    yield dataclasses.replace(mere, nom_usuel=pere.nom if h.random() < 0.7 else "")
    porteur = h.choice((pere, mere))
    prenoms = {sexe: list(first_names(h, sexe, 8)) for sexe in "FM"}
    for membre in range(2, 2 + h.randint(1, 4)):
        sexe = h.choice("FM")
        naissance = f"{2005 + membre * 3}-{h.randint(1, 12):02d}-{h.randint(1, 28):02d}"
        yield foyer.person(
            membre,
            sexe,
            naissance,
            nom=pere.nom,
            prenoms=tuple(prenoms[sexe].pop() for _ in range(h.randint(1, 2))),
            ouvrant_droit=porteur.ins.matricule,
        )


def _twins(foyer: _Foyer) -> Iterator[Personne]:
    """A mother and twins; every second pair is MARIE and MARIE-LOU (case 53)."""
    mere = foyer.person(0, "F", foyer.date(1975, 1990))
    yield mere
    naissance = foyer.date(2008, 2022)
    paires = ((("MARIE",), ("MARIE-LOU",)), (("JULES",), ("JEANNE",)))
    for rang, prenoms in enumerate(paires[foyer.rang % 2], start=1):
        sexe = "M" if prenoms == ("JULES",) else "F"
        yield foyer.person(
            rang,
            sexe,
            naissance,
            nom=mere.nom,
            prenoms=prenoms,
            ouvrant_droit=mere.ins.matricule,
            rang=rang,
        )


def _homonyms(foyer: _Foyer) -> Iterator[Personne]:
    """Two people of one name, first names, sex and day, born in two places."""
    premier = foyer.person(0, foyer.hasard.choice("FM"), foyer.date(1940, 2000))
    yield premier
    yield foyer.person(
        1,
        premier.sexe,
        premier.naissance,
        nom=premier.nom,
        prenoms=premier.prenoms,
        lieu=foyer.place("homonyme_bis"),
    )


def _same_place_homonyms(foyer: _Foyer) -> Iterator[Personne]:
    """Two people whom nothing but the number tells apart (case 19)."""
    premier = foyer.person(0, foyer.hasard.choice("FM"), foyer.date(1940, 2000))
    yield premier
    yield foyer.person(1, premier.sexe, premier.naissance, nom=premier.nom, prenoms=premier.prenoms)


def _corsica(foyer: _Foyer) -> Iterator[Personne]:
    """Numbers in 2A and 2B, in 20 before 1976; every third place still says 20."""
    sexe, naissance = foyer.hasard.choice("FM"), foyer.date(1935, 2015)
    lieu = foyer.place()
    ancien = f"20{lieu[2:]}"
    # Communes of both départements keep distinct numbers, so one 20 is one commune.
    corps = foyer.number(sexe, naissance, 0, lieu=ancien if naissance < "1976" else lieu)
    yield foyer.person(
        0, sexe, naissance, corps=corps, lieu=ancien if foyer.rang % 3 == 0 else lieu
    )


def _abroad(foyer: _Foyer) -> Iterator[Personne]:
    sexe = foyer.hasard.choice("FM")
    yield foyer.person(0, sexe, foyer.date(1935, 2010), nom=foreign_name(foyer.hasard))


def _waiting(foyer: _Foyer) -> Iterator[Personne]:
    sexe = foyer.hasard.choice("FM")
    nom = foreign_name(foyer.hasard)
    yield foyer.person(0, sexe, foyer.date(1950, 2024), nom=nom, oid=OID_NIA)


def _incomplete(foyer: _Foyer) -> Iterator[Personne]:
    """Civil status without a day or a month; half are also found by the completed date."""
    h = foyer.hasard
    sexe, annee = h.choice("FM"), h.randint(1930, 1975)
    mois = h.choice(("00", "20", f"{h.randint(30, 42)}", f"{h.randint(1, 12):02d}"))
    naissance = f"{annee}-{mois}-00"
    corps = foyer.number(sexe, naissance, 0, mois="99" if mois == "00" else mois)
    admises = (completed_date(naissance),) if foyer.rang % 2 else ()
    nom = foreign_name(h)
    yield foyer.person(0, sexe, naissance, nom=nom, corps=corps, dates_admises=admises)


def _former_number(corps: str, debut: str, fin: str, oid: str = OID_NIR) -> Ins:
    return Ins(corps, nir_key(corps), oid, debut, fin)


def _history(foyer: _Foyer) -> Iterator[Personne]:
    """One or two former numbers; every second began with a waiting number."""
    personne = foyer.person(0, foyer.hasard.choice("FM"), foyer.date(1945, 2005))
    anciens = []
    for membre in range(1, 1 + foyer.hasard.randint(1, 2)):
        corps = foyer.number(personne.sexe, personne.naissance, membre)
        oid = OID_NIA if foyer.rang % 2 and membre == 1 else OID_NIR
        debut, fin = f"{2005 + membre}-03-01", f"{2010 + membre}-05-31"
        anciens.append(_former_number(corps, debut, fin, oid))
    yield dataclasses.replace(personne, historique=tuple(anciens))


def _sex_change(foyer: _Foyer) -> Iterator[Personne]:
    """The former number begins with the other sex."""
    sexe = foyer.hasard.choice("FM")
    personne = foyer.person(0, sexe, foyer.date(1960, 2000))
    corps = foyer.number("F" if sexe == "M" else "M", personne.naissance, 0)
    fin = f"{foyer.hasard.randint(2017, 2025)}-06-30"
    yield dataclasses.replace(personne, historique=(_former_number(corps, "", fin),))


def _compound(foyer: _Foyer) -> Iterator[Personne]:
    sexe = foyer.hasard.choice("FM")
    yield foyer.person(0, sexe, foyer.date(1930, 2020), nom=compound_name(foyer.hasard))


def _married(foyer: _Foyer) -> Iterator[Personne]:
    """A woman whom everyone calls by another name than that of her birth."""
    personne = foyer.person(0, "F", foyer.date(1930, 1998))
    usuel = next(n for n in iter(lambda: plain_name(foyer.hasard), None) if n != personne.nom)
    yield dataclasses.replace(personne, nom_usuel=usuel)


GENRES: dict[str, tuple[Callable[[_Foyer], Iterator[Personne]], int]] = {
    "ordinaire": (_ordinary, 2600),
    "famille": (_family, 420),
    "jumeaux": (_twins, 60),
    "homonyme": (_homonyms, 60),
    "homonyme_meme_lieu": (_same_place_homonyms, 20),
    "corse": (_corsica, 90),
    "outre_mer": (_ordinary, 160),
    "etranger": (_abroad, 200),
    "nia": (_waiting, 80),
    "etat_civil_incomplet": (_incomplete, 80),
    "historique": (_history, 80),
    "changement_sexe": (_sex_change, 40),
    "nom_compose": (_compound, 240),
    "epouse": (_married, 400),
}


def household(graine: int, genre: str, rang: int) -> tuple[Personne, ...]:
    """Return one household, the same whatever else is asked."""
    return tuple(GENRES[genre][0](_Foyer(graine, genre, rang)))


def generated(graine: int = GRAINE) -> list[Personne]:
    """Return every generated person, kind after kind."""
    return [
        personne
        for genre, (_, nombre) in GENRES.items()
        for rang in range(nombre)
        for personne in household(graine, genre, rang)
    ]
