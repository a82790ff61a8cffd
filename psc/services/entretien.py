"""What time does: sessions at their end, remote ones to close, what must be forgotten."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from psc.models import InstantanePsc, JetonVu, SessionPsc, TentativePsc
from psc.services import arrivee, deconnexions, sessions, tentatives

GARDER_TENTATIVE = timedelta(days=1)
_LOT = 200


def sweep() -> int:
    """Do what is due in every officine, each under its own context; return how many had some.

    Crosses officines through one named function. Source: psc.md §3.2, §4.1.
    """
    maintenant = timezone.now()
    JetonVu.objects.filter(expire_le__lte=maintenant).delete()
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_psc_entretien(%s)", [maintenant])
        officines = [ligne[0] for ligne in curseur.fetchall()]
    for officine_id in officines:
        with officine_context(officine_id):
            _sweep(officine_id)
    return len(officines)


def _sweep(officine_id: int) -> None:
    maintenant = timezone.now()
    finies = SessionPsc.objects.filter(
        officine_id=officine_id, echeance_fin__lte=maintenant
    ).exclude(etat=SessionPsc.Etat.TERMINEE)
    for session in finies.order_by("echeance_fin")[:_LOT]:
        sessions.end(session, "duree")
    deconnexions.sweep(officine_id)
    for oublie in tentatives.expired(officine_id):
        arrivee.close_remote(oublie)
    InstantanePsc.objects.filter(officine_id=officine_id, purge_le__lte=maintenant).delete()
    TentativePsc.objects.filter(
        officine_id=officine_id, expire_le__lte=maintenant - GARDER_TENTATIVE
    ).delete()
