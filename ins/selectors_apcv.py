"""Reads of the appli carte Vitale and of the rights, for the counter."""

from dataclasses import dataclass, field
from datetime import date

from django.utils import timezone

from ins.codec.apcv import BeneficiaireApcv, ContexteLu, InsApcv, parse_contexte
from ins.models import ContexteApcv, DroitsAssure
from ins.rules.apcv import DossierVise, judge_apcv
from ins.rules.traits import TraitsStricts, default_first_name, diff
from ins.selectors import empreintes_of, traits_of
from pharmacy.models import Patient, Vente
from pharmacy.services.patient import PorteurCarte, Traits, is_same_person, patient_same

# Seconds after which the counter is told that no answer came (ux.md, five faces of a panel).
BUDGET_S = 45


@dataclass(frozen=True)
class Situation:
    """A beneficiary chosen, the file they fall on, and what the rules say of both."""

    beneficiaire: BeneficiaireApcv = field(repr=False)
    porteur: PorteurCarte = field(repr=False)
    dossier: Patient | None
    issue: str
    local: TraitsStricts | None = field(repr=False)
    recu: TraitsStricts | None = field(repr=False)
    ecarts: tuple[str, ...] = ()
    # The person already in the sale, when it is somebody else.
    autre: Patient | None = None

    @property
    def a_confirmer(self) -> bool:
        """Whether a person must look before anything is written."""
        return self.autre is not None or self.issue in {"comparer", "bloquer", "alerter"}


def contexte_current(vente: Vente) -> ContexteApcv | None:
    """Return the last presentation in a sale, with its row of the outbox."""
    return (
        ContexteApcv.objects.filter(officine_id=vente.officine_id, vente=vente)
        .exclude(etat=ContexteApcv.Etat.CLOS)
        .select_related("envoi", "patient")
        .order_by("-pk")
        .first()
    )


def contexte_get(officine_id: int, vente_id: int, contexte_id: int) -> ContexteApcv | None:
    """Return one presentation of a sale of the officine."""
    return ContexteApcv.objects.filter(
        officine_id=officine_id, vente_id=vente_id, pk=contexte_id
    ).first()


def is_over(contexte: ContexteApcv) -> bool:
    """Tell whether a context has no validity left."""
    return contexte.expire_le is None or contexte.expire_le <= timezone.now()


def persons_of(contexte: ContexteApcv, environnement: str) -> ContexteLu | None:
    """Return the persons read, while one is still to be chosen; None afterwards."""
    if contexte.donnees is None or contexte.etat != ContexteApcv.Etat.A_CHOISIR:
        return None
    return parse_contexte(bytes(contexte.donnees), environnement)


def porteur_of(lu: ContexteLu, beneficiaire: BeneficiaireApcv) -> PorteurCarte:
    """Return the billing identity, as the plastic card gives it: one file whichever is shown."""
    ins = beneficiaire.ins
    brut = beneficiaire.naissance
    try:
        jour: date | None = date(int(brut[:4]), int(brut[4:6]), int(brut[6:]))
    except ValueError:
        jour = ins.traits.date_naissance if ins is not None else None
    return PorteurCarte(
        nir_assure=lu.nir_assure,
        nir_certifie=beneficiaire.nir_certifie,
        naissance=brut,
        rang_gemellaire=beneficiaire.rang,
        qualite=beneficiaire.qualite,
        nom_usuel=beneficiaire.nom_usuel,
        nom_patronymique=ins.traits.nom_naissance if ins else beneficiaire.nom_patronymique,
        prenom=ins.traits.premier_prenom if ins else beneficiaire.prenom,
        date_naissance=jour,
    )


def situation_of(vente: Vente, lu: ContexteLu, beneficiaire: BeneficiaireApcv) -> Situation:
    """Return what choosing this person would do to this sale. Nothing is written."""
    porteur = porteur_of(lu, beneficiaire)
    ins = beneficiaire.ins
    dossier = _file_of(vente, porteur, ins)
    local = traits_of(dossier) if dossier is not None else None
    recu = traits_received(ins, dossier) if ins is not None else None
    ecarts = diff(local, recu) if local is not None and recu is not None else ()
    vise = None
    if dossier is not None:
        vise = DossierVise(str(dossier.ins_matricule), dossier.attr_douteux)
    present = vente.patient
    return Situation(
        beneficiaire=beneficiaire,
        porteur=porteur,
        dossier=dossier,
        issue=judge_apcv(vise, ins.matricule if ins else "", ecarts),
        local=local,
        recu=recu,
        ecarts=ecarts,
        autre=present if present is not None and present != dossier else None,
    )


def traits_received(ins: InsApcv, dossier: Patient | None) -> TraitsStricts:
    """Return the strict traits given, keeping a first name of the file that agrees with them."""
    if dossier is None:
        return ins.traits
    premier = ins.traits.premier_prenom
    if dossier.premier_prenom:
        garde = default_first_name(ins.traits.prenoms_naissance, dossier.premier_prenom)
        premier = garde if garde == dossier.premier_prenom else premier
    return TraitsStricts(
        nom_naissance=ins.traits.nom_naissance,
        prenoms_naissance=ins.traits.prenoms_naissance,
        premier_prenom=premier,
        date_naissance=ins.traits.date_naissance,
        sexe=ins.traits.sexe,
        cog_naissance=ins.traits.cog_naissance,
    )


def _file_of(vente: Vente, porteur: PorteurCarte, ins: InsApcv | None) -> Patient | None:
    """Return the file of a beneficiary: by INS, by card, the one of the sale, by traits.

    A file made for anonymous care is never the one (ins.md §2.5, T30).
    """
    actifs = Patient.objects.filter(officine_id=vente.officine_id, actif=True)
    trouve = None
    if ins is not None:
        trouve = actifs.filter(
            ins_oid=ins.oid, ins_empreinte__in=empreintes_of(ins.matricule)
        ).first()
    trouve = trouve or actifs.filter(carte_empreinte__in=porteur.empreintes).first()
    present = vente.patient
    traits = _search_traits(porteur, ins)
    if trouve is None and present is not None and is_same_person(present, traits):
        trouve = present
    trouve = trouve or patient_same(vente.officine_id, traits)
    return None if trouve is None or is_apart(trouve) else trouve


def _search_traits(porteur: PorteurCarte, ins: InsApcv | None) -> Traits:
    if ins is None:
        return porteur.traits
    return Traits(
        ins.traits.nom_naissance,
        porteur.nom_usuel,
        ins.traits.premier_prenom,
        ins.traits.date_naissance,
    )


def is_apart(patient: Patient) -> bool:
    """Tell whether a file must never be linked to a known person (ins.md §2.10)."""
    return patient.attr_fictif or patient.motif_sans_ins == Patient.MotifSansIns.ANONYMAT


def droits_last(patient: Patient) -> DroitsAssure | None:
    """Return the last question about someone's rights, with its row of the outbox."""
    return (
        DroitsAssure.objects.filter(officine_id=patient.officine_id, patient=patient)
        .select_related("envoi")
        .order_by("-pk")
        .first()
    )
