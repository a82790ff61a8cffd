"""Doors for Celery: (officine_id, row_id), or nothing."""

from celery import shared_task

from pharmacy.isolation.contexte import officine_context
from psc.services import deconnexions, entretien
from psc.services.sessions import TACHE_DECONNECTER


@shared_task(name=TACHE_DECONNECTER, ignore_result=True)
def deconnecter(officine_id: int, ligne_id: int) -> None:
    """Close one remote session under its officine's context."""
    with officine_context(officine_id):
        deconnexions.close(officine_id, ligne_id)


@shared_task(name="psc.entretenir", ignore_result=True)
def entretenir() -> None:
    """End what is over, close what waits, forget what is old."""
    entretien.sweep()
