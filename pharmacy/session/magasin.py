"""Django's sessions in the database, the one question of each request written once."""

from datetime import UTC, datetime

from django.contrib.sessions.backends.db import SessionStore as MagasinDjango
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from pharmacy.figee import Figee


def _session(cle: str, quand: datetime) -> "QuerySet[Session]":
    return Session.objects.filter(session_key=cle, expire_date__gt=quand)


_SESSION = Figee(_session, cle="<cle>", quand=datetime(1900, 1, 3, tzinfo=UTC))


class SessionStore(MagasinDjango):
    """The same sessions; Django names the class itself."""

    def _get_session_from_db(self) -> Session | None:
        lue = _SESSION.first(Session, cle=self.session_key, quand=timezone.now())
        if lue is None:
            self._session_key = None
        return lue
