"""The lock of a session: kept in the journal, told to the apps above."""

from django.db import transaction

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.events import SessionVerrouillee, publish


def note_lock(acteur: Acteur) -> None:
    """Note that the screen of this operator was just locked, and tell who hangs on it."""
    with transaction.atomic():
        audit.note(acteur, "session.verrouiller")
        publish(SessionVerrouillee(acteur))
