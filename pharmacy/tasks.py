"""Doors for Celery of the core: no argument, ids only inside."""

from celery import shared_task

from pharmacy import battements
from pharmacy.services import entretien_journal, equipe, lecture, sceau, verification_sceau


@shared_task(name="pharmacy.oublier_lectures", ignore_result=True)
def oublier_lectures() -> None:
    """Erase the card readings that nobody used."""
    lecture.forget_readings()


@shared_task(name="pharmacy.finir_departs", ignore_result=True)
def finir_departs() -> None:
    """Close what remains open to those whose last day is over."""
    equipe.finish_departures()


@shared_task(name="pharmacy.sceller_journal", ignore_result=True)
def sceller_journal() -> None:
    """Seal the lines of the journal that wait."""
    sceau.seal_due()


@shared_task(name="pharmacy.verifier_journal", ignore_result=True)
def verifier_journal() -> None:
    """Check every journal, note it, keep the heads of the day outside the database."""
    verification_sceau.verify_daily()


@shared_task(name="pharmacy.entretenir_journal", ignore_result=True)
def entretenir_journal() -> None:
    """Make the months to come, remove those whose retention has passed."""
    entretien_journal.prepare_months()
    entretien_journal.remove_due()


@shared_task(name="pharmacy.battre_interactif", ignore_result=True)
def battre_interactif() -> None:
    """Say that the queue of the counters is served."""
    battements.note("interactif")


@shared_task(name="pharmacy.battre_lots", ignore_result=True)
def battre_lots() -> None:
    """Say that the background queue is served."""
    battements.note("lots")
