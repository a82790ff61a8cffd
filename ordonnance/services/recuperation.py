"""Steps 3 to 5: from a number to a prescription shown (ordonnance.md §4.1)."""

from django.db import IntegrityError, transaction
from django.db.models import F

from ordonnance.codec.demande import (
    corps_consulter,
    corps_sans_beneficiaire,
    is_about,
)
from ordonnance.models import ExecutionExterne, OrdonnanceNumerique, OrdonnanceVersion
from ordonnance.rules.modele import LigneLue, PrescriptionLue, Professionnel
from ordonnance.selectors import (
    ACTIVES,
    beneficiaire_to_send,
    compare_patient,
    is_late,
    last_call,
    numerique_of_vente,
)
from ordonnance.services.commun import (
    announce,
    executant_and_signatory,
    locked,
    move,
    next_state,
    within_contract,
)
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.identite import peut_sortir_de
from pharmacy.models import LignePrescrite, Ordonnance, Patient, Prescripteur, Vente
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked
from pharmacy.suites import Suite
from teleservices.errors import Rejected
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue
from teleservices.registre import Reponse


def fetch(acteur: Acteur, vente_id: int, numero: str, origine: str) -> OrdonnanceNumerique:
    """Put a number in the sale and ask the service for its prescription.

    The same number again is the same row. VenteRefusee when the sale already holds another numeric
    prescription, or when this one is open in another sale of the officine.
    """
    check_droit(acteur, "ordonnance.lire")
    try:
        with transaction.atomic():
            vente = vente_locked(acteur, vente_id)
            deja = numerique_of_vente(vente)
            if deja is not None and deja.numero == numero:
                return _again(acteur, vente, deja)
            _check_vente(vente, deja)
            numerique = _create(acteur, vente, numero, origine)
            _ask(acteur, vente, numerique, "ordonnance.consulter", rang=1)
            audit.note(acteur, "ordonnance.consulter", f"on:{numerique.pk}", vente.patient_id)
            # The lines change only where a former prescription stood.
            announce(numerique, "ordonnance", *(["lignes"] if deja is not None else []))
            return numerique
    except IntegrityError as exc:
        raise VenteRefusee(_held_by(acteur, numero), "ORD-003") from exc


def _check_vente(vente: Vente, deja: OrdonnanceNumerique | None) -> None:
    if vente.etat != Vente.Etat.OUVERTE:
        raise VenteRefusee("Le contrôle est validé. Terminez la vente (Fin).", "VTE-003")
    _check_gate(vente)
    if deja is not None and deja.etat in ACTIVES:
        raise VenteRefusee(
            "Une Ordonnance Numérique est déjà dans cette vente. Terminez-la d'abord.", "ORD-002"
        )


def _check_gate(vente: Vente) -> None:
    """No national call for an anonymous or fictive person, not even a reading (INS-20)."""
    if vente.patient is None:
        return
    sortie = peut_sortir_de("ordonnance.lire", vente.patient.etat_identite)
    if not sortie.ok:
        raise VenteRefusee(f"{sortie.phrase} Traitez l'ordonnance sur papier.", "ORD-028")


def body_to_send(envoi: Envoi) -> bytes:
    """Return a frozen consultation, without the person it names once they may not be named.

    The identity may have changed since it was asked, or the patient of the sale: traits and
    matricule leave only while they are those of who is served, a doubtful identity not at all.
    Rejected when the gate is shut. Source: ins.md §2.1 (gate table), §2.5 (T17); INS-20.
    """
    corps = bytes(envoi.corps or b"")
    vente = (
        Vente.objects.filter(pk=envoi.vente_id or 0, officine_id=envoi.officine_id)
        .select_related("patient")
        .first()
    )
    patient = vente.patient if vente is not None else None
    if patient is not None:
        sortie = peut_sortir_de("ordonnance.lire", patient.etat_identite)
        if not sortie.ok:
            raise Rejected("identite_bloquee", f"{sortie.phrase} Traitez l'ordonnance sur papier.")
    permise = beneficiaire_to_send(patient)
    return corps if is_about(corps, permise) else corps_sans_beneficiaire(corps)


def _held_by(acteur: Acteur, numero: str) -> str:
    autre = (
        OrdonnanceNumerique.objects.filter(
            officine_id=acteur.officine_id, numero=numero, etat__in=ACTIVES
        )
        .select_related("ordonnance__vente__poste")
        .first()
    )
    if autre is None or autre.ordonnance.vente is None:
        return "Cette ordonnance est déjà ouverte dans l'officine."
    vente = autre.ordonnance.vente
    ou = vente.poste.libelle if vente.poste else "un autre poste"
    return (
        f"Cette ordonnance est déjà ouverte dans la vente {vente.pk} ({ou}). Reprenez cette vente."
    )


def _create(acteur: Acteur, vente: Vente, numero: str, origine: str) -> OrdonnanceNumerique:
    ordonnance = Ordonnance.objects.create(
        officine_id=acteur.officine_id,
        origine=Ordonnance.Origine.NUMERIQUE,
        vente=vente,
        patient_id=vente.patient_id,
        cree_par_id=acteur.operateur_id,
    )
    return OrdonnanceNumerique.objects.create(
        officine_id=acteur.officine_id,
        ordonnance=ordonnance,
        numero=numero,
        origine=origine,
        lue_par_id=acteur.operateur_id,
    )


def _ask(
    acteur: Acteur,
    vente: Vente,
    numerique: OrdonnanceNumerique,
    operation: str,
    rang: int | None = None,
) -> Envoi:
    """Enqueue one more consultation; its key counts them (`rang` when it is known)."""
    sujet = f"on:{numerique.pk}"
    if rang is None:
        faits = Envoi.objects.filter(
            officine_id=acteur.officine_id, operation=operation, sujet=sujet
        )
        rang = faits.count() + 1
    executant, signataire_id = executant_and_signatory(acteur)
    with within_contract():
        corps = corps_consulter(
            numerique.numero, numerique.origine, executant, beneficiaire_to_send(vente.patient)
        )
    return enqueue(
        acteur,
        Demande(
            operation,
            sujet,
            f"{operation}:{numerique.pk}:{rang}",
            corps,
            vente.pk,
            signataire_id=signataire_id,
        ),
    )


def _again(acteur: Acteur, vente: Vente, numerique: OrdonnanceNumerique) -> OrdonnanceNumerique:
    """Scanned twice: ask again only when nothing came and nothing is under way."""
    if numerique.etat == "lue" and not _is_asking(numerique):
        _ask(acteur, vente, numerique, "ordonnance.consulter")
        announce(numerique)
    return numerique


def _is_asking(numerique: OrdonnanceNumerique) -> bool:
    dernier = last_call(numerique)
    return (
        dernier is not None
        and dernier.etat in {Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL}
        and not (dernier.lecture and is_late(dernier))
    )


def retry(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique:
    """Ask again after a failure (key R of the panel, or the list of what is to regularise)."""
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat == "papier" and not numerique.versions.exists():
            return _ask_again_on_paper(acteur, numerique)
        if numerique.etat != "lue":
            raise VenteRefusee("Cette ordonnance est déjà récupérée.", "ORD-004")
        vente = vente_locked(acteur, numerique.ordonnance.vente_id or 0)
        audit.note(acteur, "ordonnance.relancer", f"on:{numerique.pk}", vente.patient_id)
        return _again(acteur, vente, numerique)


def _vente_of(numerique: OrdonnanceNumerique) -> Vente:
    return Vente.objects.get(
        pk=numerique.ordonnance.vente_id or 0, officine_id=numerique.officine_id
    )


def _ask_again_on_paper(acteur: Acteur, numerique: OrdonnanceNumerique) -> OrdonnanceNumerique:
    vente = _vente_of(numerique)
    if not _is_asking(numerique):
        _ask(acteur, vente, numerique, "ordonnance.regulariser")
        announce(numerique)
    return numerique


def to_paper(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique:
    """Go on from the paper: the fetch now waits for the service, and a person completes it later.

    Source: ordonnance.md §2.7, « Degraded mode ».
    """
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        vente = vente_locked(acteur, numerique.ordonnance.vente_id or 0)
        if numerique.etat == "recuperee":
            raise VenteRefusee("L'ordonnance vient d'arriver : relisez-la.", "ORD-019")
        move(numerique, "papier")
        _ask(acteur, vente, numerique, "ordonnance.regulariser")
        audit.note(acteur, "ordonnance.papier", f"on:{numerique.pk}", vente.patient_id)
        announce(numerique)
    return numerique


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep a reply: content as received, lines, executions; then show it. Settling transaction."""
    prescription: PrescriptionLue = reponse.contenu
    numerique = (
        OrdonnanceNumerique.objects.select_for_update(of=("self",), no_key=True)
        .select_related("ordonnance__vente__patient")
        .get(pk=int(envoi.sujet.removeprefix("on:")), officine_id=envoi.officine_id)
    )
    if numerique.etat not in {"lue", "papier"}:
        return
    premiere = numerique.etat == "lue"
    _keep_content(numerique, prescription, reponse, premiere=premiere)
    vente = numerique.ordonnance.vente
    patient = vente.patient if vente is not None else None
    if not premiere:
        _keep_header(numerique, prescription, patient)
        announce(numerique)
        return
    numerique.etat = next_state(numerique, "recuperee")
    _keep_header(numerique, prescription, patient)
    _prefill(numerique, prescription)
    _show(numerique, late=is_late(envoi))


def _keep_content(
    numerique: OrdonnanceNumerique,
    prescription: PrescriptionLue,
    reponse: Reponse,
    *,
    premiere: bool,
) -> None:
    """Keep the content; before the first reply there is none to replace."""
    if not premiere:
        numerique.ordonnance.lignes.all().delete()
        numerique.executions_externes.all().delete()
    _keep_version(numerique, prescription, reponse)
    LignePrescrite.objects.bulk_create(
        [
            _line(numerique.officine_id, numerique.ordonnance_id, ligne)
            for ligne in prescription.lignes
        ]
    )


def _keep_version(
    numerique: OrdonnanceNumerique, prescription: PrescriptionLue, reponse: Reponse
) -> None:
    """Keep the bytes as received, and what every pharmacy already did."""
    officine_id = numerique.officine_id
    OrdonnanceVersion.objects.create(
        officine_id=officine_id,
        numerique=numerique,
        contenu=reponse.echange.reponse or b"",
        empreinte=prescription.empreinte[:64],
    )
    ExecutionExterne.objects.bulk_create(
        [
            ExecutionExterne(
                officine_id=officine_id,
                numerique=numerique,
                id_execution=execution.id,
                date_delivrance=execution.date,
                finess=execution.finess,
                numero_delivrance=execution.numero_delivrance,
                annulee=execution.annulee,
                lignes=[
                    [ligne.id_ligne, ligne.resultat, str(ligne.quantite)]
                    for ligne in execution.lignes
                ],
            )
            for execution in prescription.executions
        ]
    )


def _line(officine_id: int, ordonnance_id: int, ligne: LigneLue) -> LignePrescrite:
    produit = ligne.produit
    return LignePrescrite(
        officine_id=officine_id,
        ordonnance_id=ordonnance_id,
        id_national=ligne.id,
        rang=ligne.rang,
        nature=ligne.nature[:12],
        statut=ligne.statut[:20],
        cis=produit.cis[:8],
        cip13=produit.cip13[:13],
        ucd13=produit.ucd13[:13],
        mv=produit.mv[:10],
        lpp=produit.lpp[:7],
        emdn=produit.emdn[:20],
        atc=produit.atc[:8],
        libelle=produit.libelle[:300],
        dci=produit.dci[:300],
        posologie_texte=ligne.posologie,
        unites_par_jour=ligne.unites_par_jour,
        debut=ligne.debut,
        fin=ligne.fin,
        duree_jours=ligne.duree_jours,
        quantite=ligne.quantite,
        unite=ligne.unite[:20],
        renouvellements=ligne.renouvellements,
        delivrances_effectuees=ligne.delivrances_effectuees,
        prochaine_au_plus_tot=ligne.prochaine_au_plus_tot,
        substituable=ligne.substituable,
        motif_ns=ligne.motif_ns[:3],
        ald=ligne.ald,
        atmp=ligne.atmp,
        prevention=ligne.prevention,
        non_remboursable=ligne.non_remboursable,
        hors_amm=ligne.hors_amm,
        instruction_dispensateur=ligne.instruction_dispensateur,
        instruction_patient=ligne.instruction_patient,
    )


def _keep_header(
    numerique: OrdonnanceNumerique, prescription: PrescriptionLue, patient: Patient | None
) -> None:
    numerique.version = prescription.version
    numerique.statut = prescription.statut
    numerique.statut_brut = prescription.statut_brut[:40]
    numerique.debut_validite = prescription.debut_validite
    numerique.fin_validite = prescription.fin_validite
    numerique.date_souhaitee = prescription.date_souhaitee
    numerique.types = list(prescription.types)
    numerique.identite_comparee = compare_patient(patient, prescription)
    numerique.retour_autorise = prescription.retour_autorise
    numerique.executant_designe = prescription.executant_designe[:9]
    numerique.commentaire = prescription.commentaire
    numerique.empreinte = prescription.empreinte[:64]
    numerique.avertissements = list(prescription.avertissements)
    numerique.save()


def _prefill(numerique: OrdonnanceNumerique, prescription: PrescriptionLue) -> None:
    """F3 first: date and prescriber of the sale come from the prescription; its version rises."""
    ordonnance = numerique.ordonnance
    prescripteur = _prescriber(numerique.officine_id, prescription.prescripteur)
    ordonnance.prescripteur = prescripteur
    ordonnance.date_prescription = prescription.date_prescription
    Vente.objects.filter(pk=ordonnance.vente_id or 0, officine_id=numerique.officine_id).update(
        prescripteur=prescripteur,
        date_prescription=prescription.date_prescription,
        version=F("version") + 1,
    )
    ordonnance.save(update_fields=["prescripteur", "date_prescription"])


def _prescriber(officine_id: int, lu: Professionnel) -> Prescripteur | None:
    if not lu.nom:
        return None
    faits = {
        "nom": lu.nom[:80],
        "prenom": lu.prenom[:80],
        "profession": lu.profession[:40],
        "finess": lu.finess[:9],
        "telephone": lu.telephone[:20],
    }
    if not lu.rpps:
        return Prescripteur.objects.create(officine_id=officine_id, **faits)
    rpps = lu.rpps[:11]
    connu = Prescripteur.objects.filter(officine_id=officine_id, rpps=rpps).first()
    if connu is not None and all(getattr(connu, nom) == valeur for nom, valeur in faits.items()):
        return connu
    prescripteur, _ = Prescripteur.objects.update_or_create(
        officine_id=officine_id, rpps=rpps, defaults=faits
    )
    return prescripteur


def _show(numerique: OrdonnanceNumerique, *, late: bool) -> None:
    """Show what came, and open the confirmation on the page of the sale: a person must answer.

    An answer that comes after the counter gave up opens nothing: the panel offers it.
    """
    vente_id = numerique.ordonnance.vente_id
    if vente_id is None:
        return
    adresse = f"/vente/{vente_id}/ordonnance/{numerique.pk}/confirmation/"
    suite = Suite(
        "Ordonnance récupérée : confirmez-la (² C)." if late else "Ordonnance récupérée.",
        dialogue=None if late else adresse,
    )
    flux.ring_vente(numerique.officine_id, vente_id, "ordonnance", "lignes", suite=suite.as_dict())


def read_again(envoi: Envoi, numerique: OrdonnanceNumerique) -> None:
    """EPU-010: the prescription changed under a validated execution; ask for it again (§5.3)."""
    vente = _vente_of(numerique)
    acteur = Acteur(envoi.operateur_id, envoi.officine_id, "", envoi.poste_id)
    _ask(acteur, vente, numerique, "ordonnance.relire")


def keep_again(numerique: OrdonnanceNumerique, reponse: Reponse) -> None:
    """Keep a newer version: the lines already executed stay the same rows."""
    prescription: PrescriptionLue = reponse.contenu
    vente = numerique.ordonnance.vente
    numerique.executions_externes.all().delete()
    _keep_version(numerique, prescription, reponse)
    connues = dict(numerique.ordonnance.lignes.values_list("id_national", "pk"))
    for ligne in prescription.lignes:
        copie = _line(numerique.officine_id, numerique.ordonnance_id, ligne)
        copie.pk = connues.get(ligne.id)
        copie.save()
    _keep_header(numerique, prescription, vente.patient if vente is not None else None)


def record_failure(envoi: Envoi) -> None:
    """Show what a failed consultation means; its sentence stands on the row."""
    numerique = (
        OrdonnanceNumerique.objects.filter(
            pk=int(envoi.sujet.removeprefix("on:")), officine_id=envoi.officine_id
        )
        .select_related("ordonnance")
        .first()
    )
    if numerique is None:
        return
    numerique.dernier_code = envoi.dernier_code[:20]
    numerique.save(update_fields=["dernier_code"])
    announce(numerique, "ordonnance")
