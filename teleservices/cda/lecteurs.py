"""Readers of CDA documents, by kind: filled by the apps in `ready()`."""

from collections.abc import Callable
from typing import Any

Lecteur = Callable[[bytes], dict[str, Any]]
_lecteurs: dict[str, Lecteur] = {}


def register(genre: str, lecteur: Lecteur) -> None:
    """Add a reader: bytes in, plain JSON values out; it raises ValueError when not its kind."""
    _lecteurs[genre] = lecteur


def read(data: bytes) -> dict[str, Any]:
    """Return what the first reader that knows this document says, with its `genre`.

    Raises the last reader's ValueError when nobody knows it.
    """
    erreur: ValueError = ValueError("no reader")
    for genre, lecteur in _lecteurs.items():
        try:
            return {"genre": genre, **lecteur(data)}
        except ValueError as exc:
            erreur = exc
    raise erreur
