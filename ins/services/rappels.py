"""The document asked for again: at the end of a sale, once, as many sales as the setting says.

Theory of operation. FIN meets the steps due before the end; this one writes that it asked, then
opens the dialog. Échap or any answer, FIN again ends the sale: nothing is ever refused for it.
Source: requirements INS-16, INS-17, INS-18; ins.md §2.7 (« Never block dispensing »).
"""

from django.db import transaction
from django.urls import reverse

from ins.models import RappelPiece
from ins.selectors import is_reminder_due
from ins.services.habilitations import peut_identite
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Vente


def next_step(acteur: Acteur, vente: Vente) -> str | None:
    """Return the address of the dialog when a reminder is due in this sale, once; else None."""
    patient = vente.patient
    if patient is None or not is_reminder_due(patient):
        return None
    if not peut_identite(acteur, "ins.qualifier").ok:
        return None
    with transaction.atomic():
        if not note_asked(acteur, vente, patient.pk, seul=True):
            return None
        audit.note(acteur, "ins.rappel", f"vente:{vente.pk}", patient)
    return reverse("ins_qualifier", kwargs={"vente_id": vente.pk})


def note_asked(acteur: Acteur, vente: Vente, patient_id: int, *, seul: bool) -> bool:
    """Write that a document was asked for in this sale; return whether it is the first time."""
    _, neuf = RappelPiece.objects.get_or_create(
        officine_id=vente.officine_id,
        patient_id=patient_id,
        vente=vente,
        defaults={"operateur_id": acteur.operateur_id, "seul": seul},
    )
    return neuf
