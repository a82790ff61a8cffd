"""The one door to the audit journal: called by every view and service that touches a patient."""

from pharmacy.acteurs import Acteur
from pharmacy.models import Audit, Patient
from pharmacy.rules.actes import genre_of


def note(
    acteur: Acteur,
    acte: str,
    objet: str = "",
    patient: Patient | int | None = None,
    resultat: str = "ok",
    precision: str = "",
) -> None:
    """Add one line to the journal of the actor's officine.

    `objet` is « noun:id », `precision` a code; neither may hold a trait of the patient. The seal
    comes seconds later, by a task: nothing here waits for it.
    """
    patient_id = patient.pk if isinstance(patient, Patient) else patient
    Audit.objects.create(
        officine_id=acteur.officine_id,
        operateur_id=acteur.operateur_id,
        role=acteur.role,
        poste_id=acteur.poste_id,
        genre=genre_of(acte),
        acte=acte,
        objet=objet,
        patient_id=patient_id,
        resultat=resultat,
        precision=precision,
    )


def note_system(
    officine_id: int,
    acte: str,
    objet: str = "",
    resultat: str = "ok",
    precision: str = "",
    poste_id: int | None = None,
) -> None:
    """Add a line for what no operator did: workers, commands, someone not yet known on a poste."""
    Audit.objects.create(
        officine_id=officine_id,
        poste_id=poste_id,
        genre=genre_of(acte),
        acte=acte,
        objet=objet,
        resultat=resultat,
        precision=precision,
    )
