"""What is done at night, officine after officine: duplicates searched, copies deleted on their day.

Beat rings every ten minutes of the night, each ring takes a bounded number of officines: a run that
is killed loses nothing, the next one goes on. Crosses officines through one named function only.
"""

import logging
from collections.abc import Callable

from django.db import DatabaseError, connection

from ins.services import copies
from ins.services.doublons import search_new
from pharmacy.isolation.contexte import officine_context

logger = logging.getLogger(__name__)
LIMITE = 50


def search_due() -> int:
    """Search the officines not searched since yesterday; return how many were done.

    One that the database refuses is told at the end: it stops none of the others.
    """
    return _each("comptoir_doublons_a_chercher", search_new, "doublons")


def purge_due() -> int:
    """Delete the copies whose day came; return how many officines had some. Source: INS-37."""
    return _each("comptoir_copies_a_supprimer", copies.purge_due, "copies")


def _each(fonction: str, faire: Callable[[int], int], quoi: str) -> int:
    """Do it in each officine that `fonction` names, a bounded number of them."""
    with connection.cursor() as curseur:
        curseur.execute(f"SELECT officine_id FROM {fonction}(%s)", [LIMITE])  # noqa: S608 - ours
        dues = [ligne[0] for ligne in curseur.fetchall()]
    pannes = [panne for officine_id in dues if (panne := _do(officine_id, faire, quoi))]
    if pannes:
        raise ExceptionGroup("not done", pannes)
    return len(dues)


def _do(officine_id: int, faire: Callable[[int], int], quoi: str) -> DatabaseError | None:
    try:
        with officine_context(officine_id):
            faire(officine_id)
    except DatabaseError as exc:
        logger.exception("%s.panne officine=%s", quoi, officine_id)
        return exc
    return None
