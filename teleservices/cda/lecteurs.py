"""Readers of CDA documents, by kind: filled by the apps in `ready()`."""

from collections.abc import Callable
from typing import Any

Lecteur = Callable[[bytes], dict[str, Any]]
_lecteurs: dict[str, Lecteur] = {}


class CdaIllisible(ValueError):
    """Not a document that we read; `code` is stable, `phrase` for the screen."""

    def __init__(self, code: str, phrase: str) -> None:
        super().__init__(code)
        self.code = code
        self.phrase = phrase


def register(genre: str, lecteur: Lecteur) -> None:
    """Add a reader: bytes in, plain JSON values out; it raises CdaIllisible when not its kind."""
    _lecteurs[genre] = lecteur


def read(data: bytes) -> dict[str, Any]:
    """Return what the first reader that knows this document says, with its `genre`.

    Raises the last reader's CdaIllisible when nobody knows it.
    """
    erreur = CdaIllisible("cda_lecteur", "Aucun lecteur de documents n'est installé.")
    for genre, lecteur in _lecteurs.items():
        try:
            return {"genre": genre, **lecteur(data)}
        except CdaIllisible as exc:
            erreur = exc
    raise erreur
