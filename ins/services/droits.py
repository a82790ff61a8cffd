"""The rights of who is at the counter: asked once a day after a card or an appli, never waited for.

Source: requirement CTR-18; docs/contrats/adri.xsd.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.codec.adri import ReponseDroits
from ins.models import DroitsAssure
from ins.selectors_apcv import BUDGET_S, droits_last
from ins.services.apcv import PANNEAU
from ins.services.apcv_choix import AVEC_INS, SANS_INS
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientChoisi
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee, check_droit
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue_or_get, next_key
from teleservices.registre import Reponse

CONSULTER = "adri.consulter"
# The identity first: at the counter it is waited for, the rights are not.
_APRES_INSI = timedelta(seconds=0.5)
_MOYENS = frozenset({"vitale", AVEC_INS, SANS_INS})
_EN_COURS = (Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN)


def on_patient_chosen(evenement: PatientChoisi) -> None:
    """Ask by itself when a card or an appli put this patient in the sale; the sale goes on.

    Once the sale is written: nobody waits for the rights. What would be lost there, « Demander les
    droits » asks again.
    """
    if evenement.moyen in _MOYENS and settings.ADRI_URL:
        transaction.on_commit(lambda: _ask_alone(evenement), robust=True)


def _ask_alone(evenement: PatientChoisi) -> None:
    acteur = evenement.acteur
    patient = Patient.objects.get(pk=evenement.patient_id, officine_id=acteur.officine_id)
    if is_askable(patient) and not _is_known_today(patient):
        with transaction.atomic():
            _ask(acteur, evenement.vente_id, patient, dans=_APRES_INSI)


def is_askable(patient: Patient) -> bool:
    """Tell whether the file holds the billing identity that the service wants; fictive: never."""
    payable = bool(patient.nir_assure) and len(patient.naissance_facturation) == 8
    return payable and not patient.attr_fictif


def _is_known_today(patient: Patient) -> bool:
    """Tell whether the question is under way, or was answered for today."""
    derniers = droits_last(patient)
    if derniers is None or derniers.date_soins != timezone.localdate():
        return False
    if derniers.envoi.etat in _EN_COURS:
        return (timezone.now() - derniers.demande_le).total_seconds() < BUDGET_S
    return derniers.envoi.etat == Envoi.Etat.ENVOYE


def consult(acteur: Acteur, vente_id: int) -> None:
    """Ask because a person asked. VenteRefusee without patient, address or billing identity."""
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        vente = (
            Vente.objects.filter(pk=vente_id, officine_id=acteur.officine_id)
            .select_related("patient")
            .first()
        )
        if vente is None:
            raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
        patient = vente.patient
        if patient is None:
            raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
        if not settings.ADRI_URL:
            raise VenteRefusee("La consultation des droits n'est pas réglée ici.", "ADR-000")
        if not is_askable(patient):
            raise VenteRefusee(
                "Lisez la carte Vitale ou l'appli : le dossier n'a pas le numéro de l'assuré.",
                "ADR-001",
            )
        if not _is_under_way(patient):
            _ask(acteur, vente.pk, patient)
        audit.note(acteur, "ins.droits.demander", f"vente:{vente.pk}", patient)
        flux.announce_vente(acteur.officine_id, vente.pk, PANNEAU)


def _is_under_way(patient: Patient) -> bool:
    derniers = droits_last(patient)
    return (
        derniers is not None
        and derniers.envoi.etat in _EN_COURS
        and (timezone.now() - derniers.demande_le).total_seconds() < BUDGET_S
    )


def _ask(acteur: Acteur, vente_id: int, patient: Patient, dans: timedelta = timedelta()) -> None:
    jour = timezone.localdate()
    sujet = f"patient:{patient.pk}"
    cle = next_key(acteur.officine_id, f"{CONSULTER}:{patient.pk}:{jour:%Y%m%d}")
    envoi, neuf = enqueue_or_get(
        acteur,
        Demande(
            CONSULTER,
            sujet,
            cle,
            vente_id=vente_id,
            pas_avant=timezone.now() + dans,
        ),
    )
    if neuf:
        DroitsAssure.objects.create(
            officine_id=acteur.officine_id, envoi=envoi, patient=patient, date_soins=jour
        )


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep the answer, dated; runs in the settling transaction."""
    lue: ReponseDroits = reponse.contenu
    if envoi.vente_id is not None:
        flux.announce_vente(envoi.officine_id, envoi.vente_id, PANNEAU)
    droits = DroitsAssure.objects.get(officine_id=envoi.officine_id, envoi=envoi)
    droits.code, droits.libelle = lue.code, lue.libelle[:200]
    droits.recu_le = timezone.now()
    if lue.droits is not None:
        droits.regime, droits.caisse = lue.droits.regime, lue.droits.caisse
        droits.centre = lue.droits.centre
        droits.debut, droits.fin = lue.droits.debut, lue.droits.fin
        droits.exonerations = " ".join(lue.droits.exonerations)
        droits.css = {None: "", True: "oui", False: "non"}[lue.droits.css]
    droits.save()
    audit.note_system(envoi.officine_id, "ins.droits.reponse", f"droits:{droits.pk}", lue.code)


def record_failure(envoi: Envoi) -> None:
    """Keep the code of a refusal or a wait; nothing known before is lost."""
    if envoi.vente_id is not None:
        flux.announce_vente(envoi.officine_id, envoi.vente_id, PANNEAU)
    DroitsAssure.objects.filter(officine_id=envoi.officine_id, envoi=envoi).update(
        code=envoi.dernier_code[:20]
    )
