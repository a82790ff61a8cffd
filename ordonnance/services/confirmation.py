"""Steps 6 and 7: it is this patient's, it matches the paper, which délivrance (§4.1)."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from ordonnance.codec.demande import corps_liberer, corps_ouvrir
from ordonnance.models import OrdonnanceNumerique, SaisieControle, Verrou
from ordonnance.rules.controle import CLE_IDENTITE
from ordonnance.rules.modele import Beneficiaire, PrescriptionLue
from ordonnance.rules.modele import Verrou as VerrouLu
from ordonnance.rules.rapprochement import is_executable, lowest_numero_delivrance, statut_phrase
from ordonnance.selectors import compare_patient, prescription_of
from ordonnance.services.commun import announce, executant_of, locked, move, wire_key
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientChoisi, VenteAbandonnee
from pharmacy.models import Officine, Patient, Vente
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import VenteRefusee, check_droit, patient_choose, vente_locked
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue


def confirm(
    acteur: Acteur,
    numerique_id: int,
    *,
    patient_verifie: bool,
    conforme: bool,
    meme_personne: bool = False,
) -> OrdonnanceNumerique:
    """Keep who confirmed what and when; the lock is then asked in the background.

    `meme_personne`: a pharmacien saw that traits which differ are the same person's (R06).
    VenteRefusee when a box is missing, when the prescription is another person's, or when its
    status forbids executing it. Source: ordonnance.md §4.1 (6), §2.3, §4.5 (R06).
    """
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat != "recuperee":
            raise VenteRefusee("Cette ordonnance n'attend pas de confirmation.", "ORD-005")
        vente = vente_locked(acteur, numerique.ordonnance.vente_id or 0)
        prescription = prescription_of(numerique)
        if prescription is None:
            raise VenteRefusee("Cette ordonnance n'est pas encore récupérée.", "ORD-006")
        vente = _with_patient(acteur, vente, prescription)
        numerique.identite_comparee = compare_patient(vente.patient, prescription)
        if numerique.identite_comparee == "DIFFERENTE":
            _lift_identity(acteur, numerique, meme_personne=meme_personne)
        _check(acteur, numerique, prescription, patient_verifie=patient_verifie, conforme=conforme)
        maintenant = timezone.now()
        numerique.patient_confirme_par_id = acteur.operateur_id
        numerique.patient_confirme_le = maintenant
        numerique.conforme_confirme_par_id = acteur.operateur_id
        numerique.conforme_confirme_le = maintenant
        numerique.save()
        numerique.ordonnance.patient_id = vente.patient_id
        numerique.ordonnance.save(update_fields=["patient"])
        move(numerique, "confirmee")
        _ask_lock(acteur, numerique)
        audit.note(
            acteur,
            "ordonnance.confirmer",
            f"on:{numerique.pk}",
            vente.patient_id,
            precision=numerique.identite_comparee.lower(),
        )
        if not asks_renewal(prescription):
            _start(numerique, 0)
        announce(numerique)
    return numerique


def _lift_identity(acteur: Acteur, numerique: OrdonnanceNumerique, *, meme_personne: bool) -> None:
    """Keep the choice of a pharmacien as the answer to R06; VenteRefusee without that choice."""
    if not meme_personne:
        raise VenteRefusee(
            "Cette ordonnance est au nom d'une autre personne. Changez de patient, ou arrêtez.",
            "ORD-R06",
        )
    check_droit(acteur, "ordonnance.lever_bloquant")
    SaisieControle.objects.update_or_create(
        officine_id=acteur.officine_id,
        numerique=numerique,
        cle=CLE_IDENTITE,
        defaults={"motif": "IDENTITE_VERIFIEE", "saisie_par_id": acteur.operateur_id},
    )
    audit.note(acteur, "ordonnance.lever_identite", f"on:{numerique.pk}")


def on_patient_chosen(evenement: PatientChoisi) -> None:
    """VenteRefusee: what was confirmed for one person is not delivered to another (R06)."""
    confirmees = OrdonnanceNumerique.objects.filter(
        officine_id=evenement.acteur.officine_id,
        ordonnance__vente_id=evenement.vente_id,
        etat__in=["confirmee", "en_delivrance", "controlee"],
    )
    if confirmees.exclude(ordonnance__patient_id=evenement.patient_id).exists():
        raise VenteRefusee(
            "L'Ordonnance Numérique est confirmée pour une autre personne. "
            "Retirez-la (² C, puis 9), ou mettez la vente en attente (² A).",
            "ORD-R06",
        )


def _check(
    acteur: Acteur,
    numerique: OrdonnanceNumerique,
    prescription: PrescriptionLue,
    *,
    patient_verifie: bool,
    conforme: bool,
) -> None:
    if not is_executable(prescription.statut):
        raise VenteRefusee(
            f"Cette ordonnance ne peut pas être exécutée : {statut_phrase(prescription)}.",
            "ORD-007",
        )
    finess = Officine.objects.values_list("finess", flat=True).get(pk=acteur.officine_id)
    if prescription.executant_designe and prescription.executant_designe != finess:
        raise VenteRefusee("Ordonnance réservée à une autre officine.", "EPU-015")
    if not (patient_verifie and conforme):
        raise VenteRefusee(
            "Confirmez les deux points : le patient, et le papier présenté.", "ORD-008"
        )


def _with_patient(acteur: Acteur, vente: Vente, prescription: PrescriptionLue) -> Vente:
    """A sale without patient takes the one of the prescription, found or created."""
    if vente.patient_id is not None:
        return vente
    patient = _find(prescription.beneficiaire) or patient_create(
        acteur, _new_patient(prescription.beneficiaire)
    )
    return patient_choose(acteur, vente.pk, patient, "ordonnance")


def _birth_date(beneficiaire: Beneficiaire) -> date | None:
    try:
        return date.fromisoformat(beneficiaire.naissance)
    except ValueError:
        return None


def _find(beneficiaire: Beneficiaire) -> Patient | None:
    """Return the one file with these strict traits; several or none: a new one is safer."""
    naissance = _birth_date(beneficiaire)
    if naissance is None or not beneficiaire.nom:
        return None
    memes = Patient.objects.filter(
        actif=True,
        date_naissance=naissance,
        nom_naissance=beneficiaire.nom.upper(),
        premier_prenom=beneficiaire.prenoms.upper().split(" ")[0],
    )[:2]
    return memes[0] if len(memes) == 1 else None


def _new_patient(beneficiaire: Beneficiaire) -> Patient:
    return Patient(
        nom_naissance=beneficiaire.nom.upper(),
        premier_prenom=beneficiaire.prenoms.upper().split(" ")[0],
        prenoms_naissance=beneficiaire.prenoms.upper(),
        date_naissance=_birth_date(beneficiaire),
        sexe=beneficiaire.sexe if beneficiaire.sexe in {"M", "F"} else "",
        nom_utilise=beneficiaire.nom_utilise,
    )


def asks_renewal(prescription: PrescriptionLue) -> bool:
    """Tell whether the renewal number is asked: only if some line may be renewed."""
    return any(ligne.renouvellements != 0 for ligne in prescription.lignes)


def choose_renewal(acteur: Acteur, numerique_id: int, numero: int) -> OrdonnanceNumerique:
    """Keep the délivrance number (0 = first). VenteRefusee for one that every line already had.

    Source: ordonnance.md §4.1 (7).
    """
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat not in {"confirmee", "en_delivrance"}:
            raise VenteRefusee("Confirmez d'abord l'ordonnance.", "ORD-009")
        prescription = prescription_of(numerique)
        if prescription is None or not 0 <= numero <= max_renewal(prescription):
            raise VenteRefusee("Ce numéro de renouvellement n'est pas prévu.", "ORD-010")
        if numero < lowest_numero_delivrance(prescription):
            raise VenteRefusee("Cette délivrance est déjà faite.", "ORD-L06")
        _start(numerique, numero)
        audit.note(acteur, "ordonnance.renouvellement", f"on:{numerique.pk}")
        announce(numerique)
    return numerique


def max_renewal(prescription: PrescriptionLue) -> int:
    """Return the highest délivrance number; twelve when a line has no limit within its validity."""
    prevus = [ligne.renouvellements for ligne in prescription.lignes]
    return 12 if None in prevus else max((n for n in prevus if n is not None), default=0)


def _start(numerique: OrdonnanceNumerique, numero: int) -> None:
    numerique.numero_delivrance = numero
    numerique.save(update_fields=["numero_delivrance"])
    if numerique.etat == "confirmee":
        move(numerique, "en_delivrance")


def _ask_lock(acteur: Acteur, numerique: OrdonnanceNumerique) -> None:
    cle = f"ouvrir:{numerique.pk}:1"
    corps = corps_ouvrir(
        numerique.numero, numerique.version or 0, wire_key(cle), executant_of(acteur)
    )
    enqueue(
        acteur,
        Demande(
            "ordonnance.ouvrir",
            f"on:{numerique.pk}",
            cle,
            corps,
            numerique.ordonnance.vente_id,
        ),
    )


def keep_lock(envoi: Envoi, lu: VerrouLu | None) -> None:
    """Keep the lock the service gave, inside the settling transaction; none is not a failure."""
    if lu is None:
        return
    Verrou.objects.update_or_create(
        officine_id=envoi.officine_id,
        numerique_id=int(envoi.sujet.removeprefix("on:")),
        defaults={
            "id_execution": lu.id_execution,
            "jeton": lu.jeton,
            "expire_le": lu.expire,
            "poste_id": envoi.poste_id,
            "operateur_id": envoi.operateur_id,
        },
    )


def stop(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique:
    """« Arrêter »: the prescription leaves the sale, the lock is given back."""
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat not in {"lue", "recuperee", "confirmee", "en_delivrance"}:
            raise VenteRefusee("Cette ordonnance ne peut plus être retirée de la vente.", "ORD-011")
        _cancel(acteur, numerique)
        announce(numerique)
    return numerique


def _cancel(acteur: Acteur, numerique: OrdonnanceNumerique) -> None:
    verrou = Verrou.objects.filter(numerique=numerique).first()
    if verrou is not None:
        corps = corps_liberer(numerique.numero, verrou.id_execution, str(verrou.jeton))
        enqueue(
            acteur,
            Demande("ordonnance.liberer", f"on:{numerique.pk}", f"liberer:{numerique.pk}:1", corps),
        )
        verrou.delete()
    move(numerique, "annulee")
    audit.note(acteur, "ordonnance.arreter", f"on:{numerique.pk}")


def on_vente_abandoned(evenement: VenteAbandonnee) -> None:
    """Nothing stays reserved on the national side when a sale is dropped."""
    acteur = evenement.acteur
    for numerique in OrdonnanceNumerique.objects.filter(
        officine_id=acteur.officine_id,
        ordonnance__vente_id=evenement.vente_id,
        etat__in=["lue", "recuperee", "confirmee", "en_delivrance"],
    ).select_related("ordonnance"):
        _cancel(acteur, numerique)
