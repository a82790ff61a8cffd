"""The agent's log: typed fields only, so that no trait, token, scan or PIN can slip in."""

import json
import logging
import re
import sys

_IDENT = re.compile(r"^[A-Za-z0-9_.:\-]{1,64}\Z")
logger = logging.getLogger("agent")


class _Tu(logging.Handler):
    """Says that a library complained, and nothing of what it said: it may quote data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the library and the class of the exception only."""
        genre = record.exc_info[0] if record.exc_info else None
        note("bibliotheque", source=record.name, genre=genre.__name__ if genre else "aucun")


def start() -> None:
    """Write JSON lines on standard error; what libraries log is reduced to a fact."""
    sortie = logging.StreamHandler(sys.stderr)
    sortie.setFormatter(
        logging.Formatter('{"ts":"%(asctime)s","level":"%(levelname)s",%(message)s}')
    )
    logger.addHandler(sortie)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for nom in ("websockets", "asyncio"):
        bavard = logging.getLogger(nom)
        bavard.addHandler(_Tu(logging.WARNING))
        bavard.propagate = False


def note(evenement: str, **champs: int | str) -> None:
    """Log an event; a text field that is not a short identifier is replaced by « ? »."""
    propres = {
        nom: valeur if isinstance(valeur, int) or _IDENT.match(valeur) else "?"
        for nom, valeur in {"event": evenement, **champs}.items()
    }
    logger.info("%s", json.dumps(propres)[1:-1])
