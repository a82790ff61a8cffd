"""The agent's log: typed fields only, so that no trait, token, scan or PIN can slip in."""

import json
import logging
import re
import sys

_IDENT = re.compile(r"^[A-Za-z0-9_.:\-]{1,64}$")
logger = logging.getLogger("agent")


def start() -> None:
    """Write JSON lines on standard error."""
    sortie = logging.StreamHandler(sys.stderr)
    sortie.setFormatter(
        logging.Formatter('{"ts":"%(asctime)s","level":"%(levelname)s",%(message)s}')
    )
    logger.addHandler(sortie)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def note(evenement: str, **champs: int | str) -> None:
    """Log an event; a text field that is not a short identifier is replaced by « ? »."""
    propres = {
        nom: valeur if isinstance(valeur, int) or _IDENT.match(valeur) else "?"
        for nom, valeur in {"event": evenement, **champs}.items()
    }
    logger.info("%s", json.dumps(propres)[1:-1])
