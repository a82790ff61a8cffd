"""The Celery bell: tasks are rung by name, with ids only; the table stays the truth."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def ring(officine_id: int, envoi_id: int, file: str) -> None:
    """Tell a worker of `file` that a row is due. A broker that is away loses nothing."""
    try:
        current_app.send_task(
            "teleservices.traiter", args=(officine_id, envoi_id), queue=file, retry=False
        )
    except (OperationalError, OSError):
        logger.warning("sonnette.absente file=%s", file)


def ring_task(tache: str, officine_id: int, ligne_id: int, file: str = "lots") -> None:
    """Tell a worker of `file` that a row of another table is due; the row stays the truth."""
    try:
        current_app.send_task(tache, args=(officine_id, ligne_id), queue=file, retry=False)
    except (OperationalError, OSError):
        logger.warning("sonnette.absente tache=%s", tache)
