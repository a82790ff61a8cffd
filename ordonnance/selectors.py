"""Reads for the counter: one prescription with what the sale delivers of it, and its control."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.db.models import Prefetch, Q
from django.utils import timezone

from ordonnance.codec.reponse import parse_prescription
from ordonnance.models import (
    Execution,
    OrdonnanceNumerique,
    OrdonnanceVersion,
    SaisieControle,
    Verrou,
)
from ordonnance.rules.appariement import Boite, FaitsProduit, Rattachement, assign
from ordonnance.rules.controle import Ecart, Saisie, controle, not_checkable
from ordonnance.rules.modele import (
    Beneficiaire,
    ExecutionPassee,
    LignePassee,
    PrescriptionLue,
)
from ordonnance.rules.rapprochement import compare_beneficiaire
from ordonnance.rules.transmission import ReponseEcart
from pharmacy.acteurs import Acteur
from pharmacy.models import LigneDelivrance, LignePrescrite, Patient, Produit, Vente
from teleservices.models import Envoi

ACTIVES = ("lue", "recuperee", "confirmee", "en_delivrance", "controlee")
EN_COURS = ("recuperee", "confirmee", "en_delivrance")
# Nobody answered for it yet: no lock, no answer of a control, no execution of ours.
INTACTES = ("lue", "recuperee")
# The counter gives up a reading after 45 s (CTR-07); it waits longer for a card to be inserted.
BUDGET_S, CARTE_S = 45, 900


@dataclass(frozen=True)
class Dossier:
    """A prescription in a sale: what was prescribed, what is delivered, what differs."""

    numerique: OrdonnanceNumerique
    prescription: PrescriptionLue = field(repr=False)
    produits: tuple[LigneDelivrance, ...] = field(repr=False)
    rattachements: tuple[Rattachement, ...] = field(repr=False)
    ecarts: tuple[Ecart, ...]
    non_verifiables: tuple[str, ...]
    reponses: dict[str, ReponseEcart] = field(repr=False)
    identite: str
    executions: tuple[ExecutionPassee, ...] = field(repr=False)

    @cached_property
    def lignes(self) -> dict[str, LignePrescrite]:
        """The rows of the prescribed lines, by national id; read when an execution is written."""
        lignes = LignePrescrite.objects.filter(
            officine_id=self.numerique.officine_id, ordonnance_id=self.numerique.ordonnance_id
        )
        return {ligne.id_national: ligne for ligne in lignes}

    @property
    def empreinte(self) -> str:
        """Digest of what the control shows: another box, line or difference makes another."""
        vu = (
            self.numerique.numero_delivrance,
            [(r.boite.ident, r.boite.quantite, r.id_ligne, r.rang) for r in self.rattachements],
            [(e.cle, e.severite, e.phrase) for e in self.ecarts],
        )
        return hashlib.sha256(repr(vu).encode()).hexdigest()[:16]

    def servies(self, id_ligne: str) -> list[Rattachement]:
        """Return the boxes attached to a line."""
        return [r for r in self.rattachements if r.id_ligne == id_ligne]


def numerique_of_vente(vente: Vente) -> OrdonnanceNumerique | None:
    """Return the numeric prescription of a sale (the last one that is not cancelled)."""
    return (
        OrdonnanceNumerique.objects.filter(
            officine_id=vente.officine_id, ordonnance__vente_id=vente.pk
        )
        .exclude(etat="annulee")
        .select_related("ordonnance", "ordonnance__prescripteur")
        .order_by("-pk")
        .first()
    )


def numerique_get(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique | None:
    """Return a numeric prescription of the actor's officine."""
    return (
        OrdonnanceNumerique.objects.filter(pk=numerique_id, officine_id=acteur.officine_id)
        .select_related("ordonnance__vente__patient", "ordonnance__prescripteur")
        .first()
    )


def prescription_of(numerique: OrdonnanceNumerique) -> PrescriptionLue | None:
    """Return the last content received, read again from its bytes; None before the first reply."""
    version = (
        OrdonnanceVersion.objects.filter(officine_id=numerique.officine_id, numerique=numerique)
        .order_by("-pk")
        .only("contenu")
        .first()
    )
    return parse_prescription(bytes(version.contenu)) if version is not None else None


def build_beneficiaire(patient: Patient | None) -> Beneficiaire | None:
    """Return the patient of the sale as the service compares it: the matricule only if qualified.

    Source: ordonnance.md §2.5; ins.md §2.1, « Gate table ».
    """
    if patient is None:
        return None
    qualifiee = patient.statut == Patient.Statut.QUAL
    naissance = patient.date_naissance.isoformat() if patient.date_naissance else ""
    matricule = str(patient.ins_matricule or "") if qualifiee else ""
    return Beneficiaire(
        nom=patient.nom_naissance,
        prenoms=patient.prenoms_naissance or patient.premier_prenom,
        sexe=patient.sexe,
        naissance=naissance,
        matricule=matricule[:13],
        cle=matricule[13:15],
        oid=patient.ins_oid if qualifiee else "",
        nom_utilise=patient.nom_utilise,
    )


def beneficiaire_to_send(patient: Patient | None) -> Beneficiaire | None:
    """Return whom a consultation names; nobody while the identity is doubtful or fictive.

    Source: ins.md §2.2, §2.5 (T17).
    """
    if patient is None or patient.attr_douteux or patient.attr_fictif:
        return None
    return build_beneficiaire(patient)


def compare_patient(patient: Patient | None, prescription: PrescriptionLue) -> str:
    """Return how the patient of the sale compares with the beneficiary of the prescription."""
    return compare_beneficiaire(build_beneficiaire(patient), prescription.beneficiaire)


def faits_of(produit: Produit | None, ligne: LigneDelivrance | None = None) -> FaitsProduit:
    """Return what the rules need of a product; only its label when the base ignores it."""
    if produit is None:
        return FaitsProduit(
            cip13=ligne.cip13 if ligne else "",
            lpp=ligne.lpp if ligne else "",
            libelle=ligne.libelle if ligne else "",
        )
    return FaitsProduit(
        cip13=produit.cip13,
        cis=produit.cis,
        libelle=produit.libelle,
        substances=tuple((str(nom), str(dose)) for nom, dose in produit.substances),
        forme=produit.forme,
        groupes=tuple((str(groupe), int(genre)) for groupe, genre in produit.groupes),
        liste=produit.liste,
        unites=produit.unites,
    )


def dossier_of(numerique: OrdonnanceNumerique, vente: Vente) -> Dossier | None:
    """Return the prescription with the boxes of the sale attached and its control computed.

    The patient is compared anew: the one confirmed may have changed.
    Seven queries at most, whatever the number of lines.
    """
    prescription = prescription_of(numerique)
    if prescription is None:
        return None
    servis = tuple(
        LigneDelivrance.objects.filter(
            officine_id=vente.officine_id, vente=vente, annulee=False
        ).order_by("pk")
    )
    par_cip, par_cis = _produits(prescription, servis)
    boites = tuple(_boite(item, par_cip) for item in servis)
    prescrits = {
        ligne.id: faits_of(par_cip.get(ligne.produit.cip13) or par_cis.get(ligne.produit.cis))
        for ligne in prescription.lignes
    }
    rattachements = assign(prescription.lignes, prescrits, boites)
    identite = compare_patient(vente.patient, prescription)
    executions = executions_known(numerique, prescription)
    saisie = Saisie(
        rattachements=rattachements,
        identite=identite,
        numero_delivrance=numerique.numero_delivrance or 0,
        patient=_patient_words(vente.patient),
    )
    return Dossier(
        numerique=numerique,
        prescription=prescription,
        produits=servis,
        rattachements=rattachements,
        ecarts=controle(prescription, executions, saisie, prescrits),
        non_verifiables=not_checkable(prescription, saisie, prescrits),
        reponses={} if numerique.etat in INTACTES else reponses_of(numerique),
        identite=identite,
        executions=executions,
    )


def executions_known(
    numerique: OrdonnanceNumerique, prescription: PrescriptionLue
) -> tuple[ExecutionPassee, ...]:
    """Return what the service knows, plus our own executions it has not acknowledged yet.

    Two counters of one officine never deliver the same box twice while the network is down.
    Source: ordonnance.md §5.3 (7).
    """
    connues = {execution.id.lower() for execution in prescription.executions}
    notres = (
        Execution.objects.filter(
            officine_id=numerique.officine_id,
            numerique__numero=numerique.numero,
            etat__in=["a_transmettre", "incertaine", "a_corriger"],
            annulee_le=None,
        )
        .exclude(numerique=numerique)
        .prefetch_related("lignes__ligne")
    )
    ajoutees = tuple(
        ExecutionPassee(
            id=str(execution.uuid),
            date=execution.date_delivrance,
            finess="",
            numero_delivrance=execution.numero_delivrance,
            annulee=False,
            lignes=tuple(
                LignePassee(ligne.ligne.id_national, ligne.resultat, ligne.quantite)
                for ligne in execution.lignes.all()
                if ligne.ligne is not None
            ),
        )
        for execution in notres
        if str(execution.uuid) not in connues
    )
    return prescription.executions + ajoutees


def _patient_words(patient: Patient | None) -> str:
    if patient is None:
        return "ce patient"
    return f"{patient.nom_utilise or patient.nom_naissance} {patient.premier_prenom}".strip()


def _produits(
    prescription: PrescriptionLue, servis: tuple[LigneDelivrance, ...]
) -> tuple[dict[str, Produit], dict[str, Produit]]:
    """Return the products of both sides in one query, by CIP13 and by CIS."""
    cips = {item.cip13 for item in servis if item.cip13}
    cips |= {ligne.produit.cip13 for ligne in prescription.lignes if ligne.produit.cip13}
    cis = {ligne.produit.cis for ligne in prescription.lignes if ligne.produit.cis}
    trouves = list(Produit.objects.filter(Q(pk__in=cips) | Q(cis__in=cis)).order_by("pk"))
    return {p.cip13: p for p in trouves}, {p.cis: p for p in reversed(trouves)}


def _boite(item: LigneDelivrance, par_cip: dict[str, Produit]) -> Boite:
    return Boite(
        ident=item.pk,
        faits=faits_of(par_cip.get(item.cip13), item),
        quantite=item.quantite,
        ligne=item.ligne_nationale or None if item.rattachement_manuel else None,
        manuelle=item.rattachement_manuel,
    )


def reponses_of(numerique: OrdonnanceNumerique) -> dict[str, ReponseEcart]:
    """Return the answers given so far in the control window."""
    return {
        saisie.cle: ReponseEcart(saisie.motif, saisie.accord_date, str(saisie.commentaire or ""))
        for saisie in SaisieControle.objects.filter(
            officine_id=numerique.officine_id, numerique=numerique
        )
    }


def is_late(envoi: Envoi, budget_s: int = BUDGET_S) -> bool:
    """Tell whether the counter gave up a reading; a signature starts the clock again."""
    return age_s(envoi) > budget_s


def age_s(envoi: Envoi) -> float:
    """Return for how long a reading may have gone."""
    return (timezone.now() - (envoi.libere_le or envoi.cree_le)).total_seconds()


def last_call(numerique: OrdonnanceNumerique) -> Envoi | None:
    """Return the last consultation of this prescription."""
    return (
        Envoi.objects.filter(
            officine_id=numerique.officine_id,
            operation__in=["ordonnance.consulter", "ordonnance.regulariser"],
            sujet=f"on:{numerique.pk}",
        )
        .order_by("-pk")
        .first()
    )


def verrou_of(numerique: OrdonnanceNumerique) -> Verrou | None:
    """Return the lock we hold on this prescription, in force or not."""
    return Verrou.objects.filter(officine_id=numerique.officine_id, numerique=numerique).first()


def execution_of(numerique: OrdonnanceNumerique) -> Execution | None:
    """Return our last execution of this prescription."""
    return numerique.executions.order_by("-pk").first()


@dataclass(frozen=True)
class ARegulariser:
    """A sale ended on paper, whose prescription is now readable (or still awaited)."""

    numerique: OrdonnanceNumerique
    envoi: Envoi | None
    depuis: datetime


def to_regularise(acteur: Acteur) -> list[ARegulariser]:
    """Return the paper deliveries to be completed, oldest first, in two queries."""
    lignes = list(
        OrdonnanceNumerique.objects.filter(officine_id=acteur.officine_id, etat="papier")
        .select_related("ordonnance__vente__patient")
        .prefetch_related(Prefetch("versions", OrdonnanceVersion.objects.only("pk", "numerique")))
        .order_by("pk")[:100]
    )
    envois = {
        envoi.sujet: envoi
        for envoi in Envoi.objects.filter(
            officine_id=acteur.officine_id,
            operation="ordonnance.regulariser",
            sujet__in=[f"on:{ligne.pk}" for ligne in lignes],
        ).order_by("pk")
    }
    return [ARegulariser(ligne, envois.get(f"on:{ligne.pk}"), ligne.lue_le) for ligne in lignes]
