"""The Celery bell: tasks are rung by name, with ids only; the table stays the truth."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
# A bell that waits stands in the worker's memory; the sweep, every two seconds, is as good then.
_ATTENTE_MAX_S = 4.0


def ring(officine_id: int, envoi_id: int, file: str, dans_s: float = 0.0) -> None:
    """Tell a worker of `file` that a row is due, now or in a moment.

    A broker that is away loses nothing. Beyond a few seconds the sweep rings by itself.
    """
    if dans_s > _ATTENTE_MAX_S:
        return
    try:
        current_app.send_task(
            "teleservices.traiter",
            args=(officine_id, envoi_id),
            queue=file,
            retry=False,
            countdown=dans_s if dans_s > 0 else None,
        )
    except (OperationalError, OSError):
        logger.warning("sonnette.absente file=%s", file)


def ring_task(
    tache: str, officine_id: int, ligne_id: int | str, file: str = "lots", dans_s: float = 0.0
) -> None:
    """Tell a worker of `file` that a row of another table is due, now or in a moment.

    The row stays the truth: who waits for it rings again when its hour has passed.
    """
    try:
        current_app.send_task(
            tache,
            args=(officine_id, ligne_id),
            queue=file,
            retry=False,
            countdown=dans_s if dans_s > 0 else None,
        )
    except (OperationalError, OSError):
        logger.warning("sonnette.absente tache=%s", tache)
