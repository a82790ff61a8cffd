"""What the host of an installation does to an officine: open, suspend, take up again, count.

Each act is in the journal of that officine. Source: issue 5 (« Isolation »), OPS-03.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.portes import officine_ids
from pharmacy.models import Officine, Operateur, Poste, SessionOuverte
from pharmacy.services import sessions
from pharmacy.services.connexion import set_temporaire


@dataclass(frozen=True)
class Etat:
    """An officine as its host sees it: nothing of its patients."""

    officine: Officine
    operateurs: int
    postes: int
    sessions: int


def officine_find(finess: str) -> Officine | None:
    """Return an officine by its FINESS, suspended or not; None when nobody has it."""
    for officine_id in officine_ids():
        with officine_context(officine_id):
            officine = Officine.objects.filter(pk=officine_id, finess=finess).first()
        if officine is not None:
            return officine
    return None


def officine_list() -> list[Etat]:
    """Return every officine, each read in its own context."""
    etats = []
    for officine_id in officine_ids():
        with officine_context(officine_id):
            postes = Poste.objects.filter(officine_id=officine_id)
            etats.append(
                Etat(
                    Officine.objects.get(pk=officine_id),
                    Operateur.objects.filter(officine_id=officine_id, actif=True).count(),
                    postes.exclude(etat=Poste.Etat.REVOQUE).count(),
                    SessionOuverte.objects.filter(officine_id=officine_id).count(),
                )
            )
    return etats


def officine_open(officine: Officine, titulaire: Operateur) -> str:
    """Save an officine and its first titulaire; return the temporary password, shown once.

    IntegrityError when the FINESS, or its form, is refused. Written under the application role, in
    the context of the officine that is born.
    """
    with connection.cursor() as curseur:
        curseur.execute("SELECT nextval(pg_get_serial_sequence('pharmacy_officine', 'id'))")
        officine.pk = curseur.fetchone()[0]
    with officine_context(officine.pk), transaction.atomic():
        officine.save(force_insert=True)
        titulaire.officine, titulaire.role = officine, Operateur.Role.TITULAIRE
        titulaire.save()
        temporaire = set_temporaire(titulaire)
        audit.note_system(officine.pk, "officine.ouvrir", f"operateur:{titulaire.pk}")
    return temporaire


def officine_suspend(officine: Officine) -> int:
    """Refuse whoever works there, at once; return how many sessions were closed.

    Nobody signs in, agents are refused, what is to send stays in place. What the law wants to go on
    goes on: the journal is sealed, what must be erased is erased.
    """
    with officine_context(officine.pk), transaction.atomic():
        Officine.objects.filter(pk=officine.pk).update(active=False)
        fermees = sessions.close_officine(officine.pk)
        audit.note_system(officine.pk, "officine.suspendre")
    return fermees


def officine_resume(officine: Officine) -> None:
    """Let an officine work again: what waited leaves by itself."""
    with officine_context(officine.pk), transaction.atomic():
        Officine.objects.filter(pk=officine.pk).update(active=True)
        audit.note_system(officine.pk, "officine.reprendre")
