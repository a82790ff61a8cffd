"""The verification that starts by itself at night, where the titulaire asked for it.

Beat rings a few times a night; an officine that started a campaign since yesterday is left alone:
a ring killed half-way loses nothing. Crosses officines through one named function only.
Source: ins.md §2.7 (b); requirement INS-34.
"""

import logging

from django.db import DatabaseError, connection

from ins.models import Verification
from ins.services import lots
from pharmacy.acteurs import Acteur
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Operateur
from pharmacy.services.vente import VenteRefusee

logger = logging.getLogger(__name__)


def start_due() -> int:
    """Start the verification of the officines that asked for it; return how many started.

    One that the database refuses is told at the end: it stops none of the others.
    """
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_verifications_periodiques()")
        dues = [int(ligne[0]) for ligne in curseur.fetchall()]
    lancees, pannes = 0, []
    for officine_id in dues:
        try:
            with officine_context(officine_id):
                lancees += _start(officine_id) is not None
        except DatabaseError as exc:
            logger.exception("verification.panne officine=%s", officine_id)
            pannes.append(exc)
    if pannes:
        raise ExceptionGroup("verifications not started", pannes)
    return lancees


def _start(officine_id: int) -> Verification | None:
    """Start in the name of a titulaire; nothing to verify is no news, anything else is told."""
    titulaire = (
        Operateur.objects.en_poste()
        .filter(officine_id=officine_id, role=Operateur.Role.TITULAIRE)
        .order_by("pk")
        .first()
    )
    if titulaire is None:
        logger.warning("verification.sans_titulaire officine=%s", officine_id)
        return None
    acteur = Acteur(titulaire.pk, officine_id, titulaire.role, rpps=titulaire.rpps)
    try:
        return lots.start(acteur, Verification.Perimetre.A_VERIFIER, automatique=True)
    except VenteRefusee as exc:
        if exc.code != lots.RIEN:
            logger.warning("verification.refusee officine=%s code=%s", officine_id, exc.code)
        return None
