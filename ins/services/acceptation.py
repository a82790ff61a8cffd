"""Taking an answer of INSi: traits, matricule, history, status; or refusing it with a reason.

An answer is taken whole: every strict trait kept is INSi's (design.md, « Identity answers »). The
person says, for each trait that differs, which one is the patient's; one that is the file's is a
reason to refuse.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils import timezone

from ins.models import AppelInsi, HistoriqueIns, TacheIdentite
from ins.reglages import tolerances_of
from ins.rules.dates import parse_birth
from ins.rules.oid import is_nia
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.rules.traits import TraitsStricts, diff_piece
from ins.selectors import (
    Comparaison,
    compare,
    dossier_of_ins,
    empreinte_of,
    envois_transmis,
    individu_of,
    piece_active,
    question_of,
    traits_of,
    traits_received,
)
from ins.services.attributs import mark_doubtful
from ins.services.commun import (
    FRAGMENTS,
    announce_patient,
    load_traits,
    note_event,
    patient_locked,
)
from ins.services.taches import close_taches, open_tache
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.patient import compute_recherche, patient_create
from pharmacy.services.vente import VenteRefusee, check_droit, patient_choose

logger = logging.getLogger(__name__)
MOTIFS_REFUS = {
    "autre_personne": "Ce n'est pas la personne présente",
    "etat_civil": "État civil à faire corriger par la personne",
    "saisie": "Traits du dossier à vérifier",
}
_CHAMPS = (
    "nom_naissance",
    "prenoms_naissance",
    "premier_prenom",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "nom_utilise",
    "nom_a_confirmer",
    "methode",
    "traits_version",
    "recherche",
    "statut",
    "ins_matricule",
    "ins_empreinte",
    "ins_oid",
    "ins_obtenu_le",
    "ins_traits_version",
    "ins_cle_calculee",
    "motif_sans_ins",
)
Nature = TacheIdentite.Nature


class InsDejaPortee(Exception):
    """Another active file of the officine holds this INS."""


@dataclass(frozen=True)
class Choix:
    """What a person answered: yes or no, why not, and trait by trait whose is the patient's.

    `traits` maps each trait that differs to « insi » or « dossier ». `garder_nom` keeps the former
    birth name as the used one, when it was one (case 20).
    """

    accepter: bool
    motif: str = ""
    traits: Mapping[str, str] = field(default_factory=dict, repr=False)
    garder_nom: bool = False


def decide(acteur: Acteur, appel_id: int, choix: Choix) -> AppelInsi:
    """Write what a person answered to « is it this person? ».

    VenteRefusee when the answer was already decided, when it may not be accepted (another person's
    matricule, a trait kept of the file), or when a refusal has no reason. Source: ins.md §2.5, T8,
    T9, T11, T23 to T26, §3.6 step 8; INS-24.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        appel, patient = _answered(acteur, appel_id)
        comparaison = compare(appel, patient)
        if comparaison is None:
            raise VenteRefusee("Cette réponse d'INSi est vide.", "INS-010")
        if choix.accepter:
            _accept(acteur, comparaison, patient, choix)
        else:
            _refuse(acteur, patient, choix.motif)
        _close(acteur, appel, accepter=choix.accepter)
        announce_patient(patient)
    return appel


def _answered(acteur: Acteur, appel_id: int) -> tuple[AppelInsi, Patient]:
    """Return an answer that nobody decided yet, and its file, locked."""
    appel = AppelInsi.objects.filter(
        pk=appel_id, officine_id=acteur.officine_id, patient__isnull=False
    ).first()
    if appel is None or appel.patient_id is None:
        raise VenteRefusee("Cette réponse n'existe pas dans votre officine.", "INS-404")
    patient = patient_locked(acteur, appel.patient_id)
    _check_undecided(appel)
    return appel, patient


def _check_undecided(appel: AppelInsi) -> None:
    appel.refresh_from_db(fields=["decision"])
    if appel.decision == AppelInsi.Decision.ACCEPTEE:
        raise VenteRefusee("INS déjà récupérée : un collègue a répondu avant vous.", "INS-009")
    if appel.decision != AppelInsi.Decision.EN_ATTENTE:
        raise VenteRefusee("Cette réponse d'INSi est déjà traitée.", "INS-009")


def _accept(acteur: Acteur, comparaison: Comparaison, patient: Patient, choix: Choix) -> None:
    if patient.attr_douteux or patient.attr_fictif:
        raise VenteRefusee("Identité douteuse ou fictive : l'INS ne se prend pas.", "INS-002")
    if comparaison.verdict.suite == "alerter":
        raise VenteRefusee(
            "Ce matricule est celui d'une autre personne : il ne remplace pas celui du dossier.",
            "INS-011",
        )
    _check_whole(comparaison, choix)
    if choix.garder_nom and not patient.nom_utilise:
        patient.nom_utilise = patient.nom_naissance
    transmis = envois_transmis(patient).count() if comparaison.ancien_matricule else 0
    try:
        apply(patient, comparaison, acteur.operateur_id)
    except InsDejaPortee as exc:
        raise VenteRefusee("Cette INS est déjà portée par un autre dossier.", "INS-012") from exc
    if transmis:
        open_tache(patient, Nature.TRANSMIS, precision=f"{transmis} envoi(s)", score=transmis)


def _check_whole(comparaison: Comparaison, choix: Choix) -> None:
    """Refuse a half answer, and a mix of two civil statuses."""
    ecarts = comparaison.ecarts_traits
    if any(choix.traits.get(nom) not in {"insi", "dossier"} for nom in ecarts):
        raise VenteRefusee(
            "Dites, pour chaque trait marqué ≠, lequel est celui de la personne.", "INS-017"
        )
    if any(choix.traits[nom] == "dossier" for nom in ecarts):
        raise VenteRefusee(
            "Un trait du dossier est celui de la personne : la réponse d'INSi ne se prend pas en "
            "partie. Refusez-la avec son motif.",
            "INS-018",
        )


def create(acteur: Acteur, appel_id: int, vente_id: int) -> Patient:
    """Make the file of somebody INSi found, and put it in the sale, in one act (INS-25).

    Every strict trait is INSi's, the status « récupérée ». VenteRefusee when the answer was already
    decided, or when a file of the officine already holds this INS. Source: ins.md §2.5, T2.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        appel = _orphan(acteur, appel_id, vente_id)
        individu = individu_of(appel)
        if individu is None:
            raise VenteRefusee("Cette réponse d'INSi est vide.", "INS-010")
        if dossier_of_ins(acteur.officine_id, individu) is not None:
            raise VenteRefusee(
                "Un dossier de l'officine porte déjà cette INS : prenez-le.", "INS-012"
            )
        question = question_of(appel)
        recu = traits_received(individu, question.prenoms[0] if question else "")
        patient = patient_create(
            acteur,
            Patient(
                nom_naissance=recu.nom_naissance,
                premier_prenom=recu.premier_prenom,
                methode=Patient.Methode.INSI,
            ),
            vente_id,
        )
        comparaison = compare(appel, patient)
        assert comparaison is not None  # noqa: S101 - the answer held somebody just above
        apply(patient, comparaison, acteur.operateur_id, "recuperation_creation")
        appel.patient = patient
        appel.save(update_fields=["patient"])
        _close(acteur, appel, accepter=True)
        announce_patient(patient, vente_id)
    return patient


def attach(acteur: Acteur, appel_id: int, patient_id: int, vente_id: int) -> AppelInsi:
    """Give the answer about an unknown person to a file of the officine, and put it in the sale.

    The file does not change: its traits and INSi's are then compared. Source: ins.md §2.9.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        appel = _orphan(acteur, appel_id, vente_id)
        patient = patient_locked(acteur, patient_id)
        appel.patient = patient
        appel.traits_version = patient.traits_version
        appel.save(update_fields=["patient", "traits_version"])
        patient_choose(acteur, vente_id, patient, "recherche")
        audit.note(acteur, "ins.rattacher", f"appel:{appel.pk}", patient)
        announce_patient(patient, vente_id)
    return appel


def discard(acteur: Acteur, appel_id: int, vente_id: int, motif: str) -> AppelInsi:
    """Refuse the answer about an unknown person, with a reason; no file is made (T11)."""
    check_droit(acteur, "ins.appeler")
    if motif not in MOTIFS_REFUS:
        raise VenteRefusee("Dites pourquoi la réponse est refusée.", "INS-013")
    with transaction.atomic():
        appel = _orphan(acteur, appel_id, vente_id)
        _close(acteur, appel, accepter=False)
        flux.announce_vente(acteur.officine_id, vente_id, *FRAGMENTS)
    return appel


def doubt(acteur: Acteur, appel_id: int) -> Patient:
    """Mark the identity doubtful because INSi gives another person's matricule (T25, then T17).

    VenteRefusee when the answer was decided meanwhile, or is not such an alert.
    """
    check_droit(acteur, "ins.douter")
    with transaction.atomic():
        appel, patient = _answered(acteur, appel_id)
        comparaison = compare(appel, patient)
        if comparaison is None or comparaison.verdict.suite != "alerter":
            raise VenteRefusee("Cette réponse ne met pas l'identité en doute.", "INS-022")
        _close(acteur, appel, accepter=False)
        mark_doubtful(acteur, patient, "INSi donne un autre matricule")
        close_taches(
            patient, [Nature.AUTRE_MATRICULE], "identité marquée douteuse", acteur.operateur_id
        )
        audit.note(acteur, "ins.douter", f"appel:{appel.pk}", patient)
    return patient


def _orphan(acteur: Acteur, appel_id: int, vente_id: int) -> AppelInsi:
    """Return an answer about nobody's file yet, asked in this sale, locked."""
    appel = (
        AppelInsi.objects.select_for_update(of=("self",), no_key=True)
        .filter(
            pk=appel_id,
            officine_id=acteur.officine_id,
            patient__isnull=True,
            envoi__vente_id=vente_id,
        )
        .first()
    )
    if appel is None:
        raise VenteRefusee("Cette réponse n'existe plus dans cette vente.", "INS-404")
    _check_undecided(appel)
    return appel


def _refuse(acteur: Acteur, patient: Patient, motif: str) -> None:
    libelle = MOTIFS_REFUS.get(motif)
    if libelle is None:
        raise VenteRefusee("Dites pourquoi la réponse est refusée.", "INS-013")
    avant = (patient.statut, traits_of(patient))
    note_event(
        patient,
        acteur.operateur_id,
        transition_number("refus", patient.statut),
        avant,
        libelle,
    )


def _close(acteur: Acteur, appel: AppelInsi, *, accepter: bool) -> None:
    appel.decision = AppelInsi.Decision.ACCEPTEE if accepter else AppelInsi.Decision.REFUSEE
    appel.decide_par_id = acteur.operateur_id
    appel.decide_le = timezone.now()
    appel.save(update_fields=["decision", "decide_par", "decide_le"])
    audit.note(
        acteur, "ins.decider", f"appel:{appel.pk}", appel.patient_id, precision=appel.decision
    )


def apply(
    patient: Patient, comparaison: Comparaison, operateur_id: int, declencheur: str = ""
) -> None:
    """Replace the strict traits by INSi's, keep its matricule, compute the status again.

    Every strict trait kept is INSi's. Raises InsDejaPortee, with nothing written, when another file
    of the officine holds this INS. Source: ins.md §2.5; design.md, « Identity answers ».
    """
    statut = "" if declencheur == "recuperation_creation" else patient.statut
    avant = (statut, traits_of(patient))
    ancien = (patient.ins_matricule, patient.ins_oid)
    numero = transition_number(declencheur or _trigger(patient, comparaison), statut)
    piece_version = _write(patient, comparaison)
    patient.statut = compute_statut(
        Preuves(
            patient.traits_version,
            patient.ins_traits_version,
            piece_version,
            douteux=patient.attr_douteux,
            fictif=patient.attr_fictif,
        )
    )
    if numero == "T8" and patient.statut != Patient.Statut.QUAL:
        numero = transition_number("recuperation_contredite", avant[0])
    try:
        with transaction.atomic():
            patient.save(update_fields=list(_CHAMPS))
    except IntegrityError as exc:
        raise InsDejaPortee from exc
    if comparaison.individu.actif.anomalies:
        codes = ",".join(comparaison.individu.actif.anomalies)
        logger.warning("ins.anomalie appel=%s codes=%s", comparaison.appel.pk, codes)
    _keep_history(patient, comparaison, ancien)
    motif = "Date de naissance interprétée" if patient.date_naissance_interpretee else ""
    note_event(patient, operateur_id, numero, avant, motif)
    close_taches(patient, [Nature.RELANCE, Nature.NOM], "INS récupérée", operateur_id)


def _trigger(patient: Patient, comparaison: Comparaison) -> str:
    """Return what makes the status move with this answer. Source: ins.md §2.5."""
    actif = comparaison.individu.actif
    if patient.statut == Patient.Statut.PROV:
        return "recuperation"
    if patient.statut == Patient.Statut.VALI:
        return "recuperation_validee"
    if patient.ins_matricule != actif.matricule:
        definitif = is_nia(patient.ins_oid) and not is_nia(actif.oid)
        return "nia_remplace" if definitif else "matricule_remplace"
    return "traits_changes" if comparaison.verdict.ecarts else "deja_connue"


def _write(patient: Patient, comparaison: Comparaison) -> int | None:
    """Put INSi's traits and matricule on the file; return the traits' version a document backs."""
    recu, individu = comparaison.recu, comparaison.individu
    if recu != comparaison.local:
        patient.traits_version += 1
    patient.nom_naissance = recu.nom_naissance
    patient.prenoms_naissance = recu.prenoms_naissance
    patient.premier_prenom = recu.premier_prenom
    patient.date_naissance = recu.date_naissance
    lue = parse_birth(individu.naissance)
    patient.date_naissance_interpretee = lue is not None and lue.interpretee
    patient.sexe = recu.sexe
    patient.cog_naissance = recu.cog_naissance
    patient.nom_a_confirmer = False
    patient.motif_sans_ins = ""
    lu = comparaison.appel.methode == AppelInsi.Methode.DATAMATRIX
    patient.methode = Patient.Methode.CODE if lu else Patient.Methode.INSI
    patient.recherche = compute_recherche(patient)
    patient.ins_cle_calculee = "cle_calculee" in individu.actif.anomalies
    patient.ins_matricule = individu.actif.matricule
    patient.ins_oid = individu.actif.oid
    patient.ins_empreinte = empreinte_of(individu.actif.matricule)
    patient.ins_obtenu_le = timezone.now()
    patient.ins_traits_version = patient.traits_version
    return _follow_piece(patient, recu)


def _follow_piece(patient: Patient, recu: TraitsStricts) -> int | None:
    """Keep the document that agrees with the new traits, put aside the one that does not (T9)."""
    piece = piece_active(patient)
    if piece is None:
        return None
    if diff_piece(load_traits(bytes(piece.traits_vus)), recu, tolerances_of(patient.officine_id)):
        piece.active = False
        piece.save(update_fields=["active"])
        return None
    piece.traits_version = patient.traits_version
    piece.save(update_fields=["traits_version"])
    return piece.traits_version


def _keep_history(patient: Patient, comparaison: Comparaison, ancien: tuple[str, str]) -> None:
    """Add the former matricules as given, once each, and the one just replaced."""
    anciens = [
        (a.matricule, a.oid, a.date_debut, a.date_fin) for a in comparaison.individu.historique
    ]
    if ancien[0] and ancien[0] != patient.ins_matricule:
        anciens.append((*ancien, "", ""))
    if not anciens:
        return
    deja = HistoriqueIns.objects.filter(officine_id=patient.officine_id, patient=patient)
    connus = set(deja.values_list("empreinte", flat=True))
    lignes = []
    for matricule, oid, debut, fin in anciens:
        empreinte = empreinte_of(matricule)
        if not matricule or empreinte in connus:
            continue
        connus.add(empreinte)
        lignes.append(
            HistoriqueIns(
                officine_id=patient.officine_id,
                patient=patient,
                appel=comparaison.appel,
                rang=len(connus),
                matricule=matricule,
                empreinte=empreinte,
                oid=oid[:24],
                date_debut=debut[:10],
                date_fin=fin[:10],
            )
        )
    HistoriqueIns.objects.bulk_create(lignes)
