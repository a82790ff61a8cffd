"""The patient's file: creation by hand or from a card, and search keys."""

from dataclasses import dataclass, field
from datetime import date

from django.db import transaction

from pharmacy import audit, chiffre
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientCree, publish
from pharmacy.models import CartePatient, Patient
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
        return self.empreintes[0]

    @property
    def empreintes(self) -> tuple[str, ...]:
        """Return the digest under each key that may have made the one that is kept."""
        return chiffre.empreintes(
            "vitale", self.nir_assure, self.naissance, str(self.rang_gemellaire), self.qualite
        )


def is_same_person(patient: Patient, traits: Traits) -> bool:
    """Tell whether a file is this person's: birth date, first given name, and the names known.

    Accents, case, hyphens and apostrophes do not count. Birth names decide when both are known;
    else one name must be common. Source: ordonnance.md §2.5; requirement CTR-13.
    """
    if traits.naissance is None or patient.date_naissance != traits.naissance:
        return False
    siens = [p for p in (patient.premier_prenom, patient.prenom_utilise) if p]
    if not _first_names(traits.prenom) & {forme for p in siens for forme in _first_names(p)}:
        return False
    if patient.nom_naissance and traits.nom:
        return fold(patient.nom_naissance) == fold(traits.nom)
    connus = {fold(nom) for nom in (patient.nom_naissance, patient.nom_utilise) if nom}
    return bool(connus & {fold(nom) for nom in (traits.nom, traits.nom_utilise) if nom})


def _first_names(texte: str) -> set[str]:
    """Return the forms of a first name: the whole, and the first one; a hyphen holds it together.

    « JEAN PIERRE » meets JEAN and JEAN-PIERRE; « MARIE » does not meet MARIE-LOU, her twin.
    """
    return {fold(texte), fold(texte.split(" ", maxsplit=1)[0])}


def patient_same(officine_id: int, traits: Traits, *, matricule: str = "") -> Patient | None:
    """Return the one file of this person: by INS, then by traits; None when none or several."""
    actifs = Patient.objects.filter(officine_id=officine_id, actif=True)
    if matricule:
        connu = actifs.filter(ins_empreinte__in=chiffre.empreintes("ins", matricule)).first()
        if connu is not None:
            return connu
    memes = patients_same(officine_id, traits)
    return memes[0] if len(memes) == 1 else None


def patients_same(officine_id: int, traits: Traits) -> list[Patient]:
    """Return every active file of this person by traits, the oldest first (ins.md §2.9)."""
    if traits.naissance is None:
        return []
    ce_jour = Patient.objects.filter(
        officine_id=officine_id, actif=True, date_naissance=traits.naissance
    )
    return [patient for patient in ce_jour.order_by("pk") if is_same_person(patient, traits)]


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
        methode = "" if patient.attr_fictif else patient.methode
        publish(PatientCree(acteur, patient.pk, methode))
        if vente_id:
            patient_choose(acteur, vente_id, patient, "recherche")
    return patient


def patient_of_card(acteur: Acteur, porteur: PorteurCarte) -> Patient:
    """Return the file of a card's beneficiary, created when the officine has none.

    A file made by a search or a prescription, of the same person and without card yet, is the one:
    the card is attached to it. So is a child's file whose other parent's card was read before. Any
    other file that has another card is left to INSi and to a person. The usual name goes to « nom
    utilisé »; the birth name stays empty unless the card gives it (ins.md §5.1: never copied from
    the usual name).
    """
    connu = _with_card(acteur.officine_id, porteur)
    if connu is not None:
        return connu
    meme = patient_same(acteur.officine_id, porteur.traits)
    if meme is not None and (not meme.carte_empreinte or is_other_parent(meme, porteur)):
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
            methode=Patient.Methode.CARTE,
        ),
    )


def _with_card(officine_id: int, porteur: PorteurCarte) -> Patient | None:
    """Return the active file that a card was read for, be it its first card or another."""
    actifs = Patient.objects.filter(officine_id=officine_id, actif=True)
    # Two questions, each one thing that an index can do: most cards end with the first.
    courante, *anciennes = porteur.empreintes
    premiere = actifs.filter(carte_empreinte__in=porteur.empreintes).first()
    if premiere is not None:
        return premiere
    autres = CartePatient.objects.filter(officine_id=officine_id)
    if anciennes:
        # Nothing but the card says what this is the digest of: it is here, so compute it again.
        autres.filter(empreinte__in=anciennes).update(empreinte=courante)
    memes = autres.filter(empreinte=courante)
    return actifs.filter(pk__in=memes.values("patient_id")).first()


def is_bearer(patient: Patient, porteur: PorteurCarte) -> bool:
    """Tell whether a file is the one of a card's beneficiary: by its cards, else by traits."""
    return (
        patient.carte_empreinte in porteur.empreintes
        or is_same_person(patient, porteur.traits)
        or patient.cartes.filter(empreinte__in=porteur.empreintes).exists()
    )


def is_other_parent(patient: Patient, porteur: PorteurCarte) -> bool:
    """Tell whether a card may be the other parent's of a person who has a card already.

    Same traits, same birth date and rank on the card, an ayant droit of another insured person, and
    no certified number that says otherwise: twins of one first name are told apart by their rank,
    never linked.
    Source: ins.md §6, cases 54 and 55.
    """
    certifies = {patient.nir_certifie, porteur.nir_certifie} - {""}
    return (
        porteur.qualite not in {"", "0"}
        and porteur.nir_assure != patient.nir_assure
        and porteur.naissance == patient.naissance_facturation
        and porteur.rang_gemellaire == patient.rang_gemellaire
        and len(certifies) < 2
        and is_same_person(patient, porteur.traits)
    )


def card_attach(patient: Patient, porteur: PorteurCarte) -> Patient:
    """Keep on a file the first card read for it; a second parent's is only remembered.

    Billing identity only: the strict traits of the file do not move, and the card of another file
    changes nothing. Source: ins.md §1.1; §6, case 55.
    """
    autre = _with_card(patient.officine_id, porteur)
    if autre is not None:
        return patient
    if patient.carte_empreinte:
        if is_other_parent(patient, porteur):
            CartePatient.objects.bulk_create(
                [
                    CartePatient(
                        officine_id=patient.officine_id,
                        patient=patient,
                        empreinte=porteur.empreinte,
                    )
                ],
                ignore_conflicts=True,
            )
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
