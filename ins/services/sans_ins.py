"""Why a person has no INS: the counter stops asking, the sale goes on (INS-18, INS-20).

Legal anonymity is apart: a fictive file of its own, linked to nothing, for which no national call
is made. Source: ins.md §2.5 (T30), §2.10; cases 82, 84.
"""

from django.db import transaction

from ins.rules.statut import transition_number
from ins.selectors import traits_of
from ins.services.commun import announce_patient, note_event, patient_locked
from ins.services.habilitations import check_identite
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import VenteRefusee, vente_locked

Motif = Patient.MotifSansIns
MOTIF_NOTE, MOTIF_LEVE = "MOTP", "MOTL"


def note_reason(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Keep why a file has no INS, or forget it (empty): asking stops, or starts again.

    VenteRefusee for an unknown reason, for a file that has its INS, or for anonymity, which is a
    file of its own (`anonymous_care`). Source: requirement INS-18.
    """
    check_identite(acteur, "ins.appeler")
    if motif and motif not in Motif.values:
        raise VenteRefusee("Choisissez une des raisons proposées.", "INS-083")
    if motif == Motif.ANONYMAT:
        raise VenteRefusee("L'anonymat ouvre un dossier à part, depuis une vente.", "INS-084")
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        if patient.etat_identite.anonyme:
            raise VenteRefusee("Anonymat prévu par la loi : ce dossier reste à part.", "INS-076")
        if motif and patient.ins_empreinte:
            raise VenteRefusee("Ce dossier a son INS : il n'y a rien à expliquer.", "INS-085")
        avant = (patient.statut, traits_of(patient))
        patient.motif_sans_ins = motif
        patient.save(update_fields=["motif_sans_ins"])
        libelle = Motif(motif).label if motif else "L'INS peut de nouveau être demandée"
        note_event(
            patient, acteur.operateur_id, MOTIF_NOTE if motif else MOTIF_LEVE, avant, libelle
        )
        audit.note(acteur, "ins.sans_ins", f"patient:{patient.pk}", patient, precision=motif)
        announce_patient(patient)
    return patient


def anonymous_care(acteur: Acteur, vente_id: int) -> Patient:
    """Put in the sale a fictive file of its own, for a person whom the law keeps anonymous (T30).

    Nothing of the file or card at hand goes to it. VenteRefusee when the sale cannot change.
    Source: ins.md §2.5 (T30), §2.10; requirement INS-20.
    """
    check_identite(acteur, "patient.creer")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        patient = Patient(
            nom_naissance="ANONYME",
            premier_prenom="ANONYME",
            attr_fictif=True,
            motif_sans_ins=Motif.ANONYMAT,
        )
        vente.carte_presente, vente.carte_de = False, None
        vente.save(update_fields=["carte_presente", "carte_de"])
        patient_create(acteur, patient, vente_id)
        numero = transition_number("anonymat", "")
        note_event(
            patient, acteur.operateur_id, numero, ("", traits_of(patient)), Motif.ANONYMAT.label
        )
        audit.note(acteur, "ins.anonymat", f"patient:{patient.pk}", patient)
    return patient
