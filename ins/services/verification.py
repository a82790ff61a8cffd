"""Verifying one INS with INSi: the one a file holds, or one read from outside.

A verification compares, it gives no trait back: « conforme » says that this matricule and these
traits are one person's. For an INS read from a datamatrix the traits read are then INSi's, taken
like any other answer. Source: ins.md §2.5 (T19 to T21), §2.8, §3.7; INS-12.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.codec.verification import CONFORME, IdentiteAVerifier, Resultat
from ins.models import AppelInsi, IdentiteRecue, TacheIdentite
from ins.rules.statut import transition_number
from ins.selectors import EN_COURS, VERIFIER, age_s, is_blocked, traits_of
from ins.services import appels, reponses
from ins.services.commun import announce_patient, load_traits, note_event, patient_locked
from ins.services.lots_resultats import MOTIF, PRECISIONS, sent_counts
from ins.services.retrait import withdraw_ins
from ins.services.taches import open_tache
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.identite import peut_sortir_de
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.suites import Suite
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue, next_key
from teleservices.registre import Reponse


def verify_recue(acteur: Acteur, recue: IdentiteRecue, vente_id: int | None) -> AppelInsi:
    """Ask INSi about an INS that came from outside; the caller's transaction holds the file.

    VenteRefusee when the identity is blocked, or when this INS is no longer to verify.
    """
    patient = patient_locked(acteur, recue.patient_id)
    _check_open(patient)
    if recue.etat != IdentiteRecue.Etat.A_VERIFIER:
        raise VenteRefusee("Cette INS lue est déjà traitée.", "INS-090")
    if recue.appel is not None and _is_under_way(recue.appel):
        return recue.appel
    appel = _ask(acteur, patient, vente_id, AppelInsi.Methode.DATAMATRIX)
    recue.appel = appel
    recue.save(update_fields=["appel"])
    announce_patient(patient, vente_id)
    return appel


def verify_waiting(acteur: Acteur, recue_id: int, vente_id: int) -> AppelInsi:
    """Verify an INS kept aside, because a person asks for it. VenteRefusee when it is settled."""
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        recue = (
            IdentiteRecue.objects.filter(pk=recue_id, officine_id=acteur.officine_id)
            .select_related("appel__envoi")
            .first()
        )
        if recue is None:
            raise VenteRefusee("Cette INS lue n'existe pas dans votre officine.", "INS-404")
        return verify_recue(acteur, recue, vente_id)


def verify_file(acteur: Acteur, patient_id: int, vente_id: int | None = None) -> AppelInsi:
    """Ask INSi about the INS of a file, because a person doubts it.

    VenteRefusee without INS (there is nothing to verify), or when the identity is blocked.
    Source: ins.md §2.1 (gate table, « INSi verification »), §2.7.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        _check_open(patient)
        if not patient.ins_empreinte:
            raise VenteRefusee(
                "Ce dossier n'a pas d'INS à vérifier. Interrogez INSi (² I).", "INS-091"
            )
        dernier = (
            AppelInsi.objects.filter(
                officine_id=acteur.officine_id, patient=patient, operation=VERIFIER
            )
            .select_related("envoi")
            .order_by("-pk")
            .first()
        )
        if dernier is not None and _is_under_way(dernier):
            return dernier
        appel = _ask(acteur, patient, vente_id, AppelInsi.Methode.TRAITS)
        announce_patient(patient, vente_id)
    return appel


def is_callable(patient: Patient) -> bool:
    """Tell whether INSi may be asked about a file at all. Source: ins.md §2.1, §2.2."""
    return peut_sortir_de("insi.recuperer", patient.etat_identite, confirme=True).ok


def _check_open(patient: Patient) -> None:
    """Refuse a call that the gate forbids; somebody asks by a key, a death is confirmed so."""
    decision = peut_sortir_de("insi.recuperer", patient.etat_identite, confirme=True)
    if not decision.ok:
        raise VenteRefusee(f"{decision.phrase} {decision.geste}", "INS-002")


def _is_under_way(appel: AppelInsi) -> bool:
    return appel.envoi.etat in EN_COURS and age_s(appel) < appels.BUDGET_S


def _ask(acteur: Acteur, patient: Patient, vente_id: int | None, methode: str) -> AppelInsi:
    cle = next_key(acteur.officine_id, f"{VERIFIER}:{patient.pk}:v{patient.traits_version}")
    envoi = enqueue(acteur, Demande(VERIFIER, f"patient:{patient.pk}", cle, vente_id=vente_id))
    appel = AppelInsi.objects.create(
        officine_id=acteur.officine_id,
        envoi=envoi,
        patient=patient,
        traits_version=patient.traits_version,
        empreinte=patient.ins_empreinte,
        poste_id=acteur.poste_id,
        methode=methode,
        operation=VERIFIER,
        environnement=settings.ENVIRONNEMENT,
        mode="INSI-MANU",
        declenche_par_id=acteur.operateur_id,
    )
    audit.note(acteur, "ins.verifier", f"appel:{appel.pk}", patient, precision=methode)
    return appel


def identity_of(appel: AppelInsi) -> IdentiteAVerifier | None:
    """Return what a verification sends; None when the file has lost what was to verify.

    The reference is the call's number. INS-29: what a hand typed is never sent.
    """
    recue = IdentiteRecue.objects.filter(officine_id=appel.officine_id, appel=appel).first()
    if recue is not None and recue.traits is not None:
        matricule, oid, traits = str(recue.matricule), recue.oid, load_traits(bytes(recue.traits))
    else:
        patient = Patient.objects.get(officine_id=appel.officine_id, pk=appel.patient_id or 0)
        matricule, oid, traits = str(patient.ins_matricule), patient.ins_oid, traits_of(patient)
    if not matricule or traits.date_naissance is None:
        return None
    return IdentiteAVerifier(
        str(appel.pk),
        matricule,
        oid,
        traits.nom_naissance,
        traits.prenoms_naissance or traits.premier_prenom,
        traits.sexe,
        traits.date_naissance.isoformat(),
        traits.cog_naissance,
    )


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep an answer as received, and draw what follows from it. Runs in the settling transaction.

    « 91 » changes nothing: it may be asked again. Source: ins.md §2.5 (T12, T19 to T21).
    """
    lu: Resultat = reponse.contenu
    appel = AppelInsi.objects.get(officine_id=envoi.officine_id, envoi=envoi)
    patient = Patient.objects.select_for_update(of=("self",), no_key=True).get(
        pk=appel.patient_id or 0, officine_id=envoi.officine_id
    )
    appel.reponse = reponse.echange.reponse
    appel.code, appel.libelle = lu.code, lu.libelle[:200]
    appel.recu_le = timezone.now()
    recue = IdentiteRecue.objects.filter(officine_id=envoi.officine_id, appel=appel).first()
    if recue is not None:
        suite = _settle_recue(appel, patient, recue, lu.code)
    else:
        suite = _settle_file(appel, patient, lu.code)
    appel.save(update_fields=["reponse", "code", "libelle", "recu_le", "decision", "decide_le"])
    audit.note_system(envoi.officine_id, "ins.reponse", f"appel:{appel.pk}", lu.code)
    announce_patient(patient, envoi.vente_id)
    if envoi.vente_id is not None:
        flux.announce_suite(envoi.officine_id, envoi.vente_id, suite.as_dict())


def _settle_recue(appel: AppelInsi, patient: Patient, recue: IdentiteRecue, code: str) -> Suite:
    if code == CONFORME:
        recue.etat = IdentiteRecue.Etat.CONFORME
        if not is_blocked(patient):
            reponses.take_or_ask(appel, patient)
    elif code in PRECISIONS:
        recue.etat = IdentiteRecue.Etat.NON_CONFORME
    else:
        return Suite("INSi n'a pas pu vérifier l'INS lue : relancez plus tard.", "attention")
    recue.close_le = timezone.now()
    recue.save(update_fields=["etat", "close_le"])
    if code != CONFORME:
        return Suite(
            "INSi ne confirme pas l'INS lue : elle n'est pas prise. Récupérez l'INS (² I).",
            "attention",
        )
    if appel.decision == AppelInsi.Decision.EN_ATTENTE:
        return Suite("INSi confirme l'INS lue, le dossier diffère : comparez (² I).", "attention")
    return Suite("INS confirmée par INSi : contrôlez une pièce d'identité (² Q).")


def _settle_file(appel: AppelInsi, patient: Patient, code: str) -> Suite:
    """Refresh the date, or take the INS off; an identity that changed meanwhile is left alone."""
    posee = (appel.traits_version, appel.empreinte)
    if not patient.ins_empreinte or posee != (patient.traits_version, patient.ins_empreinte):
        return Suite("L'identité a changé pendant la vérification : rien n'est modifié.")
    if code == CONFORME:
        avant = (patient.statut, traits_of(patient))
        patient.ins_verifie_le = timezone.now()
        patient.save(update_fields=["ins_verifie_le"])
        numero = transition_number("verification_conforme", patient.statut)
        note_event(patient, appel.declenche_par_id, numero, avant, "")
        return Suite("INSi confirme l'INS de ce dossier.")
    if code not in PRECISIONS:
        return Suite("INSi n'a pas pu vérifier l'INS : relancez plus tard.", "attention")
    envois = sent_counts(patient.officine_id, {patient.pk: patient.ins_obtenu_le})
    withdraw_ins(patient, appel.declenche_par_id, "verification_ko", MOTIF)
    open_tache(patient, TacheIdentite.Nature.VERIFICATION, precision=PRECISIONS[code])
    if envois:
        nombre = f"{envois[patient.pk]} envoi(s)"
        open_tache(patient, TacheIdentite.Nature.TRANSMIS, precision=nombre)
    return Suite(
        "INSi ne confirme pas cette INS : elle est retirée. Récupérez l'INS (² I).", "alerte"
    )


def record_failure(envoi: Envoi) -> None:
    """Keep the code of a refusal or a wait; neither the file nor the INS read changes (T12)."""
    reponses.record_failure(envoi)
