"""The sale: open, patient, lines, hold, end. It belongs to the officine and the poste."""

from dataclasses import dataclass, field
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from pharmacy import audit, flux, parametres
from pharmacy.acteurs import FERMER, SANS_VENTE, Acteur, peut
from pharmacy.events import (
    AbandonDemande,
    PatientChoisi,
    VenteAbandonnee,
    VenteTerminee,
    publish,
)
from pharmacy.models import (
    Delivrance,
    LigneDelivrance,
    Ordonnance,
    Patient,
    Prescripteur,
    Produit,
    Stock,
    Vente,
)
from pharmacy.verrous import row_locked


class VenteRefusee(Exception):
    """An act that the sale does not allow now; `phrase` is for the screen."""

    def __init__(self, phrase: str, code: str = "VTE-001") -> None:
        super().__init__(code)
        self.phrase = phrase
        self.code = code


@dataclass(frozen=True)
class Boite:
    """A product as scanned or chosen."""

    cip13: str = ""
    lpp: str = ""
    libelle: str = ""
    lot: str = ""
    peremption: date | None = None
    numero_serie: str = ""
    quantite: int = 1


def check_droit(acteur: Acteur, droit: str, objet: Vente | Patient | None = None) -> None:
    """Raise PermissionError with the sentence when `acteur` may not."""
    decision = peut(acteur, droit, objet)
    if not decision.ok:
        raise PermissionError(decision.phrase)


def vente_current(acteur: Acteur) -> Vente | None:
    """Return the sale under way on the actor's poste."""
    if acteur.poste_id is None:
        return None
    return (
        Vente.objects.filter(
            officine_id=acteur.officine_id,
            poste_id=acteur.poste_id,
            etat__in=[Vente.Etat.OUVERTE, Vente.Etat.CONTROLEE],
        )
        .select_related("patient", "prescripteur")
        .first()
    )


def vente_elsewhere(acteur: Acteur) -> list[Vente]:
    """Return the sales under way on the other postes of the officine."""
    return list(
        Vente.objects.filter(
            officine_id=acteur.officine_id, etat__in=[Vente.Etat.OUVERTE, Vente.Etat.CONTROLEE]
        )
        .exclude(poste_id=acteur.poste_id or 0)
        .select_related("patient", "ouverte_par", "tenue_par", "poste")
        .order_by("-ouverte_le")[:20]
    )


def vente_open(acteur: Acteur) -> Vente:
    """Return the sale under way on the poste, or a new one with today's phase."""
    check_droit(acteur, "vente")
    en_cours = vente_current(acteur)
    if en_cours is not None:
        return en_cours
    try:
        with transaction.atomic():
            vente = Vente.objects.create(
                officine_id=acteur.officine_id,
                poste_id=acteur.poste_id,
                ouverte_par_id=acteur.operateur_id,
                tenue_par_id=acteur.operateur_id,
                phase=str(parametres.valeur(acteur.officine_id, "ordonnance.phase")),
            )
            audit.note(acteur, "vente.ouvrir", f"vente:{vente.pk}")
    except IntegrityError:
        # Two tabs of one poste opened at once: the other one won.
        autre = vente_current(acteur)
        if autre is None:
            raise
        return autre
    return vente


def vente_locked(acteur: Acteur, vente_id: int) -> Vente:
    """Return the sale of this poste, locked for a change.

    VenteRefusee when it is over, put aside, or under way on another poste: it is then taken over
    by one key (`vente_resume`), never changed by two counters. Source: design.md, « A sale ».
    """
    if acteur.administre:
        raise VenteRefusee(f"{SANS_VENTE} {FERMER}", "ADM-002")
    vente = _locked(acteur, vente_id)
    if vente.etat == Vente.Etat.EN_ATTENTE:
        raise VenteRefusee("Cette vente est en attente. Reprenez-la ici (² K).", "VTE-011")
    if vente.poste_id != acteur.poste_id:
        raise VenteRefusee(
            f"Cette vente est tenue {vente_held_by(vente)}. Reprenez-la ici (² K).", "VTE-010"
        )
    return vente


def vente_held_by(vente: Vente) -> str:
    """Return where a sale is under way and who holds it: « au Comptoir 2, par A. MARTIN »."""
    ou = f"au {vente.poste.libelle}" if vente.poste else "ailleurs"
    return f"{ou}, par {(vente.tenue_par or vente.ouverte_par).nom_court}"


def _locked(acteur: Acteur, vente_id: int) -> Vente:
    siennes = Vente.objects.filter(officine_id=acteur.officine_id)
    return _alive(row_locked(siennes, vente_id))


def _alive(vente: Vente | None) -> Vente:
    """Return a sale that may change; VenteRefusee for none of the officine, or one that is over."""
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    if vente.est_finie:
        raise VenteRefusee("Cette vente est terminée. Ouvrez-en une nouvelle.", "VTE-002")
    return vente


def patient_choose(acteur: Acteur, vente_id: int, patient: Patient, moyen: str) -> Vente:
    """Put a patient in the sale and announce it (INSi is called from there).

    A card left in the reader stays its own person's, whoever is served (design.md, « A sale »).
    VenteRefusee when an Ordonnance Numérique of another patient is already confirmed in it.
    """
    check_droit(acteur, "patient.lire", patient)
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        if vente.etat != Vente.Etat.OUVERTE:
            raise VenteRefusee("Le contrôle est validé : le patient ne change plus.", "VTE-003")
        _check_anonymity(vente, patient)
        vente.patient = patient
        if moyen == "vitale":
            vente.carte_presente, vente.carte_de = True, patient
        vente.version += 1
        vente.save(update_fields=["patient", "carte_presente", "carte_de", "version"])
        audit.note(acteur, "patient.ouvrir", f"vente:{vente.pk}", patient)
        publish(PatientChoisi(acteur, vente.pk, patient.pk, moyen))
        flux.ring_vente(
            acteur.officine_id, vente.pk, "bandeau", "lignes", "identite", "droits", "ordonnance"
        )
    return vente


def _check_anonymity(vente: Vente, patient: Patient) -> None:
    """Keep someone anonymous by law out of a sale that speaks to a national service (INS-20)."""
    numeriques = vente.ordonnances.filter(origine=Ordonnance.Origine.NUMERIQUE)
    if patient.etat_identite.anonyme and numeriques.exists():
        raise VenteRefusee(
            "Une Ordonnance Numérique est dans cette vente : ouvrez-en une autre pour une personne "
            "anonyme.",
            "VTE-013",
        )


@dataclass(frozen=True)
class PrescripteurSaisi:
    """A prescriber as typed by hand."""

    nom: str = field(repr=False)
    prenom: str = field(default="", repr=False)
    rpps: str = ""


def prescription_set(
    acteur: Acteur, vente_id: int, jour: date, prescripteur: PrescripteurSaisi | None
) -> Vente:
    """Keep the date and the prescriber typed by hand; without a prescriber, the date alone.

    VenteRefusee once the control is validated. Source: ordonnance.md §4.1 (2); ORD-01.
    """
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        if vente.etat != Vente.Etat.OUVERTE:
            raise VenteRefusee("Le contrôle est validé. Échap revient aux produits.", "VTE-003")
        vente.date_prescription = jour
        if prescripteur is not None:
            vente.prescripteur = _prescriber(acteur.officine_id, prescripteur)
        vente.save(update_fields=["date_prescription", "prescripteur"])
        _touch_lines(acteur, vente)
        audit.note(acteur, "vente.prescription", f"vente:{vente.pk}", vente.patient_id)
    return vente


def _prescriber(officine_id: int, saisi: PrescripteurSaisi) -> Prescripteur:
    """Return the prescriber known by its RPPS, else by its name, else a new one."""
    connus = Prescripteur.objects.filter(officine_id=officine_id)
    if saisi.rpps:
        connu = connus.filter(rpps=saisi.rpps).first()
    else:
        connu = connus.filter(nom__iexact=saisi.nom, prenom__iexact=saisi.prenom).first()
    return connu or Prescripteur.objects.create(
        officine_id=officine_id, nom=saisi.nom, prenom=saisi.prenom, rpps=saisi.rpps
    )


def ligne_add(acteur: Acteur, vente_id: int, boite: Boite) -> LigneDelivrance:
    """Add a box; the same pack without serial number adds one to its row.

    Raises VenteRefusee for a box already in this sale, already delivered, or out of date.
    """
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        _check_boite(vente, boite)
        ligne = _same_row(vente, boite)
        if ligne is not None:
            ligne.quantite += boite.quantite
            ligne.save(update_fields=["quantite"])
        else:
            ligne = _create_row(vente, boite)
        _touch_lines(acteur, vente)
        audit.note(acteur, "vente.produit", f"ligne:{ligne.pk}", vente.patient_id)
    return ligne


def _check_boite(vente: Vente, boite: Boite) -> None:
    if vente.etat != Vente.Etat.OUVERTE:
        raise VenteRefusee("Le contrôle est validé. Échap revient aux produits.", "VTE-003")
    if boite.peremption and boite.peremption < timezone.localdate():
        raise VenteRefusee(
            f"Boîte périmée ({boite.peremption:%d/%m/%Y}). Prenez-en une autre.", "VTE-P05"
        )
    if not boite.numero_serie:
        return
    memes = LigneDelivrance.objects.filter(
        officine_id=vente.officine_id,
        cip13=boite.cip13,
        numero_serie=boite.numero_serie,
        annulee=False,
    )
    if memes.filter(vente=vente).exists():
        raise VenteRefusee("Cette boîte est déjà dans la vente (même numéro de série).", "VTE-P06")
    if memes.filter(livree=True).exists():
        raise VenteRefusee("Cette boîte est déjà délivrée (même numéro de série).", "VTE-P06")


def _same_row(vente: Vente, boite: Boite) -> LigneDelivrance | None:
    if boite.numero_serie or not boite.cip13:
        return None
    return vente.lignes.filter(
        cip13=boite.cip13, lot=boite.lot, numero_serie="", annulee=False
    ).first()


def _create_row(vente: Vente, boite: Boite) -> LigneDelivrance:
    produit = Produit.objects.filter(pk=boite.cip13).first() if boite.cip13 else None
    return LigneDelivrance.objects.create(
        officine_id=vente.officine_id,
        vente=vente,
        cip13=boite.cip13,
        cis=produit.cis if produit else "",
        lpp=boite.lpp,
        libelle=produit.libelle if produit else boite.libelle or f"Produit inconnu ({boite.cip13})",
        quantite=boite.quantite,
        lot=boite.lot,
        peremption=boite.peremption,
        numero_serie=boite.numero_serie,
        prix_centimes=produit.prix_centimes if produit else None,
    )


def _touch_lines(acteur: Acteur, vente: Vente) -> None:
    flux.announce_vente(acteur.officine_id, vente.pk, "lignes", "ordonnance")


def ligne_change(acteur: Acteur, vente_id: int, ligne_id: int, quantite: int) -> LigneDelivrance:
    """Set the number of boxes of a row; zero takes the row out (undone by `ligne_restore`)."""
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        if vente.etat != Vente.Etat.OUVERTE:
            raise VenteRefusee("Le contrôle est validé. Échap revient aux produits.", "VTE-003")
        ligne = vente.lignes.filter(pk=ligne_id).first()
        if ligne is None:
            raise VenteRefusee("Cette ligne n'est plus dans la vente.", "VTE-404")
        if not 0 <= quantite <= 99:
            raise VenteRefusee("Donnez une quantité entre 1 et 99.", "VTE-004")
        ligne.annulee = quantite == 0
        ligne.quantite = quantite or ligne.quantite
        ligne.save(update_fields=["quantite", "annulee"])
        _touch_lines(acteur, vente)
        audit.note(acteur, "vente.ligne", f"ligne:{ligne.pk}", vente.patient_id)
    return ligne


def ligne_exonerate(
    acteur: Acteur, vente_id: int, ligne_id: int, exoneration: str
) -> LigneDelivrance:
    """Change the exoneration proposed for a product (design.md, « A sale »), until the end.

    VenteRefusee for a product that is gone, or an exoneration that does not exist.
    """
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        ligne = vente.lignes.filter(pk=ligne_id, annulee=False).first()
        if ligne is None:
            raise VenteRefusee("Cette ligne n'est plus dans la vente.", "VTE-404")
        if exoneration not in LigneDelivrance.Exoneration.values:
            raise VenteRefusee("Cette exonération n'existe pas.", "VTE-012")
        ligne.exoneration = exoneration
        ligne.save(update_fields=["exoneration"])
        _touch_lines(acteur, vente)
        audit.note(
            acteur, "vente.exoneration", f"ligne:{ligne.pk}", vente.patient_id, exoneration or "non"
        )
    return ligne


def vente_terminate(acteur: Acteur, vente_id: int) -> Vente:
    """End the sale: boxes leave the stock, the sale is closed for good.

    VenteRefusee when nothing was entered, or when a control is still due (asked by the caller).
    """
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        lignes = list(vente.lignes.filter(annulee=False))
        if not lignes and not vente.ordonnances.exists():
            raise VenteRefusee(
                "Rien n'est saisi : scannez un produit, ou F3 pour une ordonnance.", "VTE-005"
            )
        _deliver(vente, lignes)
        vente.etat = Vente.Etat.TERMINEE
        vente.terminee_le = timezone.now()
        vente.terminee_par_id = acteur.operateur_id
        vente.save(update_fields=["etat", "terminee_le", "terminee_par"])
        audit.note(acteur, "vente.terminer", f"vente:{vente.pk}", vente.patient_id)
        publish(VenteTerminee(acteur, vente.pk))
        # After the commit: the sale is locked here, and a settling locks the file before the sale.
        transaction.on_commit(lambda: _note_visit(vente))
    return vente


def _note_visit(vente: Vente) -> None:
    """Keep on the file the day of the last sale (a column of the search, ins.md §2.9)."""
    if vente.patient_id is not None:
        Patient.objects.filter(pk=vente.patient_id, officine_id=vente.officine_id).update(
            vu_le=timezone.localdate()
        )


def _deliver(vente: Vente, lignes: list[LigneDelivrance]) -> None:
    """Mark the boxes delivered and decrement the stock, products in order (no deadlock)."""
    sans = [ligne for ligne in lignes if ligne.delivrance_id is None]
    if sans:
        delivrance = Delivrance.objects.create(officine_id=vente.officine_id, vente=vente)
        for ligne in sans:
            ligne.delivrance = delivrance
    try:
        with transaction.atomic():
            for ligne in lignes:
                ligne.livree = True
            LigneDelivrance.objects.bulk_update(lignes, ["livree", "delivrance"])
    except IntegrityError as exc:
        raise VenteRefusee(
            "Une boîte est déjà délivrée (même numéro de série).", "VTE-P06"
        ) from exc
    total: dict[str, int] = {}
    for ligne in lignes:
        if ligne.cip13:
            total[ligne.cip13] = total.get(ligne.cip13, 0) + ligne.quantite
    for cip13 in sorted(total):
        Stock.objects.filter(officine_id=vente.officine_id, cip13=cip13).update(
            quantite=F("quantite") - total[cip13]
        )


def vente_hold(acteur: Acteur, vente_id: int) -> Vente:
    """Put the sale aside: any poste of the officine may resume it."""
    check_droit(acteur, "vente")
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        vente.etat = Vente.Etat.EN_ATTENTE
        vente.carte_presente = False
        vente.save(update_fields=["etat", "carte_presente"])
        audit.note(acteur, "vente.attente", f"vente:{vente.pk}", vente.patient_id)
    return vente


def vente_resume(acteur: Acteur, vente_id: int) -> Vente:
    """Bring a sale to this poste, held or under way elsewhere; the one here is held first.

    The page it leaves is told at once. VenteRefusee when another sale was opened here meanwhile.
    """
    check_droit(acteur, "vente")
    try:
        with transaction.atomic():
            laissee, vente = _both_locked(acteur, vente_id)
            if laissee is not None:
                _park(acteur, laissee)
            return _take(acteur, vente)
    except IntegrityError as exc:
        raise VenteRefusee(
            "Une vente vient de s'ouvrir sur ce poste. Relisez l'écran, puis reprenez.", "VTE-014"
        ) from exc


def _both_locked(acteur: Acteur, vente_id: int) -> tuple[Vente | None, Vente]:
    """Return the sale that leaves this poste, if one does, and the one that comes to it.

    Locked lower id first: two counters that take each other's sale never wait for each other. A
    sale that another counter took meanwhile is no longer ours to put aside.
    """
    courante = vente_current(acteur)
    voulues = {vente_id} if courante is None else {vente_id, courante.pk}
    tenues = {
        vente.pk: vente
        for vente in Vente.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=voulues, officine_id=acteur.officine_id)
        .order_by("pk")
    }
    vente = _alive(tenues.pop(vente_id, None))
    laissees = [v for v in tenues.values() if v.poste_id == acteur.poste_id and not v.est_finie]
    return (laissees[0] if laissees else None), vente


def _take(acteur: Acteur, vente: Vente) -> Vente:
    """Make a sale, locked, the one of this poste; its page elsewhere is told."""
    controle_fait = vente.delivrances.filter(validee_le__isnull=False).exists()
    vente.etat = Vente.Etat.CONTROLEE if controle_fait else Vente.Etat.OUVERTE
    if vente.poste_id != acteur.poste_id:
        vente.carte_presente = False
    vente.poste_id = acteur.poste_id
    vente.tenue_par_id = acteur.operateur_id
    vente.save(update_fields=["etat", "poste", "tenue_par", "carte_presente"])
    audit.note(acteur, "vente.reprendre", f"vente:{vente.pk}", vente.patient_id)
    flux.announce_vente(acteur.officine_id, vente.pk, "bandeau")
    return vente


def _park(acteur: Acteur, vente: Vente) -> None:
    """Hold a sale that has something in it; an empty one is cancelled, and said so."""
    pleine = (
        vente.patient_id is not None
        or vente.lignes.filter(annulee=False).exists()
        or vente.ordonnances.exists()
    )
    vente.etat = Vente.Etat.EN_ATTENTE if pleine else Vente.Etat.ANNULEE
    vente.carte_presente = False
    vente.save(update_fields=["etat", "carte_presente"])
    acte = "vente.attente" if pleine else "vente.annuler"
    audit.note(acteur, acte, f"vente:{vente.pk}", vente.patient_id)
    if not pleine:
        publish(VenteAbandonnee(acteur, vente.pk))


def vente_cancel(acteur: Acteur, vente_id: int) -> Vente:
    """Abandon the sale: nothing stays reserved on the national side.

    VenteRefusee once a control was validated: the execution is promised, it must be cancelled.
    """
    check_droit(acteur, "vente")
    with transaction.atomic():
        publish(AbandonDemande(acteur, vente_id))
        vente = _locked(acteur, vente_id)
        if vente.etat != Vente.Etat.EN_ATTENTE:
            vente = vente_locked(acteur, vente_id)
        if vente.delivrances.filter(validee_le__isnull=False).exists():
            raise VenteRefusee(
                "L'exécution est déjà validée. Terminez la vente, puis annulez l'exécution.",
                "VTE-006",
            )
        vente.etat = Vente.Etat.ANNULEE
        vente.save(update_fields=["etat"])
        audit.note(acteur, "vente.annuler", f"vente:{vente.pk}", vente.patient_id)
        publish(VenteAbandonnee(acteur, vente.pk))
    return vente
