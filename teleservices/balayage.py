"""The sweep: rings rows that are due, and turns rows in flight for too long into `incertain`."""

import logging

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pharmacy import flux
from pharmacy.isolation.contexte import officine_context
from teleservices.models import Envoi
from teleservices.registre import handler_get
from teleservices.sonnette import ring

logger = logging.getLogger(__name__)
LIMITE = 200


def sweep() -> tuple[int, int]:
    """Return (rows rung, rows doubted). Crosses officines through two named functions only.

    A row whose doubt cannot be written is told at the end: it stops neither the others nor the
    bell.
    """
    perdus = _rows(
        "SELECT officine_id, envoi_id FROM comptoir_envois_perdus(%s)", settings.EN_VOL_MAX_S
    )
    pannes = [panne for officine_id, envoi_id in perdus if (panne := _doubt(officine_id, envoi_id))]
    dus = _rows("SELECT officine_id, envoi_id, file FROM comptoir_envois_dus(%s)", LIMITE)
    for officine_id, envoi_id, file in dus:
        ring(officine_id, envoi_id, file)
    if pannes:
        raise ExceptionGroup("doubts not written", pannes)
    return len(dus), len(perdus)


def _doubt(officine_id: int, envoi_id: int) -> Exception | None:
    try:
        with officine_context(officine_id):
            doubt(envoi_id)
    except Exception as exc:
        logger.exception("balayage.panne envoi=%s", envoi_id)
        return exc
    return None


def _rows(sql: str, parametre: int) -> list[tuple]:  # type: ignore[type-arg]
    with connection.cursor() as curseur:
        curseur.execute(sql, [parametre])
        return list(curseur.fetchall())


def doubt(envoi_id: int) -> None:
    """Turn one row in flight into `incertain`; a worker that still settles it later is welcome."""
    with transaction.atomic():
        touches = Envoi.objects.filter(pk=envoi_id, etat=Envoi.Etat.EN_VOL).update(
            etat=Envoi.Etat.INCERTAIN,
            dernier_code="processus_perdu",
            dernier_message="L'envoi a été interrompu. On vérifie auprès du service.",
            pas_avant=timezone.now(),
        )
    if not touches:
        return
    # The row is the truth and is written first: what hangs on it may fail without hiding the doubt.
    with transaction.atomic():
        envoi = Envoi.objects.get(pk=envoi_id)
        flux.announce_entete(envoi.officine_id)
        handler_get(envoi.operation).fail(envoi)
