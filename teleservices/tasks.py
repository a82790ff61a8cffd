"""Doors for Celery: (officine_id, row_id) and nothing else."""

from celery import shared_task

from pharmacy.isolation.contexte import officine_context
from teleservices import balayage, moteur


@shared_task(name="teleservices.traiter", ignore_result=True)
def traiter(officine_id: int, envoi_id: int) -> None:
    """Process one row under its officine's context."""
    with officine_context(officine_id):
        moteur.process(envoi_id)


@shared_task(name="teleservices.balayer", ignore_result=True)
def balayer() -> None:
    """Ring what is due, doubt what is lost."""
    balayage.sweep()
