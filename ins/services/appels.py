"""Asking INSi: from a card by itself, or again by a key; and what its answer becomes."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.codec import ReponseInsi
from ins.models import AppelInsi
from ins.selectors import (
    EN_COURS,
    RECUPERER_TRAITS,
    RECUPERER_VITALE,
    age_s,
    appel_last,
    compare,
    demande_traits,
    demande_vitale,
    is_blocked,
)
from ins.services.acceptation import InsDejaPortee, apply
from ins.services.commun import announce_patient, patient_locked
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientChoisi
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.suites import Suite
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue_or_get
from teleservices.registre import Reponse

BUDGET_S = 45
_MEME_DEMANDE_S = 60
# An appli that gives no INS is worth a card; one that gives it needs no call (INS-19).
_CARTES = frozenset({"vitale", "apcv_sans_ins"})


def on_patient_chosen(evenement: PatientChoisi) -> None:
    """Ask INSi by itself when a card put this patient in the sale; the sale never waits for it.

    Not for an identity that has its INS, is blocked, is known to have none (INS-18), or was already
    answered today on the same traits. Source: ins.md §2.7; requirement INS-09.
    """
    if evenement.moyen not in _CARTES:
        return
    # No lock on the file here: the sale is locked, and a settling takes them the other way round.
    # Two readings at once meet on the idempotency key, whose rank is read before what it guards.
    rang = _rank(evenement.acteur, evenement.patient_id, RECUPERER_VITALE)
    patient = Patient.objects.get(pk=evenement.patient_id, officine_id=evenement.acteur.officine_id)
    if patient.statut not in {Patient.Statut.PROV, Patient.Statut.VALI} or is_blocked(patient):
        return
    if patient.motif_sans_ins:
        return
    if demande_vitale(patient) is None or _is_answered_today(patient):
        return
    cle = f"{_key(patient, RECUPERER_VITALE)}{rang}"
    _ask(evenement.acteur, evenement.vente_id, patient, RECUPERER_VITALE, cle)


def _is_answered_today(patient: Patient) -> bool:
    """Tell whether a call is under way, or answered today on the traits as they are."""
    appel = appel_last(patient)
    if appel is None:
        return False
    if appel.envoi.etat in EN_COURS:
        return age_s(appel) < BUDGET_S
    return (
        appel.envoi.etat == Envoi.Etat.ENVOYE
        and timezone.localdate(appel.declenche_le) == timezone.localdate()
        and appel.envoi.cle.startswith(_key(patient, appel.operation))
    )


def _key(patient: Patient, operation: str) -> str:
    """Return the start of the idempotency key: file, version of its traits, day."""
    return f"{operation}:{patient.pk}:v{patient.traits_version}:{timezone.localdate():%Y%m%d}:"


def _rank(acteur: Acteur, patient_id: int, operation: str) -> int:
    """Return the rank of the next call of this kind for a file."""
    faits = Envoi.objects.filter(
        officine_id=acteur.officine_id, operation=operation, sujet=f"patient:{patient_id}"
    )
    return faits.count() + 1


def _ask(acteur: Acteur, vente_id: int, patient: Patient, operation: str, cle: str) -> AppelInsi:
    demande = Demande(operation, f"patient:{patient.pk}", cle, vente_id=vente_id)
    envoi, neuf = enqueue_or_get(acteur, demande)
    if not neuf:
        return AppelInsi.objects.get(officine_id=acteur.officine_id, envoi=envoi)
    appel = AppelInsi.objects.create(
        officine_id=acteur.officine_id,
        envoi=envoi,
        patient=patient,
        operation=operation,
        environnement=settings.ENVIRONNEMENT,
        mode="certificat",
        declenche_par_id=acteur.operateur_id,
    )
    audit.note(acteur, "ins.appeler", f"appel:{appel.pk}", patient, precision=operation)
    return appel


def retry(acteur: Acteur, vente_id: int) -> AppelInsi:
    """Ask INSi because a person asked: by the card's data, else by the traits of the file.

    The same request under way, or answered less than a minute ago, is the same call. VenteRefusee
    when the identity is blocked or nothing can be sent. Source: ins.md §3.5, « Retry ».
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        patient = patient_locked(acteur, _patient_id(acteur, vente_id))
        if is_blocked(patient):
            raise VenteRefusee("Identité douteuse ou fictive : appel INSi bloqué.", "INS-002")
        dernier = appel_last(patient)
        if dernier is not None and _is_same_request(patient, dernier):
            return dernier
        operation = _operation(patient)
        cle = f"{_key(patient, operation)}{_rank(acteur, patient.pk, operation)}"
        appel = _ask(acteur, vente_id, patient, operation, cle)
        announce_patient(patient, vente_id)
    return appel


def _patient_id(acteur: Acteur, vente_id: int) -> int:
    vente = Vente.objects.filter(pk=vente_id, officine_id=acteur.officine_id).first()
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    if vente.patient_id is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    return vente.patient_id


def _is_same_request(patient: Patient, appel: AppelInsi) -> bool:
    if appel.envoi.etat in EN_COURS:
        return age_s(appel) < BUDGET_S
    return (
        appel.envoi.etat == Envoi.Etat.ENVOYE
        and age_s(appel) < _MEME_DEMANDE_S
        and appel.envoi.cle.startswith(_key(patient, appel.operation))
    )


def _operation(patient: Patient) -> str:
    if demande_vitale(patient) is not None:
        return RECUPERER_VITALE
    if demande_traits(patient) is not None:
        return RECUPERER_TRAITS
    raise VenteRefusee(
        "Lisez la carte Vitale, ou complétez le nom de naissance, le prénom, la date et le sexe.",
        "INS-003",
    )


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep an answer as received, then take it, ask a person, or say there is nobody.

    Runs in the settling transaction. Only code 00 touches the file; a status is never lost because
    INSi is silent. Source: ins.md §2.5 (T6 to T12, T22 to T25), §3.4.
    """
    lue: ReponseInsi = reponse.contenu
    appel = AppelInsi.objects.get(envoi=envoi)
    patient = Patient.objects.select_for_update(of=("self",), no_key=True).get(pk=appel.patient_id)
    appel.reponse = reponse.echange.reponse
    appel.code, appel.libelle = lue.code, lue.libelle[:200]
    appel.recu_le = timezone.now()
    if lue.code == "00" and not is_blocked(patient):
        _take_or_ask(appel, patient)
    appel.save(update_fields=["reponse", "code", "libelle", "recu_le", "decision", "decide_le"])
    audit.note_system(envoi.officine_id, "ins.reponse", f"appel:{appel.pk}", lue.code)
    announce_patient(patient, envoi.vente_id)
    _say(envoi, appel, patient)


def _take_or_ask(appel: AppelInsi, patient: Patient) -> None:
    """Apply an answer that agrees with the file; leave any other for a person."""
    appel.decision = AppelInsi.Decision.EN_ATTENTE
    comparaison = compare(appel, patient)
    if comparaison is None or comparaison.verdict.suite != "accepter":
        return
    if comparaison.autre_dossier is not None:
        return
    try:
        apply(patient, comparaison, appel.declenche_par_id)
    except InsDejaPortee:
        return
    appel.decision = AppelInsi.Decision.ACCEPTEE
    appel.decide_le = timezone.now()


def _say(envoi: Envoi, appel: AppelInsi, patient: Patient) -> None:
    """Put one line on the page of the sale; nothing opens by itself."""
    if envoi.vente_id is None:
        return
    if appel.decision == AppelInsi.Decision.EN_ATTENTE:
        suite = Suite("INSi répond autrement que le dossier : comparez (² I).", "attention")
    elif appel.decision == AppelInsi.Decision.ACCEPTEE and patient.statut == "RECUP":
        suite = Suite("INS récupérée : contrôlez une pièce d'identité pour la qualifier (² Q).")
    else:
        return
    flux.announce_suite(envoi.officine_id, envoi.vente_id, suite.as_dict())


def record_failure(envoi: Envoi) -> None:
    """Keep the code of a refusal, a wait or a doubt; the file does not change (T12)."""
    appel = AppelInsi.objects.select_related("patient").filter(envoi=envoi).first()
    if appel is None:
        return
    appel.code = envoi.dernier_code[:20]
    appel.save(update_fields=["code"])
    announce_patient(appel.patient, envoi.vente_id)
