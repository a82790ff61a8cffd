"""One row of the officine, locked for a change: what every use case begins with."""

from typing import TypeVar

from django.db.models import Manager, Model, QuerySet

M = TypeVar("M", bound=Model)


def row_locked(lignes: Manager[M] | QuerySet[M], officine_id: int, pk: int) -> M | None:
    """Return the row, locked until the end of the transaction; None when the officine has none.

    Its key stays free: what points to it may be written meanwhile (`no_key`).
    """
    return (
        lignes.select_for_update(of=("self",), no_key=True)
        .filter(pk=pk, officine_id=officine_id)
        .first()
    )
