"""Steps 9 to 11: the control answered, validated, and its execution promised (§4.1, §5.3)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from ordonnance.codec.demande import corps_executer, corps_sans_verrou
from ordonnance.models import (
    Ecart,
    Execution,
    Intervention,
    LigneExecutee,
    OrdonnanceNumerique,
    SaisieControle,
    Verrou,
)
from ordonnance.rules.controle import CLE_IDENTITE
from ordonnance.rules.modele import ExecutionAEnvoyer, LigneAEnvoyer
from ordonnance.rules.rapprochement import is_executable, statut_phrase
from ordonnance.rules.transmission import DetailBoite, ReponseEcart, build_lines, missing_answer
from ordonnance.selectors import Dossier, dossier_of
from ordonnance.services.commun import (
    announce,
    executant_and_signatory,
    executant_of,
    locked,
    move,
    wire_key,
    within_contract,
)
from ordonnance.services.confirmation import asks_renewal
from ordonnance.services.recuperation import read_again
from pharmacy import audit, chiffre, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Delivrance, LigneDelivrance, Vente
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue

# An execution cut in doubt is looked for under these states.
_ETATS = {
    Envoi.Etat.A_ENVOYER: "a_transmettre",
    Envoi.Etat.EN_VOL: "a_transmettre",
    Envoi.Etat.ENVOYE: "transmise",
    Envoi.Etat.REFUSE: "a_corriger",
    Envoi.Etat.INCERTAIN: "incertaine",
    Envoi.Etat.ABANDONNE: "annulee",
}


class ControleIncomplet(Exception):
    """Answers are missing: what is asked, by key of difference."""

    def __init__(self, manques: dict[str, str]) -> None:
        super().__init__("controle_incomplet")
        self.manques = manques


@dataclass(frozen=True)
class Verrouillage:
    """The execution's identity: from the service's lock, or ours when there is none."""

    ident: str
    jeton: str = field(repr=False)

    @property
    def hors_ligne(self) -> bool:
        """Whether no lock covers this execution (the lock is advisory, §2.3)."""
        return not self.jeton


def save_answers(
    acteur: Acteur, numerique_id: int, reponses: dict[str, ReponseEcart]
) -> OrdonnanceNumerique:
    """Keep the answers given so far: leaving the window loses nothing."""
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        for cle, reponse in reponses.items():
            SaisieControle.objects.update_or_create(
                officine_id=acteur.officine_id,
                numerique=numerique,
                cle=cle[:60],
                defaults={
                    "motif": reponse.motif[:40],
                    "accord_date": reponse.accord_date,
                    "commentaire": reponse.commentaire[:500],
                    "saisie_par_id": acteur.operateur_id,
                },
            )
        audit.note(acteur, "ordonnance.controle.repondre", f"on:{numerique.pk}")
    return numerique


def missing_answers(acteur: Acteur, dossier: Dossier) -> dict[str, str]:
    """Return what is still asked, by key of difference."""
    manques = {
        ecart.cle: missing_answer(
            ecart, dossier.reponses.get(ecart.cle), pharmacien=acteur.est_pharmacien
        )
        for ecart in dossier.ecarts
    }
    for ecart in dossier.ecarts:
        if ecart.severite == "BLOQUANT" and not ecart.regle.choix:
            manques[ecart.cle] = "Cet écart ne se lève pas : revenez aux produits, ou arrêtez."
    return {cle: phrase for cle, phrase in manques.items() if phrase}


class ControleChange(Exception):
    """The sale changed since the control was shown: what was read is not what would be sent."""


def validate(acteur: Acteur, numerique_id: int, vu: str | None = None) -> Execution:
    """Validate the control: execution, frozen body and delivered lines in one transaction.

    `vu` is the digest of the control that the person read (`Dossier.empreinte`): ControleChange
    when it is no longer this one. Raises ControleIncomplet when an answer is missing, VenteRefusee
    when the state forbids it, and nothing is written then. Source: ordonnance.md §5.3 (1).
    """
    check_droit(acteur, "ordonnance.executer")
    try:
        with transaction.atomic():
            numerique = locked(acteur, numerique_id)
            vente = _vente_locked(acteur, numerique)
            dossier = _dossier(numerique, vente)
            _check_paper(dossier)
            if vu is not None and vu != dossier.empreinte:
                raise ControleChange
            check_answers(acteur, dossier)
            return _write(acteur, dossier, vente)
    except IntegrityError as exc:
        raise VenteRefusee("Cette délivrance est déjà validée.", "ORD-012") from exc


def _vente_locked(acteur: Acteur, numerique: OrdonnanceNumerique) -> Vente:
    """Return the sale, locked: open on this poste; over when it was ended on paper."""
    vente_id = numerique.ordonnance.vente_id or 0
    if numerique.etat == "en_delivrance":
        return vente_locked(acteur, vente_id)
    if numerique.etat != "papier":
        raise VenteRefusee("Cette ordonnance n'est pas prête pour le contrôle.", "ORD-013")
    vente = Vente.objects.select_for_update(of=("self",), no_key=True).get(pk=vente_id)
    if vente.etat != Vente.Etat.TERMINEE:
        raise VenteRefusee("Terminez d'abord la vente : ses produits peuvent changer.", "ORD-021")
    return vente


def _dossier(numerique: OrdonnanceNumerique, vente: Vente) -> Dossier:
    dossier = dossier_of(numerique, vente)
    if dossier is None:
        raise VenteRefusee("Cette ordonnance n'est pas encore récupérée.", "ORD-006")
    return dossier


def _check_paper(dossier: Dossier) -> None:
    """What the counter could not check before delivering from the paper. Source: §2.7."""
    if dossier.numerique.etat != "papier":
        return
    if not is_executable(dossier.prescription.statut):
        raise VenteRefusee(
            f"Délivrance à risque : {statut_phrase(dossier.prescription)}. Rien n'est envoyé. "
            "Le titulaire décide : « Clore sans envoi », avec le motif.",
            "ORD-022",
        )
    if asks_renewal(dossier.prescription) and dossier.numerique.numero_delivrance is None:
        raise VenteRefusee("Donnez d'abord le numéro de renouvellement.", "ORD-025")


def check_answers(acteur: Acteur, dossier: Dossier) -> None:
    """Raise ControleIncomplet when an answer is missing."""
    manques = missing_answers(acteur, dossier)
    if manques:
        raise ControleIncomplet(manques)


def lines_to_send(dossier: Dossier) -> tuple[LigneAEnvoyer, ...]:
    """Return what goes out of a sale. VenteRefusee when it is nothing."""
    a_envoyer = build_lines(
        dossier.prescription,
        dossier.rattachements,
        dossier.ecarts,
        dossier.reponses,
        {p.pk: DetailBoite(p.lot, p.peremption, p.numero_serie) for p in dossier.produits},
        lambda: str(uuid4()),
    )
    if not a_envoyer:
        raise VenteRefusee("Rien n'est délivré ni refusé sur cette ordonnance.", "ORD-014")
    return a_envoyer


def _write(acteur: Acteur, dossier: Dossier, vente: Vente) -> Execution:
    numerique = dossier.numerique
    maintenant = timezone.now()
    verrouillage = _lock_of(numerique, maintenant)
    a_envoyer = lines_to_send(dossier)
    execution = _create_execution(acteur, dossier, vente, verrouillage, maintenant)
    copy_lines(execution, dossier, a_envoyer)
    _close_lines(acteur, execution, dossier, vente, maintenant)
    promise(acteur, dossier, execution, verrouillage, a_envoyer)
    if numerique.etat == "papier":
        move(numerique, "a_transmettre")
    else:
        move(numerique, "controlee", "a_transmettre")
        vente.etat = Vente.Etat.CONTROLEE
        vente.save(update_fields=["etat"])
    audit.note(acteur, "ordonnance.valider", f"on:{numerique.pk}", vente.patient_id)
    announce(numerique)
    return execution


def _lock_of(numerique: OrdonnanceNumerique, maintenant: datetime) -> Verrouillage:
    verrou = Verrou.objects.filter(numerique=numerique, expire_le__gt=maintenant).first()
    if verrou is None:
        return Verrouillage(str(uuid4()), "")
    return Verrouillage(verrou.id_execution, str(verrou.jeton))


def _create_execution(
    acteur: Acteur,
    dossier: Dossier,
    vente: Vente,
    verrouillage: Verrouillage,
    maintenant: datetime,
) -> Execution:
    papier = dossier.numerique.etat == "papier"
    return Execution.objects.create(
        officine_id=acteur.officine_id,
        uuid=verrouillage.ident,
        numerique=dossier.numerique,
        vente=vente,
        numero_delivrance=dossier.numerique.numero_delivrance or 0,
        date_delivrance=(vente.terminee_le or maintenant) if papier else maintenant,
        executant_rpps=executant_of(acteur).rpps,
        valide_par_id=acteur.operateur_id,
        controle_le=maintenant,
        mode=vente.phase,
        hors_ligne=verrouillage.hors_ligne,
        version_connue=dossier.prescription.version,
    )


def _accord(dossier: Dossier, cle: str) -> date | None:
    reponse = dossier.reponses.get(cle)
    return reponse.accord_date if reponse else None


def copy_lines(
    execution: Execution, dossier: Dossier, a_envoyer: tuple[LigneAEnvoyer, ...]
) -> None:
    """Freeze the lines that go out, the differences and what was answered."""
    officine_id = execution.officine_id
    maintenant = timezone.now()
    Ecart.objects.bulk_create(
        [
            Ecart(
                officine_id=officine_id,
                execution=execution,
                code=ecart.code,
                severite=ecart.severite,
                ligne=dossier.lignes.get(ecart.id_ligne or ""),
                parametres=ecart.parametres,
                motif=(dossier.reponses.get(ecart.cle) or ReponseEcart(ecart.regle.defaut)).motif,
                commentaire=(dossier.reponses.get(ecart.cle) or ReponseEcart()).commentaire,
                accord_obtenu=True if _accord(dossier, ecart.cle) else None,
                accord_date=_accord(dossier, ecart.cle),
                leve_par_id=execution.valide_par_id,
                leve_le=maintenant,
            )
            for ecart in dossier.ecarts
        ]
    )
    lignes = LigneExecutee.objects.bulk_create(
        [
            LigneExecutee(
                officine_id=officine_id,
                execution=execution,
                uuid=ligne.id,
                ligne=dossier.lignes.get(ligne.id_ligne),
                resultat=ligne.resultat,
                cis=ligne.produit.cis if ligne.produit else "",
                cip13=ligne.produit.cip13 if ligne.produit else "",
                lpp=ligne.produit.lpp if ligne.produit else "",
                libelle=ligne.produit.libelle if ligne.produit else "",
                quantite=ligne.quantite,
                lot=ligne.lot,
                peremption=ligne.peremption,
                numero_serie=ligne.numero_serie,
                rattachement=ligne.rattachement,
            )
            for ligne in a_envoyer
        ]
    )
    Intervention.objects.bulk_create(
        [
            Intervention(
                officine_id=officine_id,
                ligne_executee=copie,
                type_intervention=intervention.type,
                motif=intervention.motif,
                accord_obtenu=intervention.accord_obtenu,
                accord_date=intervention.accord_date,
                commentaire=intervention.commentaire,
            )
            for copie, ligne in zip(lignes, a_envoyer, strict=True)
            for intervention in ligne.interventions
        ]
    )


def _close_lines(
    acteur: Acteur, execution: Execution, dossier: Dossier, vente: Vente, maintenant: datetime
) -> None:
    """Tie the boxes of the sale to the prescription they were delivered for."""
    delivrance = Delivrance.objects.create(
        officine_id=acteur.officine_id,
        vente=vente,
        ordonnance_id=dossier.numerique.ordonnance_id,
        numero_delivrance=execution.numero_delivrance,
        validee_le=maintenant,
        validee_par_id=acteur.operateur_id,
    )
    par_boite = {r.boite.ident: r.id_ligne for r in dossier.rattachements}
    for produit in dossier.produits:
        produit.ligne_prescrite = dossier.lignes.get(par_boite.get(produit.pk) or "")
        produit.delivrance = delivrance
        if produit.ligne_prescrite is not None and produit.ligne_prescrite.ald:
            produit.exoneration = LigneDelivrance.Exoneration.ALD
    LigneDelivrance.objects.bulk_update(
        dossier.produits, ["ligne_prescrite", "delivrance", "exoneration"]
    )


def _is_confirmed(dossier: Dossier) -> bool:
    """Tell whether a person said that the beneficiary is the right one (R06)."""
    confirmee = dossier.numerique.patient_confirme_le is not None
    return confirmee or CLE_IDENTITE in dossier.reponses


def promise(
    acteur: Acteur,
    dossier: Dossier,
    execution: Execution,
    verrouillage: Verrouillage,
    lignes: tuple[LigneAEnvoyer, ...],
    rang: int = 1,
) -> None:
    """Enqueue the frozen body: if the sale commits, the sending exists. `rang`: the correction."""
    numerique = execution.numerique
    executant, signataire_id = executant_and_signatory(acteur)
    cle = f"exec:{execution.uuid}:{rang}"
    a_envoyer = ExecutionAEnvoyer(
        id=str(execution.uuid),
        cle=wire_key(cle),
        numero=numerique.numero,
        version_connue=execution.version_connue or 1,
        jeton=verrouillage.jeton,
        mode=execution.mode,
        hors_ligne=execution.hors_ligne,
        date_delivrance=timezone.localtime(execution.date_delivrance),
        numero_delivrance=execution.numero_delivrance,
        executant=executant,
        lignes=lignes,
        beneficiaire_confirme=_is_confirmed(dossier),
    )
    with within_contract():
        corps = corps_executer(a_envoyer)
    enqueue(acteur, _demande(execution, cle, corps, signataire_id))


def _demande(
    execution: Execution, cle: str, corps: bytes, signataire_id: int | None = None
) -> Demande:
    """One sending at a time per prescription, first in first out. Source: §5.3 (5)."""
    return Demande(
        "ordonnance.executer",
        f"exec:{execution.pk}",
        cle,
        corps,
        execution.vente_id,
        ordre=chiffre.empreinte("ordonnance", execution.numerique.numero)[:60],
        signataire_id=signataire_id,
    )


def _execution_locked(envoi: Envoi) -> Execution:
    return (
        Execution.objects.select_for_update(of=("self",), no_key=True)
        .select_related("numerique__ordonnance")
        .get(pk=int(envoi.sujet.removeprefix("exec:")))
    )


def follow(envoi: Envoi) -> None:
    """Carry the state of the sending to the execution and to the prescription, in words on screen.

    Source: design.md, « States of an Envoi » ; ordonnance.md §1.6.
    """
    execution = _execution_locked(envoi)
    if _is_superseded(envoi) or _resend_without_lock(envoi, execution):
        return
    etat = _ETATS[Envoi.Etat(envoi.etat)]
    if etat == "annulee" and execution.etat == "incertaine":
        # Given up in doubt: it may be recorded, so it still counts (§1.6). The queue keeps why.
        _tell(execution)
        return
    if etat == execution.etat:
        _tell(execution)
        return
    execution.etat = etat
    champs = ["etat"]
    if etat == "transmise":
        execution.accuse_le = envoi.regle_le
        champs.append("accuse_le")
    if etat == "annulee":
        execution.annulee_le = envoi.regle_le
        execution.motif_annulation = envoi.motif_abandon[:40]
        champs += ["annulee_le", "motif_annulation"]
    execution.save(update_fields=champs)
    numerique = execution.numerique
    numerique.dernier_code = envoi.dernier_code[:20]
    numerique.save(update_fields=["dernier_code"])
    if numerique.etat != etat:
        move(numerique, *_path(numerique.etat, etat))
    if envoi.dernier_code == "EPU-010" and etat == "a_corriger":
        read_again(envoi, numerique)
    _tell(execution)


def _is_superseded(envoi: Envoi) -> bool:
    """Tell whether a later sending of the same execution took over: this one moves nothing."""
    return Envoi.objects.filter(
        officine_id=envoi.officine_id, sujet=envoi.sujet, pk__gt=envoi.pk
    ).exists()


def _path(avant: str, apres: str) -> tuple[str, ...]:
    """Return the moves between two states: a doubt settled or a retry may need a step between."""
    if avant in {"a_corriger", "incertaine"} and apres in {"incertaine", "annulee", "transmise"}:
        return ("a_transmettre", apres)
    return (apres,)


def _tell(execution: Execution) -> None:
    announce(execution.numerique)
    flux.announce_entete(execution.officine_id)


def _resend_without_lock(envoi: Envoi, execution: Execution) -> bool:
    """EPU-009: the lock lapsed before the sending; send once more without it, under a new key."""
    if envoi.dernier_code != "EPU-009" or not envoi.cle.endswith(":1"):
        return False
    cle = envoi.cle.removesuffix(":1") + ":2"
    corps = corps_sans_verrou(bytes(envoi.corps or b""), wire_key(cle))
    acteur = Acteur(envoi.operateur_id, envoi.officine_id, "", envoi.poste_id)
    enqueue(acteur, _demande(execution, cle, corps, envoi.signataire_id))
    Envoi.objects.filter(pk=envoi.pk, etat=Envoi.Etat.REFUSE).update(
        etat=Envoi.Etat.ABANDONNE, motif_abandon="Réservation expirée : renvoyé sans elle"
    )
    execution.hors_ligne = True
    execution.save(update_fields=["hors_ligne"])
    _tell(execution)
    return True
