"""Doors for Celery of the core: no argument, ids only inside."""

from celery import shared_task

from pharmacy.services import lecture


@shared_task(name="pharmacy.oublier_lectures", ignore_result=True)
def oublier_lectures() -> None:
    """Erase the card readings that nobody used."""
    lecture.forget_readings()
