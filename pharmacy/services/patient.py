"""The patient's file: creation by hand or from a card, and search keys."""

from dataclasses import dataclass, field
from datetime import date

from django.db import transaction

from pharmacy import audit, chiffre
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.rules.recherche import file_key, fold
from pharmacy.services.vente import check_droit, patient_choose


@dataclass(frozen=True)
class Traits:
    """What a card or a prescription says of a person; names may miss, the birth date may not."""

    nom: str = field(repr=False)
    nom_utilise: str = field(repr=False)
    prenom: str = field(repr=False)
    naissance: date | None = field(repr=False)


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
    def traits(self) -> Traits:
        """Return what identifies this person, card aside."""
        return Traits(self.nom_patronymique, self.nom_usuel, self.prenom, self.date_naissance)

    @property
    def empreinte(self) -> str:
        """Return the keyed digest that finds this beneficiary again.

        Source: agent.md §2.3, « Identity key of a beneficiary on a card ».
        """
        return chiffre.empreinte(
            "vitale", self.nir_assure, self.naissance, str(self.rang_gemellaire), self.qualite
        )


def is_same_person(patient: Patient, traits: Traits) -> bool:
    """Tell whether a file is this person's: birth date, first given name, and the names known.

    Accents, case, hyphens and apostrophes do not count. Birth names decide when both are known;
    else one name must be common. Source: ordonnance.md §2.5; requirement CTR-13.
    """
    if traits.naissance is None or patient.date_naissance != traits.naissance:
        return False
    prenoms = {fold(p).split(" ")[0] for p in (patient.premier_prenom, patient.prenom_utilise) if p}
    if fold(traits.prenom).split(" ")[0] not in prenoms:
        return False
    if patient.nom_naissance and traits.nom:
        return fold(patient.nom_naissance) == fold(traits.nom)
    connus = {fold(nom) for nom in (patient.nom_naissance, patient.nom_utilise) if nom}
    return bool(connus & {fold(nom) for nom in (traits.nom, traits.nom_utilise) if nom})


def patient_same(officine_id: int, traits: Traits, *, matricule: str = "") -> Patient | None:
    """Return the one file of this person: by INS, then by traits; None when none or several."""
    actifs = Patient.objects.filter(officine_id=officine_id, actif=True)
    if matricule:
        connu = actifs.filter(ins_empreinte=chiffre.empreinte("ins", matricule)).first()
        if connu is not None:
            return connu
    if traits.naissance is None:
        return None
    memes = [
        patient
        for patient in actifs.filter(date_naissance=traits.naissance)
        if is_same_person(patient, traits)
    ]
    return memes[0] if len(memes) == 1 else None


def compute_recherche(patient: Patient) -> str:
    """Return the search key of a file: every name it holds. The database makes words of it."""
    return file_key(
        (patient.nom_naissance, patient.nom_utilise),
        (patient.premier_prenom, patient.prenoms_naissance, patient.prenom_utilise),
    )


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

    A file made by a search or a prescription, of the same person and without card yet, is the one:
    the card is attached to it. A file that has another card is left to INSi and to a person.
    The usual name goes to « nom utilisé »; the birth name stays empty unless the card gives it
    (ins.md §5.1: never copied from the usual name).
    """
    connu = Patient.objects.filter(
        officine_id=acteur.officine_id, carte_empreinte=porteur.empreinte, actif=True
    ).first()
    if connu is not None:
        return connu
    meme = patient_same(acteur.officine_id, porteur.traits)
    if meme is not None and not meme.carte_empreinte:
        return card_attach(meme, porteur)
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


def is_bearer(patient: Patient, porteur: PorteurCarte) -> bool:
    """Tell whether a file is the one of a card's beneficiary: by its card, else by traits."""
    return patient.carte_empreinte == porteur.empreinte or is_same_person(patient, porteur.traits)


def card_attach(patient: Patient, porteur: PorteurCarte) -> Patient:
    """Keep on a file the first card read for it; another one (a second parent's) changes nothing.

    Billing identity only: the strict traits of the file do not move. Source: ins.md §1.1.
    """
    autres = Patient.objects.filter(
        officine_id=patient.officine_id, carte_empreinte=porteur.empreinte, actif=True
    )
    if patient.carte_empreinte or autres.exists():
        return patient
    patient.nir_assure = porteur.nir_assure
    patient.nir_certifie = porteur.nir_certifie
    patient.naissance_facturation = porteur.naissance
    patient.rang_gemellaire = porteur.rang_gemellaire
    patient.carte_empreinte = porteur.empreinte
    patient.save(
        update_fields=[
            "nir_assure",
            "nir_certifie",
            "naissance_facturation",
            "rang_gemellaire",
            "carte_empreinte",
        ]
    )
    return patient
