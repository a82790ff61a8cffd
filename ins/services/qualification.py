"""A document shown at the counter: it qualifies, it contradicts, or there was none.

Nothing is ever preselected; a photocopy, a licence or a carte Vitale proves nothing (ins.md §2.3).
"""

import json
from dataclasses import dataclass, field
from datetime import date

from django.db import transaction
from django.utils import timezone

from ins.models import PieceControlee, TacheIdentite
from ins.reglages import PERIMEE_ACCEPTEE, PERIMEE_ANNEES
from ins.rules.pieces import REPRESENTANT, Piece, is_minor, is_proof, piece_get
from ins.rules.statut import transition_number
from ins.selectors import PIECE_DIFFERENTE, PIECE_REFUSEE, SANS_PIECE, is_blocked, traits_of
from ins.services.attributs import mark_doubtful
from ins.services.commun import announce_patient, dump_traits, note_event, patient_locked
from ins.services.habilitations import check_identite
from ins.services.rappels import note_asked
from ins.services.retrait import statut_of
from ins.services.taches import close_taches, open_tache
from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee

CONFORME, DIFFERENTE, AUCUNE, REFUSEE = "conforme", "differente", "aucune", "refusee"
_REPONSES = (CONFORME, DIFFERENTE, AUCUNE, REFUSEE)
_ABSENCES = {
    AUCUNE: (SANS_PIECE, "Aucune pièce présentée"),
    REFUSEE: (PIECE_REFUSEE, "Refuse de présenter une pièce d'identité"),
}
# What the operator does with an identity that a document contradicts (ins.md §2.4).
REFUSER_INSI, ATTENDRE, DOUTEUSE = "refuser_insi", "attendre", "douteuse"
SUITES = (REFUSER_INSI, ATTENDRE, DOUTEUSE)
TRAITS_COMPARES = {
    "nom_naissance": "nom",
    "prenoms_naissance": "prénoms",
    "premier_prenom": "premier prénom",
    "date_naissance": "date",
    "sexe": "sexe",
    "cog_naissance": "lieu",
}


@dataclass(frozen=True)
class Controle:
    """What a person answered: which document, what it said, on which version of the traits.

    `ecarts` are names of traits, never what they hold; `suite` is what follows a difference.
    """

    reponse: str
    traits_version: int
    piece: str = ""
    representant: str = ""
    perimee_le: date | None = field(default=None, repr=False)
    ecarts: tuple[str, ...] = ()
    suite: str = ATTENDRE
    vente_id: int = 0


def qualify(acteur: Acteur, patient_id: int, controle: Controle) -> Patient:
    """Record the answer and compute the status again; return the file.

    VenteRefusee when an answer or a document is missing, unknown or proves nothing here, when the
    traits changed under the eyes of the person, or when a strict trait to be checked is blank.
    Source: ins.md §2.3 to §2.5 (T7, T10, T17); requirements INS-05, INS-08, INS-14 to INS-17.
    """
    check_identite(acteur, "ins.qualifier")
    if controle.reponse not in _REPONSES:
        raise VenteRefusee("Dites ce que montre la pièce, ou qu'il n'y en a pas.", "INS-005")
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        if patient.traits_version != controle.traits_version:
            raise VenteRefusee(
                "L'identité a changé pendant le contrôle : relisez-la avec la pièce.", "INS-007"
            )
        if controle.reponse in _ABSENCES:
            transition, motif = _ABSENCES[controle.reponse]
            avant = (patient.statut, traits_of(patient))
            note_event(patient, acteur.operateur_id, transition, avant, motif)
        elif controle.reponse == CONFORME:
            _agree(acteur, patient, controle)
        else:
            _differ(acteur, patient, controle)
        _note(acteur, patient, controle)
        announce_patient(patient)
    return patient


def _note(acteur: Acteur, patient: Patient, controle: Controle) -> None:
    """Leave the line of the audit, and in the sale that a document was asked for."""
    vente = Vente.objects.filter(pk=controle.vente_id, officine_id=acteur.officine_id).first()
    if vente is not None:
        note_asked(acteur, vente, patient.pk, seul=False)
    audit.note(
        acteur,
        "ins.qualifier",
        f"patient:{patient.pk}",
        patient,
        resultat=controle.reponse,
        precision=controle.piece[:6],
    )


def _piece(code: str) -> Piece:
    try:
        return piece_get(code)
    except KeyError as exc:
        raise VenteRefusee("Choisissez la pièce présentée.", "INS-008") from exc


def _agree(acteur: Acteur, patient: Patient, controle: Controle) -> None:
    """The document shows these traits: T10 with an INS, T7 without one."""
    piece = _piece(controle.piece)
    _check_complete(patient)
    check_minor(piece, patient.date_naissance, controle.representant)
    if is_proof(piece, controle.representant):
        _check_expired(acteur, controle.perimee_le)
    forte = _keep(acteur, patient, piece, controle, dump_traits(traits_of(patient)))
    if not forte:
        return
    avant = (patient.statut, traits_of(patient))
    numero = transition_number(
        "piece_avec_ins" if patient.ins_empreinte else "piece_sans_ins", patient.statut
    )
    patient.statut = statut_of(patient)
    patient.save(update_fields=["statut"])
    note_event(patient, acteur.operateur_id, numero, avant, "")
    close_taches(
        patient,
        [TacheIdentite.Nature.PIECE_DIFFERENTE],
        "Pièce conforme présentée",
        acteur.operateur_id,
    )


def _check_complete(patient: Patient) -> None:
    """Refuse to check blanks: what is not in the file cannot agree with a document."""
    if is_blocked(patient):
        raise VenteRefusee("Identité douteuse ou fictive : elle ne se qualifie pas.", "INS-002")
    traits = traits_of(patient)
    if not (
        traits.nom_naissance and traits.premier_prenom and traits.date_naissance and traits.sexe
    ):
        raise VenteRefusee(
            "Le dossier n'a pas tous les traits à contrôler. Récupérez d'abord l'INS (² I).",
            "INS-006",
        )


def check_minor(piece: Piece, naissance: date | None, representant: str) -> None:
    """Refuse a document of minors for an adult, or alone for a minor (VenteRefusee).

    Source: INS-08, case 86.
    """
    if piece.enfant and not is_minor(naissance, timezone.localdate()):
        raise VenteRefusee("Cette pièce n'est admise que pour un mineur.", "INS-063")
    if piece.representant and representant not in REPRESENTANT:
        raise VenteRefusee(
            "Avec cette pièce, celle du représentant légal est indispensable : choisissez-la.",
            "INS-064",
        )


def _check_expired(acteur: Acteur, perimee_le: date | None) -> None:
    """An expired document is taken when the settings say so, and not for too long (case 87)."""
    if perimee_le is None:
        return
    jour = timezone.localdate()
    if perimee_le >= jour:
        raise VenteRefusee("Cette date de fin de validité n'est pas passée.", "INS-065")
    annees = parametres.entier(acteur.officine_id, PERIMEE_ANNEES)
    dernier = (perimee_le.year + annees, perimee_le.month, perimee_le.day)
    trop = dernier < (jour.year, jour.month, jour.day)
    if trop or not parametres.oui(acteur.officine_id, PERIMEE_ACCEPTEE):
        raise VenteRefusee(
            "Cette pièce est périmée : elle ne qualifie pas. Demandez-en une autre.", "INS-066"
        )


def _keep(
    acteur: Acteur, patient: Patient, piece: Piece, controle: Controle, traits_vus: bytes
) -> bool:
    """Keep what was shown; return whether it proves. A proof puts the former ones aside."""
    forte = is_proof(piece, controle.representant)
    coherente = controle.reponse == CONFORME
    if forte:
        PieceControlee.objects.filter(
            officine_id=patient.officine_id, patient=patient, active=True
        ).update(active=False)
    PieceControlee.objects.create(
        officine_id=acteur.officine_id,
        patient=patient,
        type_piece=piece.code,
        piece_representant=controle.representant if piece.representant else "",
        perimee_le=controle.perimee_le,
        niveau="fort" if forte else "faible",
        traits_vus=traits_vus,
        traits_version=patient.traits_version,
        coherente=coherente,
        controlee_par_id=acteur.operateur_id,
        active=forte and coherente,
    )
    return forte


def _differ(acteur: Acteur, patient: Patient, controle: Controle) -> None:
    """The document shows something else: the status never rises, a person looks (INS-15)."""
    piece = _piece(controle.piece)
    ecarts = [nom for nom in TRAITS_COMPARES if nom in controle.ecarts]
    if not ecarts:
        raise VenteRefusee("Cochez les traits que la pièce montre autrement.", "INS-067")
    if controle.suite not in SUITES:
        raise VenteRefusee("Dites que faire de cette identité.", "INS-068")
    if controle.suite == REFUSER_INSI:
        check_identite(acteur, "ins.traits")
    octets = json.dumps({"differents": ecarts}).encode()
    forte = _keep(acteur, patient, piece, controle, octets)
    mots = ", ".join(TRAITS_COMPARES[nom] for nom in ecarts)
    if controle.suite == DOUTEUSE:
        mark_doubtful(acteur, patient, f"La pièce montre autre chose : {mots}")
    elif forte:
        avant = (patient.statut, traits_of(patient))
        patient.statut = statut_of(patient)
        patient.save(update_fields=["statut"])
        motif = f"La pièce montre autre chose : {mots}"
        note_event(patient, acteur.operateur_id, PIECE_DIFFERENTE, avant, motif)
    open_tache(patient, TacheIdentite.Nature.PIECE_DIFFERENTE, precision=mots)
