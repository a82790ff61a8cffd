"""Who this sale is for, among the persons of an appli carte Vitale; what their identity becomes.

Qualified at once, without INSi and without a document: the State proved both axes when the appli
was opened. Nothing is ever mixed: another matricule, a doubt, other traits wait for a person.
Source: ins.md §2.5 (T3, T25), §5.3; requirement INS-19.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ins.codec.apcv import ContexteLu, InsApcv
from ins.models import ContexteApcv, PieceControlee
from ins.rules.pieces import APPLI
from ins.rules.statut import transition_number
from ins.rules.traits import TraitsStricts
from ins.selectors import empreinte_of, piece_active, traits_of
from ins.selectors_apcv import Situation, contexte_get, is_over, persons_of, situation_of
from ins.services.apcv import PANNEAU
from ins.services.attributs import mark_doubtful
from ins.services.commun import announce_patient, dump_traits, note_event, patient_locked
from ins.services.retrait import statut_of
from ins.services.taches import Nature, close_taches, open_tache
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from pharmacy.services.patient import (
    card_attach,
    compute_recherche,
    patient_create,
    patient_of_card,
)
from pharmacy.services.vente import VenteRefusee, check_droit, patient_choose

# How the patient came: the appli that gave the INS, or one that gave none (worth a card).
AVEC_INS, SANS_INS = "apcv", "apcv_sans_ins"
_DEJA_SERVI = "Cette lecture a déjà servi : faites présenter un nouveau code."
_CHAMPS = (
    "nom_naissance",
    "prenoms_naissance",
    "premier_prenom",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "nom_a_confirmer",
    "methode",
    "traits_version",
    "recherche",
    "statut",
    "motif_sans_ins",
    "ins_matricule",
    "ins_empreinte",
    "ins_oid",
    "ins_obtenu_le",
    "ins_traits_version",
    "ins_cle_calculee",
)


@dataclass(frozen=True)
class Choix:
    """Which person, and whether who answers has seen what it does to the sale and to the file."""

    numero: int
    confirme: bool = False
    traits_version: int = 0


def contexte_open(
    acteur: Acteur, vente: Vente, contexte_id: int
) -> tuple[ContexteApcv, ContexteLu]:
    """Return a reading whose person is still to be chosen. VenteRefusee otherwise."""
    contexte = contexte_get(acteur.officine_id, vente.pk, contexte_id)
    if contexte is None:
        raise VenteRefusee("Cette lecture n'existe pas dans votre officine.", "APCV-404")
    lu = persons_of(contexte, settings.ENVIRONNEMENT)
    if is_over(contexte):
        raise VenteRefusee(
            "Cette lecture d'appli carte Vitale a expiré : faites présenter un nouveau code.",
            "APCV_EXPIRE",
        )
    if lu is None:
        raise VenteRefusee(_DEJA_SERVI, "APCV-001")
    return contexte, lu


def look(acteur: Acteur, vente: Vente, contexte_id: int, numero: int) -> Situation:
    """Return what choosing this person would do. VenteRefusee for a person not of the reading."""
    _contexte, lu = contexte_open(acteur, vente, contexte_id)
    beneficiaire = lu.beneficiaire(numero)
    if beneficiaire is None:
        raise VenteRefusee("Cette personne n'est pas dans cette lecture.", "APCV-005")
    return situation_of(vente, lu, beneficiaire)


def choose(acteur: Acteur, vente: Vente, contexte_id: int, choix: Choix) -> Situation | None:
    """Put the person chosen in the sale, qualified when the appli gave their INS.

    Returns the situation, nothing written, while a person must still look: somebody else is in the
    sale, traits differ, the file is doubtful. An identity of another matricule is never taken: the
    alert is written and the situation returned. VenteRefusee when the reading is over or served,
    the file moved under the eyes, or the sale cannot take this person.
    Source: ins.md §5.3; agent.md §3.2 (4); cases ins-60 to ins-65, agent-79.
    """
    check_droit(acteur, "ins.appeler")
    situation = look(acteur, vente, contexte_id, choix.numero)
    if situation.issue == "alerter":
        _alert(acteur, situation)
        return situation
    if situation.a_confirmer and not choix.confirme:
        return situation
    with transaction.atomic():
        _check_sale(vente, situation)
        patient, piece = _identity(acteur, situation, choix)
        moyen = SANS_INS if situation.issue == "carte" else AVEC_INS
        patient_choose(acteur, vente.pk, patient, moyen)
        _close_choice(contexte_id, patient, choix.numero, piece)
        audit.note(
            acteur, "ins.apcv.choisir", f"apcv:{contexte_id}", patient, precision=situation.issue
        )
        announce_patient(patient, vente.pk)
        flux.announce_vente(acteur.officine_id, vente.pk, PANNEAU)
    return None


def doubt(acteur: Acteur, vente: Vente, contexte_id: int, numero: int) -> Patient:
    """Mark the file doubtful because the appli gives another matricule (T25, then T17).

    VenteRefusee when the reading is over, or when this choice is no such alert. Source: ins.md
    §2.5 (T25, « propose douteux »), §5.3 (3).
    """
    check_droit(acteur, "ins.douter")
    situation = look(acteur, vente, contexte_id, numero)
    if situation.issue != "alerter" or situation.dossier is None:
        raise VenteRefusee("Cette lecture ne met pas l'identité en doute.", "APCV-006")
    with transaction.atomic():
        patient = patient_locked(acteur, situation.dossier.pk)
        if patient.attr_douteux:
            return patient
        mark_doubtful(acteur, patient, "L'appli carte Vitale donne un autre matricule")
        close_taches(
            patient, [Nature.AUTRE_MATRICULE], "identité marquée douteuse", acteur.operateur_id
        )
        audit.note(acteur, "ins.douter", f"apcv:{contexte_id}", patient)
    return patient


def _check_sale(vente: Vente, situation: Situation) -> None:
    """Refuse to turn a sale already begun for somebody into another person's."""
    if situation.autre is None:
        return
    if vente.lignes.filter(annulee=False).exists() or vente.ordonnances.exists():
        raise VenteRefusee(
            "Cette vente est commencée pour une autre personne. Mettez-la en attente (² A), puis "
            "scannez de nouveau.",
            "APCV-003",
        )


def _close_choice(
    contexte_id: int, patient: Patient, numero: int, piece: PieceControlee | None
) -> None:
    """Wipe the persons read and keep the proof: who, by which context, under which evidence."""
    pris = ContexteApcv.objects.filter(
        officine_id=patient.officine_id,
        pk=contexte_id,
        etat=ContexteApcv.Etat.A_CHOISIR,
        expire_le__gt=timezone.now(),
    ).update(
        etat=ContexteApcv.Etat.CHOISI, donnees=None, patient=patient, numero=numero, piece=piece
    )
    if not pris:
        raise VenteRefusee(_DEJA_SERVI, "APCV-001")


def _alert(acteur: Acteur, situation: Situation) -> None:
    """Tell, and replace nothing: this matricule is not the file's (T25)."""
    assert situation.dossier is not None  # noqa: S101 - the rule alerts about a file
    with transaction.atomic():
        patient = patient_locked(acteur, situation.dossier.pk)
        avant = (patient.statut, traits_of(patient))
        numero = transition_number("autre_matricule", patient.statut)
        note_event(patient, acteur.operateur_id, numero, avant, "Appli carte Vitale")
        open_tache(patient, Nature.AUTRE_MATRICULE, precision="Appli carte Vitale")
        audit.note(acteur, "ins.apcv.alerte", f"patient:{patient.pk}", patient)


def _identity(
    acteur: Acteur, situation: Situation, choix: Choix
) -> tuple[Patient, PieceControlee | None]:
    """Return the file as it becomes, and the evidence of it when there is one."""
    ins = situation.beneficiaire.ins
    if ins is None:
        return _as_card(acteur, situation), None
    if situation.dossier is None:
        return _create(acteur, situation, ins)
    patient = patient_locked(acteur, situation.dossier.pk)
    if choix.confirme and patient.traits_version != choix.traits_version:
        raise VenteRefusee(
            "L'identité a changé pendant la lecture : scannez de nouveau, puis relisez-la.",
            "INS-007",
        )
    card_attach(patient, situation.porteur)
    if situation.issue == "bloquer":
        return patient, None
    assert situation.recu is not None  # noqa: S101 - the INS block gives traits
    return patient, _take(acteur, patient, ins, situation.recu)


def _as_card(acteur: Acteur, situation: Situation) -> Patient:
    """Without INS block, the reading is worth a carte Vitale: INSi is asked as for one."""
    if not situation.porteur.prenom:
        raise VenteRefusee("L'appli ne donne pas de prénom. Continuez par le nom (F2).", "VIT-002")
    if situation.dossier is not None:
        return card_attach(patient_locked(acteur, situation.dossier.pk), situation.porteur)
    return patient_of_card(acteur, situation.porteur)


def _create(
    acteur: Acteur, situation: Situation, ins: InsApcv
) -> tuple[Patient, PieceControlee | None]:
    """Make the file of someone unknown here, qualified from its birth (T3).

    The usual name is « nom utilisé » only when the appli gives one that differs.
    """
    usuel = situation.porteur.nom_usuel
    patient = patient_create(
        acteur,
        Patient(
            nom_naissance=ins.traits.nom_naissance,
            premier_prenom=ins.traits.premier_prenom,
            date_naissance=ins.traits.date_naissance,
            nom_utilise="" if usuel == ins.traits.nom_naissance else usuel,
            methode=Patient.Methode.APPLI,
        ),
    )
    card_attach(patient, situation.porteur)
    return patient, _take(acteur, patient, ins, ins.traits, neuf=True)


def _take(
    acteur: Acteur, patient: Patient, ins: InsApcv, recu: TraitsStricts, *, neuf: bool = False
) -> PieceControlee | None:
    """Write the traits and the INS that the State gives, its evidence, and the status that results.

    VenteRefusee when another active file holds this INS. Nothing is told again of an identity
    already qualified with these very traits: only its date moves.
    """
    avant = ("" if neuf else patient.statut, traits_of(patient))
    prouvee = patient.statut == Patient.Statut.QUAL and piece_active(patient) is not None
    meme = prouvee and avant[1] == recu
    _write(patient, ins, recu)
    piece = None if meme else _evidence(acteur, patient, recu)
    patient.statut = statut_of(patient)
    try:
        with transaction.atomic():
            patient.save(update_fields=list(_CHAMPS))
    except IntegrityError as exc:
        raise VenteRefusee("Cette INS est déjà portée par un autre dossier.", "INS-012") from exc
    if piece is not None:
        note_event(
            patient,
            acteur.operateur_id,
            transition_number("apcv", avant[0]),
            avant,
            "Appli carte Vitale",
        )
    close_taches(patient, [Nature.RELANCE, Nature.NOM], "Appli carte Vitale", acteur.operateur_id)
    return piece


def _write(patient: Patient, ins: InsApcv, recu: TraitsStricts) -> None:
    if recu != traits_of(patient):
        patient.traits_version += 1
    patient.nom_naissance = recu.nom_naissance
    patient.prenoms_naissance = recu.prenoms_naissance
    patient.premier_prenom = recu.premier_prenom
    patient.date_naissance = recu.date_naissance
    patient.date_naissance_interpretee = ins.date_interpretee
    patient.sexe = recu.sexe
    patient.cog_naissance = recu.cog_naissance
    patient.nom_a_confirmer = False
    patient.motif_sans_ins = ""
    patient.methode = Patient.Methode.APPLI
    patient.recherche = compute_recherche(patient)
    patient.ins_matricule = ins.matricule
    patient.ins_oid = ins.oid
    patient.ins_empreinte = empreinte_of(ins.matricule)
    patient.ins_obtenu_le = timezone.now()
    patient.ins_traits_version = patient.traits_version
    patient.ins_cle_calculee = False


def _evidence(acteur: Acteur, patient: Patient, recu: TraitsStricts) -> PieceControlee:
    """Record the appli as the high-confidence device it is; former documents step aside."""
    PieceControlee.objects.filter(
        officine_id=acteur.officine_id, patient=patient, active=True
    ).update(active=False)
    return PieceControlee.objects.create(
        officine_id=acteur.officine_id,
        patient=patient,
        type_piece=APPLI.code,
        niveau=APPLI.niveau,
        methode=APPLI.code,
        traits_vus=dump_traits(recu),
        traits_version=patient.traits_version,
        coherente=True,
        controlee_par_id=acteur.operateur_id,
    )
