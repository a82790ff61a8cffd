"""Attributes of an identity, steps back and death: each with its reason, its right, its event.

Nothing comes back by itself: a doubt lifted leaves a provisional identity, to be asked and checked
anew. Source: ins.md §2.2, §2.5 (T13 to T15, T17, T18, T29), §2.6.
"""

from collections.abc import Callable
from datetime import date

from django.db import transaction
from django.utils import timezone

from ins.rules.statut import transition_number
from ins.selectors import traits_of
from ins.services.commun import announce_patient, note_event, patient_locked
from ins.services.habilitations import check_identite
from ins.services.retrait import withdraw_ins
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee

# Marks that change no status have no number in the specification.
HOMONYME, HOMONYME_LEVE = "HOMP", "HOML"
_RECULS = {"QUAL": "dequalifier", "RECUP": "annuler_recuperation", "VALI": "devalider"}


def read_reason(motif: str) -> str:
    """Return a reason tidied. VenteRefusee when nothing is said."""
    net = " ".join(motif.split())[:200]
    if not net:
        raise VenteRefusee("Donnez le motif : il est gardé avec l'identité.", "INS-070")
    return net


def _acte(
    acteur: Acteur, patient_id: int, droit: str, acte: str, faire: Callable[[Patient], str]
) -> Patient:
    """Run one act on a locked file, with its right, its audit line, and the pages told."""
    check_identite(acteur, droit)
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        numero = faire(patient)
        audit.note(acteur, acte, f"patient:{patient.pk}", patient, precision=numero)
        announce_patient(patient)
    return patient


def step_back(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Undo one step of an identity: T13 (QUAL), T14 (RECUP), T15 (VALI), with a reason.

    VenteRefusee for a provisional identity. Source: ins.md §2.5.
    """
    raison = read_reason(motif)

    def faire(patient: Patient) -> str:
        declencheur = _RECULS.get(patient.statut)
        if declencheur is None:
            raise VenteRefusee("Identité provisoire : il n'y a rien à retirer.", "INS-071")
        return withdraw_ins(patient, acteur.operateur_id, declencheur, raison)

    return _acte(acteur, patient_id, "ins.traits", "ins.reculer", faire)


def mark_doubtful(acteur: Acteur, patient: Patient, motif: str) -> str:
    """Set « identité douteuse » on a locked file; return the move (T17). Right `ins.douter`.

    VenteRefusee for a fictive file: the two exclude each other. Source: ins.md §2.2, §2.5.
    """
    check_identite(acteur, "ins.douter")
    if patient.attr_fictif:
        raise VenteRefusee("Identité fictive : elle ne peut pas être douteuse aussi.", "INS-072")
    return withdraw_ins(patient, acteur.operateur_id, "douteux", motif, {"attr_douteux": True})


def doubt(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Set « identité douteuse »: INS withdrawn, calls blocked, sendings stopped (T17, case 44)."""
    raison = read_reason(motif)
    return _acte(
        acteur,
        patient_id,
        "ins.douter",
        "ins.douter",
        lambda patient: mark_doubtful(acteur, patient, raison),
    )


def clear_doubt(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Lift a doubt (T18): the identity stays provisional, nothing is restored (case 45)."""
    raison = read_reason(motif)

    def faire(patient: Patient) -> str:
        if not patient.attr_douteux:
            raise VenteRefusee("Cette identité n'est pas marquée douteuse.", "INS-073")
        return _clear(acteur, patient, "attr_douteux", raison)

    return _acte(acteur, patient_id, "ins.lever_doute", "ins.lever_doute", faire)


def make_fictive(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Set « identité fictive » (training, test): as doubtful, and alone (T17, case 46).

    VenteRefusee when the file is doubtful or homonymous. Source: ins.md §2.2 (EXI ID 26).
    """
    raison = read_reason(motif)

    def faire(patient: Patient) -> str:
        if patient.attr_douteux or patient.attr_homonyme:
            raise VenteRefusee(
                "Une identité fictive n'est ni douteuse ni homonyme : levez d'abord la marque.",
                "INS-074",
            )
        return withdraw_ins(patient, acteur.operateur_id, "fictif", raison, {"attr_fictif": True})

    return _acte(acteur, patient_id, "ins.traits", "ins.rendre_fictive", faire)


def clear_fiction(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Lift « identité fictive », except of anonymous care: that file is never linked (T30)."""
    raison = read_reason(motif)

    def faire(patient: Patient) -> str:
        if not patient.attr_fictif:
            raise VenteRefusee("Cette identité n'est pas marquée fictive.", "INS-075")
        if patient.etat_identite.anonyme:
            raise VenteRefusee(
                "Anonymat prévu par la loi : ce dossier reste fictif. Ouvrez celui de la personne.",
                "INS-076",
            )
        return _clear(acteur, patient, "attr_fictif", raison)

    return _acte(acteur, patient_id, "ins.lever_doute", "ins.lever_fictif", faire)


def _clear(acteur: Acteur, patient: Patient, attribut: str, motif: str) -> str:
    avant = (patient.statut, traits_of(patient))
    numero = transition_number("doute_leve", patient.statut)
    setattr(patient, attribut, False)
    patient.save(update_fields=[attribut])
    note_event(patient, acteur.operateur_id, numero, avant, motif)
    return numero


def mark_homonym(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Set « homonyme »: any status, a warning at each opening; never on a fictive file (§2.2)."""
    raison = read_reason(motif)

    def faire(patient: Patient) -> str:
        if patient.attr_fictif:
            raise VenteRefusee("Identité fictive : elle n'a pas d'homonyme.", "INS-077")
        return set_homonym(acteur, patient, raison, pose=True)

    return _acte(acteur, patient_id, "ins.douter", "ins.homonyme", faire)


def clear_homonym(acteur: Acteur, patient_id: int, motif: str) -> Patient:
    """Lift « homonyme », with a reason. Source: ins.md §2.2."""
    raison = read_reason(motif)
    return _acte(
        acteur,
        patient_id,
        "ins.lever_doute",
        "ins.lever_homonyme",
        lambda patient: set_homonym(acteur, patient, raison, pose=False),
    )


def set_homonym(acteur: Acteur, patient: Patient, motif: str, *, pose: bool) -> str:
    """Set or lift « homonyme » on a locked file; return how the story tells it.

    VenteRefusee when the mark is already so. The right and the audit are the caller's (§2.2).
    """
    if patient.attr_homonyme is pose:
        dit = "déjà" if pose else "pas"
        raise VenteRefusee(f"Cette identité n'est {dit} marquée homonyme.", "INS-078")
    avant = (patient.statut, traits_of(patient))
    numero = HOMONYME if pose else HOMONYME_LEVE
    patient.attr_homonyme = pose
    patient.save(update_fields=["attr_homonyme"])
    note_event(patient, acteur.operateur_id, numero, avant, motif)
    return numero


def record_death(acteur: Acteur, patient_id: int, jour: date | None, motif: str) -> Patient:
    """Record a death, or take back one recorded by mistake (`jour` None): no status moves (T29).

    INSi and the DMP then ask for a confirmation (case 81). VenteRefusee for a date to come, or
    before the birth. Source: ins.md §2.5.
    """
    raison = read_reason(motif)
    if jour is not None and jour > timezone.localdate():
        raise VenteRefusee("Cette date de décès n'est pas passée.", "INS-079")

    def faire(patient: Patient) -> str:
        if jour and patient.date_naissance and jour < patient.date_naissance:
            raise VenteRefusee("Cette date de décès précède la naissance.", "INS-079")
        avant = (patient.statut, traits_of(patient))
        numero = transition_number("deces", patient.statut)
        patient.decede_le = jour
        patient.save(update_fields=["decede_le"])
        note_event(patient, acteur.operateur_id, numero, avant, raison)
        return numero

    return _acte(acteur, patient_id, "ins.traits", "ins.deces", faire)
