"""What an answer of INSi becomes: taken, asked about, or nobody; and what a silence leaves."""

from datetime import timedelta

from django.utils import timezone

from ins.codec import ReponseInsi
from ins.errors import is_technical
from ins.models import AppelInsi, TacheIdentite
from ins.rules.statut import transition_number
from ins.selectors import Comparaison, compare, is_blocked, traits_of
from ins.services.acceptation import InsDejaPortee, apply
from ins.services.commun import FRAGMENTS, announce_patient, note_event
from ins.services.taches import close_taches, open_tache
from pharmacy import audit, flux
from pharmacy.models import Patient
from pharmacy.suites import Suite
from teleservices.disjoncteur import note_setting
from teleservices.models import Envoi
from teleservices.registre import Reponse

Nature = TacheIdentite.Nature
# A newborn may not be registered yet: asked again at the next visit (ins.md §2.10).
NOUVEAU_NE = timedelta(days=60)
# The installation's own business: its certificate, its authorisation number (ins.md §3.5).
REGLAGES = frozenset({"desir_550", "desir_560", "certificat_absent"})
_REGLEES = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep an answer as received, then take it, ask a person, or say there is nobody.

    Runs in the settling transaction. Only code 00 touches the file; a status is never lost because
    INSi is silent. Source: ins.md §2.5 (T6 to T12, T22 to T25), §3.4.
    """
    lue: ReponseInsi = reponse.contenu
    appel = AppelInsi.objects.get(officine_id=envoi.officine_id, envoi=envoi)
    patient = _patient_of(appel)
    appel.reponse = reponse.echange.reponse
    appel.code, appel.libelle = lue.code, lue.libelle[:200]
    appel.recu_le = timezone.now()
    if patient is None:
        if lue.code == "00":
            appel.decision = AppelInsi.Decision.EN_ATTENTE
    elif not is_blocked(patient):
        if lue.code == "00":
            take_or_ask(appel, patient)
        if appel.decision != AppelInsi.Decision.ACCEPTEE:  # `apply` closes what it settles
            close_taches(patient, [Nature.RELANCE], "INSi a répondu")
        if lue.code == "01" and _is_newborn(patient):
            open_tache(patient, Nature.RELANCE, precision="nouveau-né")
    appel.save(update_fields=["reponse", "code", "libelle", "recu_le", "decision", "decide_le"])
    audit.note_system(envoi.officine_id, "ins.reponse", f"appel:{appel.pk}", lue.code)
    suite = _next_step(appel, patient)
    _announce(envoi, patient, suite.as_dict() if suite is not None else None)


def _patient_of(appel: AppelInsi) -> Patient | None:
    if appel.patient_id is None:
        return None
    return Patient.objects.select_for_update(of=("self",), no_key=True).get(
        pk=appel.patient_id, officine_id=appel.officine_id
    )


def _is_newborn(patient: Patient) -> bool:
    jour = patient.date_naissance
    return jour is not None and timezone.localdate() - jour <= NOUVEAU_NE


def take_or_ask(appel: AppelInsi, patient: Patient) -> None:
    """Apply an answer that agrees with the file; leave any other for a person."""
    appel.decision = AppelInsi.Decision.EN_ATTENTE
    comparaison = compare(appel, patient)
    if comparaison is None or _is_alert(appel, patient, comparaison):
        return
    if comparaison.verdict.suite != "accepter":
        return
    try:
        apply(patient, comparaison, appel.declenche_par_id)
    except InsDejaPortee:
        return
    appel.decision = AppelInsi.Decision.ACCEPTEE
    appel.decide_le = timezone.now()


def _is_alert(appel: AppelInsi, patient: Patient, comparaison: Comparaison) -> bool:
    """Tell whether the answer is another file's, or another person's: a work item says so."""
    if comparaison.autre_dossier is not None:
        autre = Patient.objects.get(pk=comparaison.autre_dossier, officine_id=patient.officine_id)
        open_tache(patient, Nature.COLLISION, autre=autre)
        return True
    if comparaison.verdict.suite == "alerter":
        open_tache(patient, Nature.AUTRE_MATRICULE)
        numero = transition_number("autre_matricule", patient.statut)
        avant = (patient.statut, traits_of(patient))
        note_event(patient, appel.declenche_par_id, numero, avant, "INSi donne un autre matricule")
        return True
    return False


def _announce(
    envoi: Envoi, patient: Patient | None, suite: dict[str, object] | None = None
) -> None:
    """Ring the sales; the one that asked also gets one line. Nothing opens by itself."""
    if patient is not None:
        announce_patient(patient, envoi.vente_id, suite)
    elif envoi.vente_id is not None:
        flux.announce_vente(envoi.officine_id, envoi.vente_id, *FRAGMENTS, suite=suite)


def _next_step(appel: AppelInsi, patient: Patient | None) -> Suite | None:
    if appel.code == "01":
        return Suite("INSi ne trouve pas cette personne : essayez autrement (² I).", "attention")
    if appel.code == "02":
        return Suite("INSi trouve plusieurs personnes : complétez (² I).", "attention")
    if patient is None:
        return Suite("INSi a trouvé la personne : créez son dossier (² I).", "attention")
    if appel.decision == AppelInsi.Decision.EN_ATTENTE:
        return Suite("INSi répond autrement que le dossier : comparez (² I).", "attention")
    if appel.decision == AppelInsi.Decision.ACCEPTEE and patient.statut == "RECUP":
        return Suite("INS récupérée : contrôlez une pièce d'identité (² Q).")
    return None


def record_failure(envoi: Envoi) -> None:
    """Keep the code of a refusal, a wait or a doubt; the file does not change (T12).

    A silence of the service leaves a work item: « INS à relancer », proposed at the next visit.
    Source: ins.md §3.5, « Retry »; INS-32.
    """
    appel = (
        AppelInsi.objects.select_related("patient")
        .filter(officine_id=envoi.officine_id, envoi=envoi)
        .first()
    )
    if appel is None:
        return
    appel.code = envoi.dernier_code[:20]
    appel.save(update_fields=["code"])
    if envoi.dernier_code in REGLAGES:
        note_setting(envoi.service, envoi.dernier_code)
    patient = appel.patient
    if patient is not None and _is_to_ask_again(envoi, patient):
        open_tache(patient, Nature.RELANCE, precision=envoi.dernier_code[:60])
    _announce(envoi, patient)


def _is_to_ask_again(envoi: Envoi, patient: Patient) -> bool:
    sans_ins = patient.statut in {"PROV", "VALI"} and not is_blocked(patient)
    return sans_ins and envoi.etat in _REGLEES and is_technical(envoi.dernier_code)
