"""Doors for Celery of the core: no argument, ids only inside."""

from celery import shared_task

from pharmacy.services import equipe, lecture


@shared_task(name="pharmacy.oublier_lectures", ignore_result=True)
def oublier_lectures() -> None:
    """Erase the card readings that nobody used."""
    lecture.forget_readings()


@shared_task(name="pharmacy.finir_departs", ignore_result=True)
def finir_departs() -> None:
    """Close what remains open to those whose last day is over."""
    equipe.finish_departures()
