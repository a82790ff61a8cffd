"""The first line of an identity's story."""

from ins.models import EvenementIdentite
from ins.rules.statut import transition_number
from pharmacy.events import PatientCree
from pharmacy.models import Patient


def tell_creation(evenement: PatientCree) -> None:
    """Write that a file was created by hand, and by whom (ins.md §2.5, T1).

    The other ways write their own line: T2, T3, T4, T30; a card is followed by INSi's.
    """
    if evenement.methode != Patient.Methode.SAISIE:
        return
    EvenementIdentite.objects.create(
        officine_id=evenement.acteur.officine_id,
        patient_id=evenement.patient_id,
        operateur_id=evenement.acteur.operateur_id,
        transition=transition_number("creation", ""),
        statut_apres=Patient.Statut.PROV,
        motif=Patient.Methode(evenement.methode).label,
    )
