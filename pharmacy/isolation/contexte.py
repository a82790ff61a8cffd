"""The current officine of this thread of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

_officine: ContextVar[int | None] = ContextVar("officine", default=None)


def officine_courante() -> int | None:
    """Return the id of the current officine, or None outside any context."""
    return _officine.get()


def write_officine(connexion: BaseDatabaseWrapper, officine_id: int | None) -> None:
    """Write the officine into an open connection; an empty text means none."""
    if connexion.connection is None:
        return
    # Inside a transaction nothing is sure: a rollback takes back what was written.
    blanche = officine_id is None and not connexion.in_atomic_block
    connexion.connection.comptoir_blanche = False
    with connexion.connection.cursor() as curseur:
        curseur.execute(
            "SELECT set_config('comptoir.officine', %s, false)",
            [str(officine_id) if officine_id is not None else ""],
        )
    connexion.connection.comptoir_blanche = blanche


def is_blank(connexion: BaseDatabaseWrapper) -> bool:
    """Tell whether « no officine » is the last thing written in an open connection, for good."""
    return getattr(connexion.connection, "comptoir_blanche", False) is True


@contextmanager
def officine_context(officine_id: int) -> Iterator[None]:
    """Work for one officine: rows of the others do not exist inside this block.

    May be nested; leaving restores what was there. A connection broken inside the block is
    dropped on the way out rather than trusted.
    """
    avant = _officine.get()
    jeton = _officine.set(officine_id)
    try:
        write_officine(connection, officine_id)
        yield
    finally:
        _officine.reset(jeton)
        _restore(avant)


def _restore(avant: int | None) -> None:
    try:
        write_officine(connection, avant)
    except Exception as exc:  # noqa: BLE001 - the connection is unknown: see below
        # In a failed transaction the rollback restores the setting; anything else: drop it.
        if connection.in_atomic_block:
            return
        connection.close()
        if not isinstance(exc, DatabaseError):
            _raise_unless_driver(exc)


def _raise_unless_driver(exc: Exception) -> None:
    import psycopg

    if not isinstance(exc, psycopg.Error):
        raise exc
