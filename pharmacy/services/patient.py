"""The patient's file: creation by hand or from a card, and search keys."""

from dataclasses import dataclass, field
from datetime import date

from django.db import transaction

from pharmacy import audit, chiffre
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.rules.recherche import search_key
from pharmacy.services.vente import check_droit, patient_choose


@dataclass(frozen=True)
class PorteurCarte:
    """One beneficiary of a carte Vitale, as read. Billing identity: never the INS (ins.md §1.1)."""

    nir_assure: str = field(repr=False)
    nir_certifie: str = field(repr=False)
    naissance: str = field(repr=False)
    rang_gemellaire: int
    qualite: str
    nom_usuel: str = field(repr=False)
    nom_patronymique: str = field(repr=False)
    prenom: str = field(repr=False)
    date_naissance: date | None = field(repr=False)

    @property
    def empreinte(self) -> str:
        """Return the keyed digest that finds this beneficiary again.

        Source: agent.md §2.3, « Identity key of a beneficiary on a card ».
        """
        return chiffre.empreinte(
            "vitale", self.nir_assure, self.naissance, str(self.rang_gemellaire), self.qualite
        )


def compute_recherche(patient: Patient) -> str:
    """Return the search key of a file: every name it holds."""
    return search_key(
        patient.nom_naissance,
        patient.nom_utilise,
        patient.premier_prenom,
        patient.prenoms_naissance,
        patient.prenom_utilise,
    )[:420]


def patient_create(acteur: Acteur, patient: Patient, vente_id: int = 0) -> Patient:
    """Save a new file (status provisoire, search key), and put it in the sale that is named.

    VenteRefusee when that sale cannot take it: then no file is left behind.
    """
    check_droit(acteur, "patient.creer")
    patient.officine_id = acteur.officine_id
    patient.cree_par_id = acteur.operateur_id
    patient.statut = Patient.Statut.PROV
    patient.recherche = compute_recherche(patient)
    with transaction.atomic():
        patient.save()
        audit.note(acteur, "patient.creer", f"patient:{patient.pk}", patient)
        if vente_id:
            patient_choose(acteur, vente_id, patient, "recherche")
    return patient


def patient_of_card(acteur: Acteur, porteur: PorteurCarte) -> Patient:
    """Return the file of a card's beneficiary, created when the officine has none.

    The usual name goes to « nom utilisé »; the birth name stays empty unless the card gives it
    (ins.md §5.1: never copied from the usual name).
    """
    connu = Patient.objects.filter(carte_empreinte=porteur.empreinte, actif=True).first()
    if connu is not None:
        return connu
    deja_utilise = porteur.nom_usuel if porteur.nom_usuel != porteur.nom_patronymique else ""
    return patient_create(
        acteur,
        Patient(
            nom_naissance=porteur.nom_patronymique,
            nom_utilise=deja_utilise,
            premier_prenom=porteur.prenom,
            date_naissance=porteur.date_naissance,
            nir_assure=porteur.nir_assure,
            nir_certifie=porteur.nir_certifie,
            naissance_facturation=porteur.naissance,
            rang_gemellaire=porteur.rang_gemellaire,
            carte_empreinte=porteur.empreinte,
        ),
    )
