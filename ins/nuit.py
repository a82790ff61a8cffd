"""What is done at night, officine after officine: the search of duplicates.

Beat rings every ten minutes of the night, each ring takes a bounded number of officines: a run that
is killed loses nothing, the next one goes on. Crosses officines through one named function only.
"""

import logging

from django.db import DatabaseError, connection

from ins.services.doublons import search_new
from pharmacy.isolation.contexte import officine_context

logger = logging.getLogger(__name__)
LIMITE = 50


def search_due() -> int:
    """Search the officines not searched since yesterday; return how many were done.

    One that the database refuses is told at the end: it stops none of the others.
    """
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_doublons_a_chercher(%s)", [LIMITE])
        dues = [ligne[0] for ligne in curseur.fetchall()]
    pannes = [panne for officine_id in dues if (panne := _search(officine_id))]
    if pannes:
        raise ExceptionGroup("searches not done", pannes)
    return len(dues)


def _search(officine_id: int) -> DatabaseError | None:
    try:
        with officine_context(officine_id):
            search_new(officine_id)
    except DatabaseError as exc:
        logger.exception("doublons.panne officine=%s", officine_id)
        return exc
    return None
