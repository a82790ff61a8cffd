"""The first line of an identity's story."""

from ins.models import EvenementIdentite
from ins.rules.statut import transition_number
from pharmacy.events import PatientCree
from pharmacy.models import Patient

_DECLENCHEURS: dict[str, str] = {
    Patient.Methode.SAISIE: "creation",
    Patient.Methode.DOCUMENT: "recu",
}


def tell_creation(evenement: PatientCree) -> None:
    """Write that a file was created by hand or from a document (ins.md §2.5, T1, T5), by whom.

    The other ways write their own line: T2, T3, T4, T30; a card is followed by INSi's.
    """
    declencheur = _DECLENCHEURS.get(evenement.methode)
    if declencheur is None:
        return
    EvenementIdentite.objects.create(
        officine_id=evenement.acteur.officine_id,
        patient_id=evenement.patient_id,
        operateur_id=evenement.acteur.operateur_id,
        transition=transition_number(declencheur, ""),
        statut_apres=Patient.Statut.PROV,
        motif=Patient.Methode(evenement.methode).label,
    )
