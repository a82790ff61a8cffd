"""Queries that Django writes once: the text is kept, only the values change.

Theory of operation. Writing the SQL of a wide query costs Django one to two milliseconds, several
times what PostgreSQL takes to answer it. The few queries of the path a person waits for are written
the first time, with example values that cannot be taken for one another, and their text is kept;
each call puts its own values where the examples were. The query stays an ordinary queryset, read
and checked as the others are.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


class Figee:
    """One query: `ecrire` returns it for values given by name, `exemples` gives one of each.

    A value may be a list, always of the same length. No value may depend on anything else, the hour
    in the first place: a date that is not an example is refused (ValueError).
    """

    def __init__(self, ecrire: Callable[..., QuerySet[Any, Any]], **exemples: object) -> None:
        self._ecrire = ecrire
        self._exemples = exemples
        self._ecrite: tuple[str, list[Callable[[dict[str, Any]], Any]]] | None = None

    def rows(self, **valeurs: object) -> list[tuple[Any, ...]]:
        """Return the rows as tuples, as the database gives them: no field converts them."""
        texte, puits = self._written()
        with connection.cursor() as curseur:
            curseur.execute(texte, [puiser(valeurs) for puiser in puits])
            lignes: list[tuple[Any, ...]] = curseur.fetchall()
        return lignes

    def first(self, modele: type[M], **valeurs: object) -> M | None:
        """Return the first row as an object of a model; other columns become attributes."""
        texte, puits = self._written()
        lus = modele._default_manager.raw(texte, [puiser(valeurs) for puiser in puits])  # noqa: SLF001
        return next(iter(lus), None)

    def _written(self) -> tuple[str, list[Callable[[dict[str, Any]], Any]]]:
        if self._ecrite is None:
            texte, valeurs = self._ecrire(**self._exemples).query.sql_with_params()
            ou = _where(self._exemples)
            self._ecrite = texte, [_well(valeur, ou) for valeur in valeurs]
        return self._ecrite


def _where(exemples: dict[str, object]) -> dict[tuple[type, object], tuple[str, int | None]]:
    """Return, for each example value, its name and its rank in a list. ValueError for a double."""
    ou: dict[tuple[type, object], tuple[str, int | None]] = {}
    for nom, exemple in exemples.items():
        liste = isinstance(exemple, list)
        for rang, valeur in enumerate(exemple if isinstance(exemple, list) else [exemple]):
            if ou.setdefault((type(valeur), valeur), (nom, rang if liste else None))[0] != nom:
                raise ValueError(f"{nom} : même exemple qu'un autre")
    return ou


def _well(
    valeur: object, ou: dict[tuple[type, object], tuple[str, int | None]]
) -> Callable[[dict[str, Any]], Any]:
    """Return what takes a parameter out of the values of a call; a constant stays itself."""
    trouve = ou.get((type(valeur), valeur))
    if trouve is None:
        if isinstance(valeur, date):
            raise ValueError("une date ne se fige pas")
        return lambda _valeurs: valeur
    nom, rang = trouve
    if rang is None:
        return lambda valeurs: valeurs[nom]
    return lambda valeurs: valeurs[nom][rang]
