"""What isolation and the journal cost a request: each screen with them, and without, in turn.

A thousand officines in one database. With: as in the product, application role, policies on, the
officine written in each connection, every act noted. Without: policies off on every table, no
officine written, nothing noted; the same process, the same rows, the same screens. Blocks of one
and of the other follow each other, so that what the machine does meanwhile falls on both.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bench.ecrans import ECRANS, Ecran, show
from bench.population import people
from bench.recherche import load, make_officine, prepared_base

OFFICINES, PATIENTS = 50, 100
RONDES, BLOC, CHAUFFE = 8, 20, 6
RAPPORT_MAX = 1.25


@dataclass
class Mesure:
    """One screen, in milliseconds: with, and without."""

    nom: str
    avec: list[float] = field(default_factory=list)
    sans: list[float] = field(default_factory=list)

    @property
    def rapport(self) -> float:
        """The ratio of the medians."""
        return statistics.median(self.avec) / statistics.median(self.sans)

    def line(self) -> str:
        """Return the row of the table."""
        return f"| {self.nom} | {_couple(self.sans)} | {_couple(self.avec)} | ×{self.rapport:.2f} |"


def _couple(valeurs: list[float]) -> str:
    p95 = statistics.quantiles(valeurs, n=20, method="inclusive")[18]
    return f"{statistics.median(valeurs):.1f} / {p95:.1f}"


def _nothing(*_args: object, **_options: object) -> None:
    """Stand where something was written."""


def _policies(verbe: str) -> None:
    from django.db import connection, connections

    with connections["proprietaire"].cursor() as curseur:
        curseur.execute(
            "SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'isolation'"
        )
        for (table,) in curseur.fetchall():
            curseur.execute(f"ALTER TABLE {table} {verbe} ROW LEVEL SECURITY")
    connection.close()


@contextmanager
def without() -> Iterator[None]:
    """No policy, no officine in the connection, no line noted."""
    from pharmacy import audit
    from pharmacy.isolation import contexte
    from pharmacy.isolation.postgresql import base

    ecrits: list[tuple[Any, str]] = [
        (audit, "note"),
        (audit, "note_system"),
        (contexte, "write_officine"),
        (base, "write_officine"),
    ]
    vrais = [getattr(module, nom) for module, nom in ecrits]
    _policies("DISABLE")
    for module, nom in ecrits:
        setattr(module, nom, _nothing)
    try:
        yield
    finally:
        for (module, nom), vrai in zip(ecrits, vrais, strict=True):
            setattr(module, nom, vrai)
        _policies("ENABLE")


def populate(officines: int) -> None:
    """Fill the demonstration's officine, and as many others as asked."""
    from django.db import connections

    from pharmacy.demonstration.donnees import HALLE
    from pharmacy.management.commands.demonstration import fill
    from pharmacy.referentiel import medicaments

    medicaments.load("proprietaire")
    fill(HALLE)
    gens = people(officines * PATIENTS, 5)
    for rang in range(1, officines):
        load(make_officine(rang), islice(gens, PATIENTS))
    with connections["proprietaire"].cursor() as curseur:
        curseur.execute("ANALYZE")


def _timed(acte: Callable[[], Any]) -> float:
    debut = time.perf_counter()
    reponse = acte()
    duree = (time.perf_counter() - debut) * 1000
    assert reponse.status_code == 200, reponse.status_code
    return duree


def measure(client: Any, ecran: Ecran, vente: int, rondes: int) -> Mesure:  # noqa: ANN401
    """Show a screen by blocks, with and without in turn; the first of a block are not counted.

    They open the connection, and PostgreSQL makes its plans (`prepare_threshold`).
    """
    mesure, url = Mesure(ecran.nom), ecran.url.format(vente=vente)

    def block() -> list[float]:
        for _ in range(CHAUFFE):
            show(client, url, ecran.q)
        return [_timed(lambda: show(client, url, ecran.q)) for _ in range(BLOC)]

    for _ in range(rondes):
        mesure.avec += block()
        with without():
            mesure.sans += block()
    return mesure


def run(officines: int = OFFICINES, rondes: int = RONDES) -> None:
    """Load, measure each screen, print; the target is on the whole of them."""
    with prepared_base():
        debut = time.perf_counter()
        populate(officines)
        print(f"{officines} officines en {time.perf_counter() - debut:.0f} s.\n", flush=True)
        from pharmacy.demonstration.donnees import HALLE
        from tests.troupe import officine_of, read_officine

        troupe = read_officine(HALLE)
        client = troupe.client("A02")
        with officine_of(HALLE) as ici:
            vente = ici.vente().pk
        print("| écran (ms, médiane / p95) | sans | avec | rapport |\n|---|---|---|---|")
        mesures = []
        for ecran in ECRANS:
            mesures.append(measure(client, ecran, vente, rondes))
            print(mesures[-1].line(), flush=True)
        total = Mesure("ensemble", *(
            [sum(t) for t in zip(*(getattr(m, c) for m in mesures), strict=True)]
            for c in ("avec", "sans")
        ))  # fmt: skip
        print(total.line())
        print(f"\nCible : ×{RAPPORT_MAX} sur l'ensemble des écrans.")
