"""A document shown at the counter: it qualifies, it contradicts, or there was none.

Nothing is ever preselected; a photocopy, a licence or a carte Vitale proves nothing (ins.md §2.3).
"""

from dataclasses import dataclass

from django.db import transaction

from ins.models import PieceControlee
from ins.rules.pieces import Piece, piece_get
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.selectors import (
    PIECE_DIFFERENTE,
    PIECE_REFUSEE,
    SANS_PIECE,
    piece_active,
    traits_of,
)
from ins.services.commun import announce_patient, dump_traits, note_event, patient_locked
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee, check_droit

_REPONSES = ("conforme", "differente", "douteuse", "aucune", "refusee")
_MOTIFS = {"aucune": (SANS_PIECE, "Aucune pièce présentée"), "refusee": (PIECE_REFUSEE, "Refus")}
_INS_EFFACEE = {
    "ins_matricule": "",
    "ins_empreinte": "",
    "ins_oid": "",
    "ins_obtenu_le": None,
    "ins_traits_version": None,
}


@dataclass(frozen=True)
class Controle:
    """What a person answered: which document, what it said, on which version of the traits."""

    reponse: str
    traits_version: int
    piece: str = ""


def qualify(acteur: Acteur, patient_id: int, controle: Controle) -> Patient:
    """Record the answer and compute the status again; return the file.

    VenteRefusee when an answer or a document is missing or unknown, when the traits changed under
    the eyes of the person, or when a strict trait to be checked is blank. Source: ins.md §2.3 to
    §2.5 (T7, T10, T17); requirements INS-05, INS-08, INS-14 to INS-17.
    """
    check_droit(acteur, "ins.qualifier")
    if controle.reponse not in _REPONSES:
        raise VenteRefusee("Dites ce que montre la pièce, ou qu'il n'y en a pas.", "INS-005")
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        if patient.traits_version != controle.traits_version:
            raise VenteRefusee(
                "L'identité a changé pendant le contrôle : relisez-la avec la pièce.", "INS-007"
            )
        if controle.reponse in _MOTIFS:
            _note_absence(acteur, patient, *_MOTIFS[controle.reponse])
        else:
            _note_piece(acteur, patient, _piece(controle.piece), controle.reponse)
        audit.note(
            acteur,
            "ins.qualifier",
            f"patient:{patient.pk}",
            patient,
            resultat=controle.reponse,
            precision=controle.piece[:6],
        )
        announce_patient(patient)
    return patient


def _piece(code: str) -> Piece:
    try:
        return piece_get(code)
    except KeyError as exc:
        raise VenteRefusee("Choisissez la pièce présentée.", "INS-008") from exc


def _note_absence(acteur: Acteur, patient: Patient, transition: str, motif: str) -> None:
    avant = (patient.statut, traits_of(patient))
    note_event(patient, acteur.operateur_id, transition, avant, motif)


def _note_piece(acteur: Acteur, patient: Patient, piece: Piece, reponse: str) -> None:
    """Keep the document, then move the identity as it says."""
    if reponse == "conforme":
        _check_complete(patient)
    coherente = reponse == "conforme"
    forte = piece.niveau == "fort"
    if forte:
        PieceControlee.objects.filter(patient=patient, active=True).update(active=False)
    PieceControlee.objects.create(
        officine_id=acteur.officine_id,
        patient=patient,
        type_piece=piece.code,
        niveau=piece.niveau,
        traits_vus=dump_traits(traits_of(patient)),
        traits_version=patient.traits_version,
        coherente=coherente,
        controlee_par_id=acteur.operateur_id,
        active=forte and coherente,
    )
    if reponse == "douteuse":
        _mark_doubtful(acteur, patient)
    elif forte:
        _recompute(acteur, patient, coherente=coherente)


def _check_complete(patient: Patient) -> None:
    """Refuse to check blanks: what is not in the file cannot agree with a document."""
    if patient.attr_douteux or patient.attr_fictif:
        raise VenteRefusee("Identité douteuse ou fictive : elle ne se qualifie pas.", "INS-002")
    traits = traits_of(patient)
    if not (
        traits.nom_naissance and traits.premier_prenom and traits.date_naissance and traits.sexe
    ):
        raise VenteRefusee(
            "Le dossier n'a pas tous les traits à contrôler. Récupérez d'abord l'INS (² I).",
            "INS-006",
        )


def _recompute(acteur: Acteur, patient: Patient, *, coherente: bool) -> None:
    avant = (patient.statut, traits_of(patient))
    declencheur = "piece_avec_ins" if patient.ins_empreinte else "piece_sans_ins"
    numero = transition_number(declencheur, patient.statut) if coherente else PIECE_DIFFERENTE
    patient.statut = _statut(patient)
    patient.save(update_fields=["statut"])
    motif = "" if coherente else "La pièce ne montre pas ces traits"
    note_event(patient, acteur.operateur_id, numero, avant, motif)


def _statut(patient: Patient) -> str:
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


def _mark_doubtful(acteur: Acteur, patient: Patient) -> None:
    """Set « identité douteuse »: INS removed, evidence put aside. Source: ins.md §2.5, T17."""
    avant = (patient.statut, traits_of(patient))
    PieceControlee.objects.filter(patient=patient, active=True).update(active=False)
    for champ, valeur in _INS_EFFACEE.items():
        setattr(patient, champ, valeur)
    patient.attr_douteux, patient.attr_fictif = True, False
    patient.statut = _statut(patient)
    patient.save(update_fields=[*_INS_EFFACEE, "attr_douteux", "attr_fictif", "statut"])
    note_event(patient, acteur.operateur_id, "T17", avant, "La pièce montre une autre personne")
