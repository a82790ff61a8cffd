"""Shared by the use cases: lock a patient, write an event, tell the pages."""

import json
from datetime import date

from ins.models import EvenementIdentite
from ins.rules.traits import TraitsStricts
from pharmacy import flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.verrous import row_locked

FRAGMENTS = ("identite", "bandeau", "ordonnance")


def patient_locked(acteur: Acteur, patient_id: int) -> Patient:
    """Return a file of the officine, locked for a change. VenteRefusee (404) otherwise."""
    actifs = Patient.objects.filter(officine_id=acteur.officine_id, actif=True)
    patient = row_locked(actifs, patient_id)
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    return patient


def dump_traits(traits: TraitsStricts) -> bytes:
    """Return strict traits as they are kept (the column encrypts them)."""
    jour = traits.date_naissance
    return json.dumps(
        {
            "nom_naissance": traits.nom_naissance,
            "prenoms_naissance": traits.prenoms_naissance,
            "premier_prenom": traits.premier_prenom,
            "date_naissance": jour.isoformat() if jour else None,
            "sexe": traits.sexe,
            "cog_naissance": traits.cog_naissance,
            "date_interpretee": traits.date_interpretee,
        }
    ).encode()


def load_traits(octets: bytes) -> TraitsStricts:
    """Return strict traits kept by `dump_traits`."""
    champs = json.loads(octets)
    jour = champs["date_naissance"]
    champs["date_naissance"] = date.fromisoformat(jour) if jour else None
    return TraitsStricts(**champs)


def note_event(
    patient: Patient,
    operateur_id: int,
    transition: str,
    avant: tuple[str, TraitsStricts],
    motif: str,
) -> None:
    """Add one line to the story of an identity; `avant` is the former status and traits."""
    EvenementIdentite.objects.create(
        officine_id=patient.officine_id,
        patient=patient,
        operateur_id=operateur_id,
        transition=transition,
        statut_avant=avant[0],
        statut_apres=patient.statut,
        motif=motif,
        avant=dump_traits(avant[1]),
    )


def sales_showing(patient: Patient) -> set[int]:
    """Return the sales under way that show this patient."""
    return set(
        Vente.objects.filter(
            officine_id=patient.officine_id,
            patient=patient,
            etat__in=[Vente.Etat.OUVERTE, Vente.Etat.CONTROLEE],
        ).values_list("pk", flat=True)
    )


def announce_patient(
    patient: Patient, vente_id: int | None = None, suite: dict[str, object] | None = None
) -> None:
    """Ring every sale under way that shows this patient, and the one that asked, with its line."""
    for numero in flux.raise_versions(patient.officine_id, patient.pk, vente_id):
        dite = suite if numero == vente_id else None
        flux.ring_vente(patient.officine_id, numero, *FRAGMENTS, suite=dite)
