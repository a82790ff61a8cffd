"""What stays in the name of who leaves: the apps above count it, the titulaire reads it."""

from collections.abc import Callable
from dataclasses import dataclass

from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur


@dataclass(frozen=True)
class Reste:
    """One kind of thing left behind; `compute` counts it, `url` shows it."""

    phrase: str
    url: str
    compute: Callable[[Acteur, Operateur], int]


_restes: list[Reste] = []


def register_reste(reste: Reste) -> None:
    """Add a kind; called from `AppConfig.ready()`."""
    _restes.append(reste)


def reste_list(acteur: Acteur, operateur: Operateur) -> list[dict[str, object]]:
    """Return what is left, each with its number, its words and its page; nothing for a zero."""
    comptes = [(reste.compute(acteur, operateur), reste) for reste in _restes]
    return [
        {"nombre": nombre, "phrase": reste.phrase, "url": reste.url}
        for nombre, reste in comptes
        if nombre
    ]
