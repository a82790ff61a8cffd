"""Doors for Celery: (officine_id, row_id), or nothing."""

from celery import shared_task

from ins import nuit, periodique
from ins.services import doublons, reprise
from pharmacy.isolation.contexte import officine_context


@shared_task(name="ins.chercher_doublons", ignore_result=True)
def chercher_doublons() -> None:
    """Look for duplicates in the officines whose turn has come."""
    nuit.search_due()


@shared_task(name="ins.supprimer_copies", ignore_result=True)
def supprimer_copies() -> None:
    """Delete the copies of documents whose day came."""
    nuit.purge_due()


@shared_task(name=doublons.TACHE, ignore_result=True)
def comparer_dossier(officine_id: int, patient_id: int) -> None:
    """Compare a file just created with those that look like it."""
    with officine_context(officine_id):
        doublons.compare_new(officine_id, patient_id)


@shared_task(name="ins.reprendre", ignore_result=True)
def reprendre(officine_id: int, import_id: int) -> None:
    """Read a file of patients, or write the one that was confirmed."""
    with officine_context(officine_id):
        reprise.advance(officine_id, import_id)


@shared_task(name="ins.verifier_periodique", ignore_result=True)
def verifier_periodique() -> None:
    """Start the verifications that are due, in the officines that asked for them."""
    periodique.start_due()
