"""Doors for Celery: (officine_id, row_id), or nothing."""

import logging
from uuid import UUID

from celery import shared_task

from pharmacy.isolation.contexte import officine_context
from psc.services import ciba, deconnexions, entretien, sante
from psc.services.sante import TACHE_VERIFIER
from psc.services.sessions import TACHE_DECONNECTER
from teleservices.errors import TeleserviceError

logger = logging.getLogger(__name__)


@shared_task(name=TACHE_DECONNECTER, ignore_result=True)
def deconnecter(officine_id: int, ligne_id: int) -> None:
    """Close one remote session under its officine's context."""
    with officine_context(officine_id):
        deconnexions.close(officine_id, ligne_id)


@shared_task(name=ciba.TACHE, ignore_result=True)
def sonder(officine_id: int, tentative_id: str) -> None:
    """Ask the telephone, or ask where its answer is, under its officine's context."""
    with officine_context(officine_id):
        ciba.advance(officine_id, UUID(tentative_id))


@shared_task(name="psc.entretenir", ignore_result=True)
def entretenir() -> None:
    """End what is over, close what waits, forget what is old."""
    entretien.sweep()


@shared_task(name=TACHE_VERIFIER, ignore_result=True)
def verifier(officine_id: int, _ligne_id: int) -> None:
    """Ask the service for its public documents; the page of its state reads what it says."""
    with officine_context(officine_id):
        try:
            sante.verify()
        except TeleserviceError as erreur:
            logger.warning("psc.verification %s", erreur.code)
