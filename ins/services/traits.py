"""The strict traits typed by hand: unlocked by a person, for a reason, at the price of the INS.

Premier prénom inside its rule is the exception: it is not one of the traits that INSi answers for.
Source: ins.md §1.3 (EXI ID 10), §2.4 (a), §2.5 (T16, T7); requirements INS-30.
"""

from dataclasses import dataclass, field, replace

from django.db import transaction

from ins.models import PieceControlee, TacheIdentite
from ins.rules.pieces import REPRESENTANT, is_proof, piece_get
from ins.rules.statut import transition_number
from ins.rules.traits import TraitsStricts, is_first_name_consistent
from ins.selectors import traits_of
from ins.services.attributs import read_reason
from ins.services.commun import announce_patient, dump_traits, note_event, patient_locked
from ins.services.habilitations import check_identite
from ins.services.qualification import check_minor
from ins.services.retrait import statut_of, withdraw_ins
from ins.services.taches import close_taches
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.services.patient import compute_recherche
from pharmacy.services.vente import VenteRefusee

PREMIER_PRENOM = "PREN"
_STRICTS = ("nom_naissance", "prenoms_naissance", "date_naissance", "sexe", "cog_naissance")


@dataclass(frozen=True)
class Saisie:
    """The traits typed, for which version of the file, why; from which document if from one."""

    traits: TraitsStricts = field(repr=False)
    traits_version: int
    motif: str = ""
    interpretee: bool = False
    garder_nom: bool = False
    piece: str = ""
    representant: str = ""


def traits_modify(acteur: Acteur, patient_id: int, saisie: Saisie) -> Patient:
    """Write the strict traits that a person typed; return the file.

    A strict trait that moves takes the INS and the documents with it (T16); typed from a document
    that proves, the identity is then validated on it (T7). The right and the reason are wanted as
    soon as there is something to lose, the right to qualify as soon as a document is named.
    VenteRefusee when the file moved meanwhile, when the first name is not the start of the list,
    when the document proves nothing for this person, or when nothing changes.
    """
    with transaction.atomic():
        patient = patient_locked(acteur, patient_id)
        if patient.traits_version != saisie.traits_version:
            raise VenteRefusee("Ce dossier vient de changer : relisez-le.", "INS-007")
        _check_first_name(saisie.traits)
        anciens = _as_stored(patient)
        if saisie.traits == anciens and not saisie.piece:
            raise VenteRefusee("Aucun trait ne change.", "INS-080")
        if _is_first_name_alone(anciens, saisie.traits) and not saisie.piece:
            _rename(acteur, patient, saisie)
        else:
            _rewrite(acteur, patient, saisie)
        announce_patient(patient)
    return patient


def _as_stored(patient: Patient) -> TraitsStricts:
    """Return the traits of a file with the sex as stored (« I » is one)."""
    return replace(traits_of(patient), sexe=patient.sexe)


def _check_first_name(traits: TraitsStricts) -> None:
    if traits.prenoms_naissance and not is_first_name_consistent(
        traits.premier_prenom, traits.prenoms_naissance
    ):
        raise VenteRefusee(
            "Le premier prénom doit être le début de la liste des prénoms de naissance.", "INS-081"
        )


def _is_first_name_alone(anciens: TraitsStricts, nouveaux: TraitsStricts) -> bool:
    """Tell whether only the first name moves, which the list of first names still vouches for."""
    return bool(anciens.prenoms_naissance) and all(
        getattr(anciens, nom) == getattr(nouveaux, nom) for nom in _STRICTS
    )


def _rename(acteur: Acteur, patient: Patient, saisie: Saisie) -> None:
    """Change the first name inside its rule: no status moves (case 75)."""
    check_identite(acteur, "patient.creer")
    avant = (patient.statut, traits_of(patient))
    patient.premier_prenom = saisie.traits.premier_prenom
    patient.recherche = compute_recherche(patient)
    patient.save(update_fields=["premier_prenom", "recherche"])
    note_event(patient, acteur.operateur_id, PREMIER_PRENOM, avant, "Dans la liste des prénoms")
    audit.note(acteur, "ins.premier_prenom", f"patient:{patient.pk}", patient)


def _rewrite(acteur: Acteur, patient: Patient, saisie: Saisie) -> None:
    """Change the strict traits: what rested on the former ones falls (case 74)."""
    perd = patient.statut != Patient.Statut.PROV
    check_identite(acteur, "ins.traits" if perd else "patient.creer")
    motif = read_reason(saisie.motif) if perd else saisie.motif[:200] or "Dossier corrigé"
    withdraw_ins(patient, acteur.operateur_id, "trait_modifie", motif, _columns(patient, saisie))
    close_taches(
        patient, [TacheIdentite.Nature.NOM], "Traits saisis à la main", acteur.operateur_id
    )
    audit.note(acteur, "ins.traits", f"patient:{patient.pk}", patient, precision="T16")
    if saisie.piece:
        _rest_on(acteur, patient, saisie)


def _columns(patient: Patient, saisie: Saisie) -> dict[str, object]:
    """Return the columns that the typed traits write, the search key included."""
    traits = saisie.traits
    ancien = patient.nom_naissance
    garde = saisie.garder_nom and not patient.nom_utilise and ancien != traits.nom_naissance
    colonnes: dict[str, object] = {
        "nom_naissance": traits.nom_naissance,
        "prenoms_naissance": traits.prenoms_naissance,
        "premier_prenom": traits.premier_prenom,
        "date_naissance": traits.date_naissance,
        "date_naissance_interpretee": saisie.interpretee,
        "sexe": traits.sexe,
        "cog_naissance": traits.cog_naissance,
        "nom_utilise": ancien if garde else patient.nom_utilise,
        "nom_a_confirmer": False,
        "methode": Patient.Methode.SAISIE,
        "traits_version": patient.traits_version + 1,
    }
    futur = Patient(prenom_utilise=patient.prenom_utilise)
    for nom in ("nom_naissance", "nom_utilise", "premier_prenom", "prenoms_naissance"):
        setattr(futur, nom, colonnes[nom])
    return colonnes | {"recherche": compute_recherche(futur)}


def _rest_on(acteur: Acteur, patient: Patient, saisie: Saisie) -> None:
    """Let the identity rest on the document these traits were typed from (ins.md §2.4, a)."""
    check_identite(acteur, "ins.qualifier")
    try:
        piece = piece_get(saisie.piece)
    except KeyError as exc:
        raise VenteRefusee("Choisissez la pièce présentée.", "INS-008") from exc
    check_minor(piece, patient.date_naissance, saisie.representant)
    complets = patient.nom_naissance and patient.date_naissance and patient.sexe in {"M", "F"}
    if not (is_proof(piece, saisie.representant) and complets):
        raise VenteRefusee("Cette pièce ne prouve pas ces traits.", "INS-082")
    PieceControlee.objects.create(
        officine_id=acteur.officine_id,
        patient=patient,
        type_piece=piece.code,
        piece_representant=saisie.representant if saisie.representant in REPRESENTANT else "",
        niveau=piece.niveau,
        traits_vus=dump_traits(traits_of(patient)),
        traits_version=patient.traits_version,
        coherente=True,
        controlee_par_id=acteur.operateur_id,
    )
    avant = (patient.statut, traits_of(patient))
    numero = transition_number("piece_sans_ins", patient.statut)
    patient.statut = statut_of(patient)
    patient.save(update_fields=["statut"])
    note_event(patient, acteur.operateur_id, numero, avant, "Traits saisis d'après la pièce")
    close_taches(
        patient,
        [TacheIdentite.Nature.PIECE_DIFFERENTE],
        "Traits d'INSi refusés, ceux de la pièce saisis",
        acteur.operateur_id,
    )
