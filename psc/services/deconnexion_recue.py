"""A logout token of the service: believed, taken once, applied in every officine (psc.md §5.6)."""

import time
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pharmacy import parametres
from pharmacy.isolation.contexte import officine_context
from pharmacy.services.sessions import lock_from_outside
from psc.errors import error_of
from psc.jetons import JetonDeconnexion, validate_logout_token
from psc.models import SessionPsc
from psc.reglages_officine import DECONNEXION_RECUE
from psc.services import acces, sessions

# A token of five minutes ago or ahead is accepted: it is remembered longer than both.
GARDER = timedelta(minutes=15)


def receive(jeton: str) -> int:
    """End the sessions that a logout token names; return how many, none being no error.

    Raises what makes the token worth nothing (jeton_*), and psc_indisponible when the keys cannot
    be had. Source: psc.md §5.6; cases 77 to 79.
    """
    client = acces.psc_client()
    pair = client.reglages.pair
    lu = validate_logout_token(jeton, pair, client.cles, time.time(), _never_seen)
    with transaction.atomic():
        if acces.is_replayed(pair.emetteur, lu.jti, timezone.now() + GARDER):
            raise error_of("jeton_rejoue")
        return sum(_end(officine_id, cle) for officine_id, cle in _named(pair.emetteur, lu))


def _never_seen(_jti: str) -> bool:
    """Nothing is marked before the sessions end, in one transaction: see `receive`."""
    return False


def _named(emetteur: str, lu: JetonDeconnexion) -> list[tuple[int, str]]:
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT officine_id, session_id FROM comptoir_sessions_psc(%s, %s, %s)",
            [emetteur, lu.sid, lu.sub],
        )
        return sorted(curseur.fetchall())


def _end(officine_id: int, session_id: str) -> bool:
    """End one session under its officine's context; lock the poste that it opened (§3.1)."""
    with officine_context(officine_id):
        session = (
            SessionPsc.objects.filter(
                officine_id=officine_id, pk=session_id, emetteur=settings.PSC_EMETTEUR
            )
            .select_related("operateur")
            .first()
        )
        if session is None or not sessions.end(session, "deconnexion_recue", distante=False):
            return False
        sessions.note(session, "psc.deconnexion_recue")
        verrouille = parametres.valeur(officine_id, DECONNEXION_RECUE) == "verrouiller"
        if session.ouvre_locale and verrouille:
            lock_from_outside(officine_id, session.operateur_id, session.poste_id)
    return True
