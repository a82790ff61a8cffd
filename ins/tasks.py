"""Doors for Celery: ids or nothing."""

from celery import shared_task

from ins import periodique


@shared_task(name="ins.verifier_periodique", ignore_result=True)
def verifier_periodique() -> None:
    """Start the verifications that are due, in the officines that asked for them."""
    periodique.start_due()
