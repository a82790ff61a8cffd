"""Work items about identities: opened by what happens, closed by a person or by what settles it."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from ins.models import TacheIdentite
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.verrous import row_locked

Nature = TacheIdentite.Nature


def open_tache(
    patient: Patient,
    nature: str,
    *,
    autre: Patient | None = None,
    precision: str = "",
    score: int = 0,
) -> TacheIdentite:
    """Return the open work item of this nature about a file (and another), made when there is none.

    Opened again with another precision or score, the item that exists carries the new ones; its
    date does not move. `precision` is a code or a few words, never a trait. Source: INS-15, INS-34.
    """
    tache, neuve = TacheIdentite.objects.get_or_create(
        officine_id=patient.officine_id,
        patient=patient,
        nature=Nature(nature),
        autre=autre,
        close_le=None,
        defaults={"precision": precision, "score": score},
    )
    if neuve:
        flux.announce_entete(patient.officine_id)
    elif (tache.precision, tache.score) != (precision, score):
        tache.precision, tache.score = precision, score
        tache.save(update_fields=["precision", "score"])
    return tache


def close_tache(acteur: Acteur, tache_id: int, issue: str) -> TacheIdentite:
    """Close a work item that a person looked at; `issue` says in a few words what came of it.

    VenteRefusee when it is not the officine's, already closed, or when nothing is said.
    """
    check_droit(acteur, "ins.taches")
    issue = issue.strip()[:60]
    if not issue:
        raise VenteRefusee("Dites ce qui a été fait : c'est gardé avec la tâche.", "INS-061")
    with transaction.atomic():
        siennes = TacheIdentite.objects.filter(officine_id=acteur.officine_id)
        tache = row_locked(siennes, tache_id)
        if tache is None:
            raise VenteRefusee("Cette tâche n'existe pas dans votre officine.", "INS-404")
        if tache.close_le is not None:
            raise VenteRefusee("Cette tâche est déjà close.", "INS-062")
        tache.issue = issue
        tache.close_le = timezone.now()
        tache.close_par_id = acteur.operateur_id
        tache.save(update_fields=["issue", "close_le", "close_par"])
        audit.note(
            acteur,
            "ins.tache.clore",
            f"tache:{tache.pk}",
            tache.patient_id,
            precision=tache.nature,
        )
        flux.announce_entete(acteur.officine_id)
    return tache


def close_taches(
    patient: Patient, natures: Collection[str], issue: str, operateur_id: int | None = None
) -> int:
    """Close what the course of things settled, by whom if somebody did it; return how many."""
    return TacheIdentite.objects.filter(
        officine_id=patient.officine_id,
        patient=patient,
        nature__in=natures,
        close_le__isnull=True,
    ).update(close_le=timezone.now(), issue=issue[:60], close_par_id=operateur_id)
