"""Doors for Celery: (officine_id, row_id) and nothing else."""

from celery import shared_task

from ins.services import reprise
from pharmacy.isolation.contexte import officine_context


@shared_task(name="ins.reprendre", ignore_result=True)
def reprendre(officine_id: int, import_id: int) -> None:
    """Read a file of patients, or write the one that was confirmed."""
    with officine_context(officine_id):
        reprise.advance(import_id)
