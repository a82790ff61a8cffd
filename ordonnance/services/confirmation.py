"""Steps 6 and 7: it is this patient's, it matches the paper, which délivrance (§4.1)."""

from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ordonnance.codec.demande import corps_liberer, corps_ouvrir
from ordonnance.models import OrdonnanceNumerique, SaisieControle, Verrou
from ordonnance.rules.controle import CLE_IDENTITE
from ordonnance.rules.modele import Beneficiaire, PrescriptionLue
from ordonnance.rules.modele import Verrou as VerrouLu
from ordonnance.rules.rapprochement import is_executable, lowest_numero_delivrance, statut_phrase
from ordonnance.selectors import compare_patient, prescription_of, verrou_of
from ordonnance.services.commun import (
    announce,
    executant_and_signatory,
    locked,
    move,
    signatory_id,
    wire_key,
    within_contract,
)
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import AbandonDemande, PatientChoisi, VenteAbandonnee
from pharmacy.models import Officine, Patient, Vente
from pharmacy.rules.noms import received
from pharmacy.services.patient import Traits, patient_create, patient_same
from pharmacy.services.vente import VenteRefusee, check_droit, patient_choose, vente_locked
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue

# Confirmed by a person, not validated yet.
CONFIRMEES = ("confirmee", "en_delivrance")


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
    patient = _find(acteur.officine_id, prescription.beneficiaire) or patient_create(
        acteur, _new_patient(prescription.beneficiaire)
    )
    return patient_choose(acteur, vente.pk, patient, "ordonnance")


def _birth_date(beneficiaire: Beneficiaire) -> date | None:
    try:
        return date.fromisoformat(beneficiaire.naissance)
    except ValueError:
        return None


def _find(officine_id: int, beneficiaire: Beneficiaire) -> Patient | None:
    """Return the one file with this INS, or these traits; several or none: a new one is safer."""
    traits = Traits(
        beneficiaire.nom,
        beneficiaire.nom_utilise,
        beneficiaire.prenoms,
        _birth_date(beneficiaire),
    )
    matricule = beneficiaire.matricule[:13] + beneficiaire.cle if beneficiaire.matricule else ""
    return patient_same(officine_id, traits, matricule=matricule)


def _new_patient(beneficiaire: Beneficiaire) -> Patient:
    prenoms = received(beneficiaire.prenoms)
    return Patient(
        nom_naissance=received(beneficiaire.nom),
        premier_prenom=prenoms.split(" ")[0],
        prenoms_naissance=prenoms,
        date_naissance=_birth_date(beneficiaire),
        sexe=beneficiaire.sexe if beneficiaire.sexe in {"M", "F"} else "",
        nom_utilise=beneficiaire.nom_utilise,
        methode=Patient.Methode.DOCUMENT,
    )


def asks_renewal(prescription: PrescriptionLue) -> bool:
    """Tell whether the renewal number is asked: only if some line may be renewed."""
    return any(ligne.renouvellements != 0 for ligne in prescription.lignes)


def is_number_due(numerique: OrdonnanceNumerique) -> bool:
    """Tell whether a paper delivery still wants its délivrance number before its control."""
    if numerique.etat != "papier" or numerique.numero_delivrance is not None:
        return False
    prescription = prescription_of(numerique)
    return prescription is not None and asks_renewal(prescription)


def choose_renewal(acteur: Acteur, numerique_id: int, numero: int) -> OrdonnanceNumerique:
    """Keep the délivrance number (0 = first). VenteRefusee for one that every line already had.

    Source: ordonnance.md §4.1 (7).
    """
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat not in {*CONFIRMEES, "papier"}:
            raise VenteRefusee("Confirmez d'abord l'ordonnance.", "ORD-009")
        if numerique.etat in CONFIRMEES:
            vente_locked(acteur, numerique.ordonnance.vente_id or 0)
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
    executant, signataire_id = executant_and_signatory(acteur)
    with within_contract():
        corps = corps_ouvrir(numerique.numero, numerique.version or 0, wire_key(cle), executant)
    enqueue(
        acteur,
        Demande(
            "ordonnance.ouvrir",
            f"on:{numerique.pk}",
            cle,
            corps,
            numerique.ordonnance.vente_id,
            signataire_id=signataire_id,
        ),
    )


def keep_lock(envoi: Envoi, lu: VerrouLu | None) -> None:
    """Keep the lock the service gave, inside the settling transaction; none is not a failure.

    One that comes after the prescription was stopped or validated is given back at once.
    """
    if lu is None:
        return
    acteur = Acteur(envoi.operateur_id, envoi.officine_id, "", envoi.poste_id)
    numerique = locked(acteur, int(envoi.sujet.removeprefix("on:")))
    if numerique.etat not in CONFIRMEES:
        _give_back(acteur, numerique, lu.id_execution, lu.jeton)
        return
    Verrou.objects.update_or_create(
        officine_id=envoi.officine_id,
        numerique=numerique,
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
        if numerique.etat not in {"lue", "papier", "recuperee", *CONFIRMEES}:
            raise VenteRefusee("Cette ordonnance ne peut plus être retirée de la vente.", "ORD-011")
        vente_locked(acteur, numerique.ordonnance.vente_id or 0)
        _cancel(acteur, numerique)
        announce(numerique)
    return numerique


def close_paper(acteur: Acteur, numerique_id: int, motif: str) -> OrdonnanceNumerique:
    """A paper delivery whose execution will never be sent: a pharmacien says why, it is kept.

    VenteRefusee without a reason, or while its sale is under way. Source: ordonnance.md §2.7,
    « Délivrance à risque ».
    """
    check_droit(acteur, "file.agir")
    motif = motif.strip()[:200]
    if not motif:
        raise VenteRefusee("Donnez le motif : il est gardé avec l'ordonnance.", "ORD-023")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        vente = numerique.ordonnance.vente
        if numerique.etat != "papier" or vente is None or not vente.est_finie:
            raise VenteRefusee("Cette ordonnance n'attend pas de régularisation.", "ORD-024")
        numerique.motif_cloture = motif
        numerique.save(update_fields=["motif_cloture"])
        _forget_fetch(numerique)
        move(numerique, "annulee")
        audit.note(acteur, "ordonnance.clore", f"on:{numerique.pk}", vente.patient_id)
        announce(numerique)
    return numerique


def _cancel(acteur: Acteur, numerique: OrdonnanceNumerique) -> None:
    verrou = verrou_of(numerique)
    if verrou is not None:
        _give_back(acteur, numerique, verrou.id_execution, str(verrou.jeton))
        verrou.delete()
    _forget_fetch(numerique)
    move(numerique, "annulee")
    audit.note(acteur, "ordonnance.arreter", f"on:{numerique.pk}")


def _give_back(
    acteur: Acteur, numerique: OrdonnanceNumerique, id_execution: str, jeton: str
) -> None:
    corps = corps_liberer(numerique.numero, id_execution, jeton)
    enqueue(
        acteur,
        Demande(
            "ordonnance.liberer",
            f"on:{numerique.pk}",
            f"liberer:{numerique.pk}:1",
            corps,
            signataire_id=signatory_id(acteur),
        ),
    )


def _forget_fetch(numerique: OrdonnanceNumerique) -> None:
    """Ask no more for the content of a paper delivery that is dropped or closed.

    A row that somebody holds at this instant (its answer, a person who tries again) is left to
    them: they lock it before the prescription, and what comes finds it dropped.
    """
    lignes = Envoi.objects.filter(
        officine_id=numerique.officine_id,
        operation="ordonnance.regulariser",
        sujet=f"on:{numerique.pk}",
        etat__in=[Envoi.Etat.A_ENVOYER, Envoi.Etat.INCERTAIN, Envoi.Etat.REFUSE],
    ).select_for_update(of=("self",), no_key=True, skip_locked=True)
    Envoi.objects.filter(
        officine_id=numerique.officine_id, pk__in=list(lignes.values_list("pk", flat=True))
    ).update(etat=Envoi.Etat.ABANDONNE, motif_abandon="Ordonnance retirée", regle_le=timezone.now())
    flux.announce_entete(numerique.officine_id)


def on_abandon_asked(evenement: AbandonDemande) -> None:
    """Lock the prescriptions of a sale before the sale, as every other act does."""
    list(_droppable(evenement).select_for_update(of=("self",), no_key=True).order_by("pk"))


def on_vente_abandoned(evenement: VenteAbandonnee) -> None:
    """Nothing stays reserved on the national side when a sale is dropped."""
    for numerique in _droppable(evenement).select_related("ordonnance"):
        _cancel(evenement.acteur, numerique)


def _droppable(evenement: AbandonDemande | VenteAbandonnee) -> QuerySet[OrdonnanceNumerique]:
    return OrdonnanceNumerique.objects.filter(
        officine_id=evenement.acteur.officine_id,
        ordonnance__vente_id=evenement.vente_id,
        etat__in=["lue", "papier", "recuperee", *CONFIRMEES],
    )


def on_patient_chosen(evenement: PatientChoisi) -> None:
    """A confirmed prescription holds its patient; before that, the comparison is made when shown.

    VenteRefusee when the new patient is not the one of a confirmed prescription: taking it out of
    the sale comes first. The prescription is not locked here: the sale is, and a settling takes
    them the other way round. Source: ordonnance.md §4.1 (6), R06.
    """
    for numerique in OrdonnanceNumerique.objects.filter(
        officine_id=evenement.acteur.officine_id,
        ordonnance__vente_id=evenement.vente_id,
        etat__in=CONFIRMEES,
    ).select_related("ordonnance"):
        prescription = prescription_of(numerique)
        patient = Patient.objects.get(
            pk=evenement.patient_id, officine_id=evenement.acteur.officine_id
        )
        if prescription is not None:
            _check_same_person(numerique, patient, compare_patient(patient, prescription))
            numerique.ordonnance.patient = patient
            numerique.ordonnance.save(update_fields=["patient"])


def _check_same_person(numerique: OrdonnanceNumerique, patient: Patient, identite: str) -> None:
    if patient.pk == numerique.ordonnance.patient_id or identite in {"IDENTIQUE", "COMPATIBLE"}:
        return
    raise VenteRefusee(
        "L'ordonnance de cette vente est confirmée pour une autre personne. Retirez-la (² C), "
        "ou mettez la vente en attente (² A).",
        "ORD-R06",
    )
