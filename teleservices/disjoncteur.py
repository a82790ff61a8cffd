"""One breaker per service and environment: open after five technical failures, one probe at a time.

On closing, the rows that waited for the service are rung at a limited pace.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Least

from teleservices.models import Disjoncteur

SEUIL = 5
# A service away for weeks must not overflow the counter.
ECHECS_MAX = 9999
INTERVALLE_REPRISE_MS = 100


def _row(service: str) -> Disjoncteur:
    ligne, _ = Disjoncteur.objects.get_or_create(
        service=service, environnement=settings.ENVIRONNEMENT
    )
    return ligne


def pause_column() -> Subquery:
    """Return, as a column of the outbox, the end of the pause of a row's service; else NULL.

    A closed breaker is so known with the row: `is_passing` decides about an open one only.
    """
    lignes = Disjoncteur.objects.filter(
        service=OuterRef("service"), environnement=settings.ENVIRONNEMENT
    )
    return Subquery(lignes.values("ouvert_jusqua")[:1])


def is_passing(service: str, maintenant: datetime) -> datetime | None:
    """Return None when a call may go, else the instant before which none may.

    When the pause is over, exactly one caller (the probe) gets through: the others see the pause
    prolonged by the same conditional update.
    """
    ligne = _row(service)
    if ligne.ouvert_jusqua is None:
        return None
    if ligne.ouvert_jusqua > maintenant:
        return ligne.ouvert_jusqua
    pause = maintenant + timedelta(seconds=settings.DISJONCTEUR_S)
    sonde = Disjoncteur.objects.filter(pk=ligne.pk, ouvert_jusqua=ligne.ouvert_jusqua).update(
        ouvert_jusqua=pause
    )
    return None if sonde else pause


def note_success(service: str, maintenant: datetime, *, repondu: bool = False) -> bool:
    """Close the breaker; return whether it was not fully closed (rows may be waiting).

    `repondu`: the service answered the question, so it takes this installation's setting.
    """
    ligne = _row(service)
    if repondu and ligne.a_regler:
        note_setting(service, "")
    avait_echoue = ligne.echecs > 0 or ligne.ouvert_jusqua is not None
    if (
        avait_echoue
        or ligne.dernier_succes is None
        or (maintenant - ligne.dernier_succes > timedelta(seconds=5))
    ):
        Disjoncteur.objects.filter(pk=ligne.pk).update(
            echecs=0, ouvert_jusqua=None, dernier_succes=maintenant
        )
    return avait_echoue


def note_failure(service: str, code: str, maintenant: datetime) -> None:
    """Count a technical failure; the fifth in a row opens the breaker."""
    ligne = _row(service)
    Disjoncteur.objects.filter(pk=ligne.pk).update(
        echecs=Least(F("echecs") + 1, ECHECS_MAX), dernier_echec=maintenant, dernier_code=code[:40]
    )
    if ligne.echecs + 1 >= SEUIL:
        Disjoncteur.objects.filter(pk=ligne.pk).update(
            ouvert_jusqua=maintenant + timedelta(seconds=settings.DISJONCTEUR_S)
        )


def note_setting(service: str, code: str) -> None:
    """Keep the code by which a service refuses this installation; "" once it answers again.

    It is not a failure of the service: nothing opens, the titulaire and the editor are told.
    Source: ins.md §3.5 (desir_550, desir_560).
    """
    Disjoncteur.objects.filter(service=service, environnement=settings.ENVIRONNEMENT).exclude(
        a_regler=code
    ).update(a_regler=code)


def is_to_be_set(service: str) -> bool:
    """Tell whether a service refuses this installation's certificate or number."""
    return (
        Disjoncteur.objects.filter(service=service, environnement=settings.ENVIRONNEMENT)
        .exclude(a_regler="")
        .exists()
    )


def wake_waiting(service: str) -> int:
    """Bring forward, at a limited pace, the rows of every officine that waited for `service`."""
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT count(*) FROM comptoir_envois_reveiller(%s, %s)",
            [service, INTERVALLE_REPRISE_MS],
        )
        ligne = curseur.fetchone()
    return int(ligne[0]) if ligne else 0
