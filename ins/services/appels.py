"""Asking INSi: from a card by itself, by typed traits, or again by a key.

What is asked by traits is frozen in the row of the outbox (encrypted): the file does not change
before a person accepted the answer. Source: ins.md §2.7, §3.5, §3.6.
"""

from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.models import AppelInsi
from ins.rules.question import Question, dump_question
from ins.selectors import (
    EN_COURS,
    RECUPERER_TRAITS,
    RECUPERER_VITALE,
    age_s,
    appel_last,
    appel_of_vente,
    calls_left,
    demande_vitale,
    empreinte_question,
    is_blocked,
    question_file,
    question_of,
    read_suivi,
    relance_since,
)
from ins.services.commun import FRAGMENTS, announce_patient, patient_locked
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientChoisi
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue_or_get, next_key, ring_on_commit

BUDGET_S = 45
_MEME_DEMANDE_S = 60
# An appli that gives no INS is worth a card; one that gives it needs no call (INS-19).
_CARTES = frozenset({"vitale", "apcv_sans_ins"})
# Days between two calls that the software makes by itself for one file (ins.md §2.7).
JOURS_SANS_RAPPEL = 30


@dataclass(frozen=True)
class Cible:
    """Whom a question is about and where it is asked: a sale, a file, or a sale without file."""

    vente_id: int | None = None
    patient_id: int | None = None

    @property
    def sujet(self) -> str:
        """Return what the outbox says the row is about."""
        return f"patient:{self.patient_id}" if self.patient_id else f"vente:{self.vente_id}"


@dataclass(frozen=True)
class _Pret:
    """One question ready for the outbox."""

    operation: str
    empreinte: str
    corps: bytes | None = field(default=None, repr=False)


def on_patient_chosen(evenement: PatientChoisi) -> None:
    """Ask INSi by itself when a card put this patient in the sale; the sale never waits for it.

    Not for an identity that has its INS, is blocked, deceased or said without INS, nor within
    thirty days of an answer on the same traits, unless a call waits to be made again. Source:
    ins.md §2.7, §2.5 T29; requirements INS-09, INS-18, INS-32.
    """
    if evenement.moyen not in _CARTES:
        return
    # No lock on the file here: the sale is locked, and a settling takes them the other way round.
    # Two readings at once meet on the idempotency key, which is read with what it guards.
    suivi = read_suivi(
        evenement.acteur.officine_id,
        evenement.patient_id,
        _key_start(f"patient:{evenement.patient_id}", RECUPERER_VITALE),
        JOURS_SANS_RAPPEL,
    )
    patient, demande = suivi.patient, demande_vitale(suivi.patient)
    if demande is None or not _is_proposed(patient, repondu=suivi.repondu):
        return
    if suivi.en_cours and _is_under_way(appel_last(patient)):
        return
    pret = _Pret(RECUPERER_VITALE, empreinte_question(demande))
    _ask(evenement.acteur, Cible(evenement.vente_id, patient.pk), patient, pret, suivi.cle)


def _is_proposed(patient: Patient, *, repondu: bool) -> bool:
    """Tell whether the software may call by itself for this file, today."""
    if patient.statut not in {Patient.Statut.PROV, Patient.Statut.VALI} or is_blocked(patient):
        return False
    if patient.motif_sans_ins or patient.decede_le is not None:
        return False
    return not repondu or relance_since(patient) is not None


def _is_under_way(appel: AppelInsi | None) -> bool:
    """Tell whether a call is on its way; one that waits for its next try leaves now."""
    if appel is None or appel.envoi.etat not in EN_COURS or age_s(appel) >= BUDGET_S:
        return False
    _hasten(appel.envoi)
    return True


def _hasten(envoi: Envoi) -> None:
    """Bring forward a row that waits for its next try."""
    if envoi.etat == Envoi.Etat.A_ENVOYER and envoi.tentatives:
        Envoi.objects.filter(
            pk=envoi.pk, officine_id=envoi.officine_id, etat=Envoi.Etat.A_ENVOYER
        ).update(pas_avant=timezone.now())
        ring_on_commit(envoi)


def _key_start(sujet: str, operation: str) -> str:
    """Return how the keys of today's calls of this kind about a file or a sale begin."""
    return f"{operation}:{sujet}:{timezone.localdate():%Y%m%d}"


def _ask(acteur: Acteur, cible: Cible, patient: Patient | None, pret: _Pret, cle: str) -> AppelInsi:
    """Put the question in the outbox, once for a key, with who asks, where and from what."""
    demande = Demande(pret.operation, cible.sujet, cle, corps=pret.corps, vente_id=cible.vente_id)
    envoi, neuf = enqueue_or_get(acteur, demande)
    if not neuf:
        return AppelInsi.objects.get(officine_id=acteur.officine_id, envoi=envoi)
    carte = pret.operation == RECUPERER_VITALE
    appel = AppelInsi.objects.create(
        officine_id=acteur.officine_id,
        envoi=envoi,
        patient=patient,
        traits_version=patient.traits_version if patient else None,
        empreinte=pret.empreinte,
        methode=AppelInsi.Methode.CARTE if carte else AppelInsi.Methode.TRAITS,
        poste_id=acteur.poste_id,
        operation=pret.operation,
        environnement=settings.ENVIRONNEMENT,
        mode="certificat",
        declenche_par_id=acteur.operateur_id,
    )
    audit.note(acteur, "ins.appeler", f"appel:{appel.pk}", patient, precision=pret.operation)
    return appel


def retry(acteur: Acteur, vente_id: int) -> AppelInsi:
    """Ask INSi because a person asked: the question that failed, else by card, else by the file.

    The same request under way, or answered less than a minute ago, is the same call. VenteRefusee
    when the identity is blocked or deceased (typed traits ask to confirm), or when nothing can be
    sent. Source: ins.md §3.5, « Retry ».
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        vente = Vente.objects.filter(pk=vente_id, officine_id=acteur.officine_id).first()
        if vente is None:
            raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
        if vente.patient_id is None:
            return _ask_once(acteur, Cible(vente_id), None, _of_sale(acteur, vente))
        patient = patient_locked(acteur, vente.patient_id)
        pret = _failed_question(appel_last(patient)) or _of_file(patient)
        return _ask_once(acteur, Cible(vente_id, patient.pk), patient, pret)


def _of_sale(acteur: Acteur, vente: Vente) -> _Pret:
    pret = _failed_question(appel_of_vente(acteur.officine_id, vente.pk))
    if pret is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    return pret


def _failed_question(appel: AppelInsi | None) -> _Pret | None:
    """Return the question of a call by traits that had no answer."""
    if appel is None or appel.code in {"00", "01", "02"}:
        return None
    question = question_of(appel)
    if question is None:
        return None
    return _Pret(RECUPERER_TRAITS, appel.empreinte, dump_question(question))


def ask_traits(
    acteur: Acteur, cible: Cible, question: Question, *, confirme: bool = False
) -> AppelInsi:
    """Ask INSi by these traits, for a file or for somebody the officine does not know yet.

    Nothing of them goes to the file: only an answer that a person accepts does. VenteRefusee as
    `retry`; `confirme` says that a person knows of the death. Source: ins.md §3.6; INS-11.
    """
    check_droit(acteur, "ins.appeler")
    pret = _Pret(RECUPERER_TRAITS, empreinte_question(question), dump_question(question))
    with transaction.atomic():
        patient = None
        if cible.patient_id:
            patient = patient_locked(acteur, cible.patient_id)
        else:
            vente_locked(acteur, cible.vente_id or 0)
        return _ask_once(acteur, cible, patient, pret, confirme=confirme)


def _ask_once(
    acteur: Acteur,
    cible: Cible,
    patient: Patient | None,
    pret: _Pret,
    *,
    confirme: bool = False,
) -> AppelInsi:
    if patient is not None:
        _check_callable(patient, confirme=confirme)
    dernier = appel_last(patient) if patient else _last_of_sale(acteur, cible)
    if dernier is not None and _is_same_request(dernier, pret):
        _hasten(dernier.envoi)
        return dernier
    if not calls_left(acteur.officine_id, cible.sujet, cible.vente_id):
        raise VenteRefusee(
            "Dix appels à INSi pour cette visite : c'est la limite. Reprenez à la prochaine.",
            "INS-014",
        )
    cle = next_key(acteur.officine_id, _key_start(cible.sujet, pret.operation))
    appel = _ask(acteur, cible, patient, pret, cle)
    _announce(acteur, cible, patient)
    return appel


def _last_of_sale(acteur: Acteur, cible: Cible) -> AppelInsi | None:
    return appel_of_vente(acteur.officine_id, cible.vente_id or 0)


def _check_callable(patient: Patient, *, confirme: bool) -> None:
    if patient.motif_sans_ins == Patient.MotifSansIns.ANONYMAT:
        raise VenteRefusee("Anonymat prévu par la loi : aucun appel à INSi.", "INS-002")
    if is_blocked(patient):
        raise VenteRefusee("Identité douteuse ou fictive : appel INSi bloqué.", "INS-002")
    if patient.decede_le is not None and not confirme:
        raise VenteRefusee(
            f"Personne décédée le {patient.decede_le:%d/%m/%Y} : confirmez l'appel avec les "
            "traits (² X).",
            "INS-016",
        )


def _announce(acteur: Acteur, cible: Cible, patient: Patient | None) -> None:
    if patient is not None:
        announce_patient(patient, cible.vente_id)
    elif cible.vente_id:
        flux.announce_vente(acteur.officine_id, cible.vente_id, *FRAGMENTS)


def _is_same_request(appel: AppelInsi, pret: _Pret) -> bool:
    """Tell whether a call already asks this, or was answered less than a minute ago (case 93)."""
    if appel.empreinte != pret.empreinte or appel.operation != pret.operation:
        return False
    if appel.envoi.etat in EN_COURS:
        return age_s(appel) < BUDGET_S
    return appel.envoi.etat == Envoi.Etat.ENVOYE and age_s(appel) < _MEME_DEMANDE_S


def _of_file(patient: Patient) -> _Pret:
    """Return the question that the file can ask: its card's first (ins.md §5.2)."""
    carte = demande_vitale(patient)
    if carte is not None:
        return _Pret(RECUPERER_VITALE, empreinte_question(carte))
    question = question_file(patient)
    if question is not None:
        return _Pret(RECUPERER_TRAITS, empreinte_question(question), dump_question(question))
    raise VenteRefusee(
        "Lisez la carte Vitale, ou saisissez le nom de naissance, le prénom, la date et le sexe "
        "(² X).",
        "INS-003",
    )
