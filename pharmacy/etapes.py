"""Steps that an app above puts before the end of a sale (the contrôle d'ordonnance)."""

from collections.abc import Callable

from pharmacy.acteurs import Acteur
from pharmacy.models import Vente

Etape = Callable[[Acteur, Vente], str | None]
_avant_fin: list[Etape] = []


def register_avant_fin(etape: Etape) -> None:
    """Add a step: it returns the URL of the dialog that must be answered first, or None."""
    if etape not in _avant_fin:
        _avant_fin.append(etape)


def next_dialogue(acteur: Acteur, vente: Vente) -> str | None:
    """Return the first dialog still due before the sale may end."""
    for etape in _avant_fin:
        url = etape(acteur, vente)
        if url:
            return url
    return None
