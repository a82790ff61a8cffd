"""One row, locked for a change: what every use case begins with."""

from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def row_locked(lignes: QuerySet[M], pk: int) -> M | None:
    """Return this row of those of the officine, locked until the end of the transaction, or None.

    Its key stays free: what points to it may be written meanwhile (`no_key`).
    """
    return lignes.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
