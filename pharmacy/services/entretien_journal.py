"""Upkeep of the journal: months made ahead, and those whose retention has passed removed.

Source: SEC-03, T9, design (« removed only after their sealed hash is kept »). A month leaves for
the whole installation at once, when the longest retention set by an officine has passed.
"""

import logging
from datetime import date

from django.db import DatabaseError, connection, transaction

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.journal import MOIS_DEVANT
from pharmacy.models import BlocAudit
from pharmacy.rules.sceau import digest_month
from pharmacy.services.sceau import seal_removal
from pharmacy.services.verification_sceau import Bilan, check_month

logger = logging.getLogger(__name__)
# Fewer months ahead than this, and the installer is told.
MOIS_ALERTE = 3


def prepare_months(devant: int = MOIS_DEVANT) -> int:
    """Make the months to come, this one included; return how many were missing."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT comptoir_journal_preparer(%s)", [devant])
        return int(curseur.fetchone()[0])


def months_ahead() -> int:
    """Return how many months after this one can already be written to."""
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'pharmacy_audit'::regclass "
            "AND c.relname > to_char(now() AT TIME ZONE 'UTC', '\"audit_\"YYYY_MM')"
        )
        return int(curseur.fetchone()[0])


def remove_due() -> list[tuple[str, date, int]]:
    """Remove the months whose retention has passed; return (kind, month, lines) of each.

    A month that does not hold is left there and told (logged, and by the verification): what shows
    a tampering is not destroyed by it.
    """
    with connection.cursor() as curseur:
        curseur.execute("SELECT genre, mois FROM comptoir_journal_a_retirer()")
        dus = curseur.fetchall()
    retires = []
    for genre, mois in dus:
        try:
            lignes = _remove(genre, mois)
        except DatabaseError:
            logger.exception("journal.retrait_panne genre=%s mois=%s", genre, mois)
            continue
        if lignes is None:
            logger.warning("journal.retrait_refuse genre=%s mois=%s", genre, mois)
        else:
            retires.append((genre, mois, lignes))
    return retires


def _remove(genre: str, mois: date) -> int | None:
    """Seal the removal in each chain, then remove; None when a chain does not hold."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_journal_officines()")
        officines = [ligne[0] for ligne in curseur.fetchall()]
    concernees = [pk for pk in officines if _close(pk, genre, mois)]
    with transaction.atomic(), connection.cursor() as curseur:
        curseur.execute("SELECT comptoir_journal_retirer(%s, %s)", [genre, mois])
        lignes = int(curseur.fetchone()[0])
    if lignes < 0:
        return None
    for officine_id in concernees:
        with officine_context(officine_id):
            audit.note_system(officine_id, "journal.retirer", f"mois:{genre}-{mois:%Y-%m}")
    return lignes


def _close(officine_id: int, genre: str, mois: date) -> bool:
    """Keep the digest of a month that holds in its chain; tell whether the officine had one."""
    with officine_context(officine_id):
        blocs = BlocAudit.objects.filter(officine_id=officine_id, genre=genre, mois=mois)
        if not blocs.exists() or blocs.filter(nature=BlocAudit.Nature.RETRAIT).exists():
            return False
        if check_month(Bilan(officine_id), genre, mois) is not None:
            return False
        lus = list(blocs.order_by("rang").values_list("empreinte", "nombre"))
        empreinte = digest_month(e for e, _ in lus)
        seal_removal(officine_id, genre, mois, sum(n for _, n in lus), empreinte)
        return True
