"""The control validated: execution, lines and boxes written in one transaction (§5.3)."""

from datetime import date, datetime
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from ordonnance.models import (
    Ecart,
    Execution,
    Intervention,
    LigneExecutee,
    OrdonnanceNumerique,
)
from ordonnance.rules.modele import LigneAEnvoyer
from ordonnance.rules.rapprochement import is_executable, statut_phrase
from ordonnance.rules.transmission import DetailBoite, ReponseEcart, build_lines
from ordonnance.selectors import Dossier, dossier_of
from ordonnance.services.commun import (
    announce,
    executant_of,
    locked,
    move,
)
from ordonnance.services.confirmation import asks_renewal
from ordonnance.services.validation.promesse import Verrouillage, lock_of, promise
from ordonnance.services.validation.reponses import ControleChange, check_answers
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Delivrance, LigneDelivrance, Vente
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked


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
    vente = Vente.objects.select_for_update(of=("self",), no_key=True).get(
        pk=vente_id, officine_id=acteur.officine_id
    )
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
    verrouillage = lock_of(numerique, maintenant)
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
