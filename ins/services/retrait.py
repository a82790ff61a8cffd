"""Taking the INS off a file: what goes, what stays, what stops.

Theory of operation. Whoever steps back (a person, a verification) changes evidence, never a status:
the matricule goes to the history, the documents stay or fall as the move says, `compute_statut`
answers, one event tells it. What came from outside and was never a status (`IdentiteRecue`) is left
as it is. Source: ins.md §2.5 (T13 to T17, T20, T21).
"""

from collections.abc import Mapping

from django.utils import timezone

from ins.models import AppelInsi, HistoriqueIns, PieceControlee
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.selectors import piece_active, traits_of
from ins.services.commun import announce_patient, note_event
from pharmacy.models import Patient
from teleservices.services import envois_stop

INS_EFFACEE: Mapping[str, object] = {
    "ins_matricule": "",
    "ins_empreinte": "",
    "ins_oid": "",
    "ins_obtenu_le": None,
    "ins_traits_version": None,
    "ins_verifie_le": None,
    "ins_cle_calculee": False,
}
# Moves after which a document seen before proves nothing more.
_PIECE_CADUQUE = frozenset({"devalider", "trait_modifie", "douteux", "fictif"})
# Moves after which nothing of this person may still leave.
_TOUT_ARRETER = frozenset({"douteux", "fictif"})


def withdraw_ins(
    patient: Patient,
    operateur_id: int,
    declencheur: str,
    motif: str,
    changements: Mapping[str, object] | None = None,
) -> str:
    """Take the INS off a file locked by the caller; return the number of the move (« T17 »).

    `changements` are the other columns of the same move (an attribute, traits and their version).
    The status is computed again, one event is written, the pages are told. Works as well on a file
    without INS. Raises ValueError when this move cannot start from this status.
    Source: ins.md §2.5 (T13 to T17, T20, T21).
    """
    avant = (patient.statut, traits_of(patient))
    numero = transition_number(declencheur, patient.statut)
    _keep_former(patient)
    if declencheur in _PIECE_CADUQUE:
        PieceControlee.objects.filter(
            officine_id=patient.officine_id, patient=patient, active=True
        ).update(active=False)
    nouveaux = {**INS_EFFACEE, **(changements or {})}
    for champ, valeur in nouveaux.items():
        setattr(patient, champ, valeur)
    patient.statut = statut_of(patient)
    patient.save(update_fields=[*nouveaux, "statut"])
    if declencheur in _TOUT_ARRETER:
        _stop(patient)
    note_event(patient, operateur_id, numero, avant, motif)
    announce_patient(patient)
    return numero


def statut_of(patient: Patient) -> str:
    """Return the status that the evidence of a file gives, now. Source: ins.md §2.1, §2.5."""
    piece = piece_active(patient)
    return compute_statut(
        Preuves(
            patient.traits_version,
            patient.ins_traits_version,
            piece.traits_version if piece else None,
            douteux=patient.attr_douteux,
            fictif=patient.attr_fictif,
        )
    )


def _keep_former(patient: Patient) -> None:
    """Keep the matricule that goes: once each, with the day it left the file."""
    if not patient.ins_empreinte:
        return
    anciens = HistoriqueIns.objects.filter(officine_id=patient.officine_id, patient=patient)
    if anciens.filter(empreinte=patient.ins_empreinte, oid=patient.ins_oid).update(
        retiree_le=timezone.now()
    ):
        return
    HistoriqueIns.objects.create(
        officine_id=patient.officine_id,
        patient=patient,
        rang=anciens.count() + 1,
        matricule=str(patient.ins_matricule),
        empreinte=patient.ins_empreinte,
        oid=patient.ins_oid,
        retiree_le=timezone.now(),
    )


def _stop(patient: Patient) -> None:
    """Stop what waits to leave for this person, and answers of INSi that nobody decided."""
    envois_stop(
        patient.officine_id, f"patient:{patient.pk}", "Identité douteuse ou fictive : envoi arrêté"
    )
    AppelInsi.objects.filter(
        officine_id=patient.officine_id,
        patient=patient,
        decision=AppelInsi.Decision.EN_ATTENTE,
    ).update(decision=AppelInsi.Decision.SANS_OBJET)
