"""Taking an answer of INSi: traits, matricule, history, status; or refusing it with a reason."""

import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from ins.models import AppelInsi, HistoriqueIns
from ins.rules.dates import parse_birth
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.rules.traits import TraitsStricts, diff
from ins.selectors import Comparaison, compare, empreinte_of, piece_active, traits_of
from ins.services.commun import announce_patient, load_traits, note_event, patient_locked
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.patient import compute_recherche
from pharmacy.services.vente import VenteRefusee, check_droit

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
    "traits_version",
    "recherche",
    "statut",
    "ins_matricule",
    "ins_empreinte",
    "ins_oid",
    "ins_obtenu_le",
    "ins_traits_version",
)


class InsDejaPortee(Exception):
    """Another active file of the officine holds this INS."""


def decide(acteur: Acteur, appel_id: int, *, accepter: bool, motif: str = "") -> AppelInsi:
    """Write what a person answered to « is it this person? ».

    VenteRefusee when the answer was already decided, when it may not be accepted (another person's
    matricule), or when a refusal has no reason. Source: ins.md §2.5, T8, T9, T11, T23 to T25.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        appel = AppelInsi.objects.filter(pk=appel_id, officine_id=acteur.officine_id).first()
        if appel is None:
            raise VenteRefusee("Cette réponse n'existe pas dans votre officine.", "INS-404")
        patient = patient_locked(acteur, appel.patient_id)
        appel.refresh_from_db(fields=["decision"])
        if appel.decision != AppelInsi.Decision.EN_ATTENTE:
            raise VenteRefusee("Cette réponse d'INSi est déjà traitée.", "INS-009")
        comparaison = compare(appel, patient)
        if comparaison is None:
            raise VenteRefusee("Cette réponse d'INSi est vide.", "INS-010")
        if accepter:
            _accept(acteur, comparaison, patient)
        else:
            _refuse(acteur, patient, motif)
        _close(acteur, appel, accepter=accepter)
        announce_patient(patient)
    return appel


def _accept(acteur: Acteur, comparaison: Comparaison, patient: Patient) -> None:
    if patient.attr_douteux or patient.attr_fictif:
        raise VenteRefusee("Identité douteuse ou fictive : l'INS ne se prend pas.", "INS-002")
    if comparaison.verdict.suite == "alerter":
        raise VenteRefusee(
            "Ce matricule est celui d'une autre personne : il ne remplace pas celui du dossier.",
            "INS-011",
        )
    try:
        apply(patient, comparaison, acteur.operateur_id)
    except InsDejaPortee as exc:
        raise VenteRefusee("Cette INS est déjà portée par un autre dossier.", "INS-012") from exc


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


def apply(patient: Patient, comparaison: Comparaison, operateur_id: int) -> None:
    """Replace the strict traits by INSi's, keep its matricule, compute the status again.

    Every strict trait kept is INSi's. Raises InsDejaPortee, with nothing written, when another file
    of the officine holds this INS. Source: ins.md §2.5; design.md, « Identity answers ».
    """
    avant = (patient.statut, traits_of(patient))
    ancien = (patient.ins_matricule, patient.ins_oid)
    numero = _transition(patient, comparaison, ancien[0])
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
    note_event(patient, operateur_id, numero, avant, "")


def _transition(patient: Patient, comparaison: Comparaison, ancien: str) -> str:
    """Return the number of the move that this answer makes. Source: ins.md §2.5."""
    if patient.statut == Patient.Statut.PROV:
        declencheur = "recuperation"
    elif patient.statut == Patient.Statut.VALI:
        declencheur = "recuperation_validee"
    elif ancien != comparaison.individu.actif.matricule:
        declencheur = "matricule_remplace"
    else:
        declencheur = "traits_changes" if comparaison.verdict.ecarts else "deja_connue"
    return transition_number(declencheur, patient.statut)


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
    patient.recherche = compute_recherche(patient)
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
    if diff(load_traits(bytes(piece.traits_vus)), recu):
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
    connus = set(HistoriqueIns.objects.filter(patient=patient).values_list("empreinte", flat=True))
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
