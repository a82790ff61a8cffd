"""Slots of the sale screen: the apps above put their panels there; the core knows only the list."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panneau:
    """One panel. `render` reads the database and returns the inside of the panel as HTML."""

    nom: str
    titre: str
    ordre: int
    render: Callable[[Vente, Acteur], str]

    @property
    def cible(self) -> str:
        """The id of the element in the page."""
        return f"panneau-{self.nom}"


@dataclass(frozen=True)
class Compteur:
    """A number in the header, with its words; zero shows nothing."""

    nom: str
    libelle: str
    url: str
    compute: Callable[[Acteur], int]


@dataclass(frozen=True)
class CompteurPatient:
    """A number in the patient's band (CTR-14): documents waiting, messages waiting.

    Registered from `AppConfig.ready()` of the app that counts; see ins/README.md, « The band ».

    `compute` returns what waits of this patient for this actor: 0 shows nothing, and so must a
    right that is missing. It costs one statement at most: the band is drawn at each act of a sale.
    `url` leads to what is counted; it holds numbers of rows only.
    """

    cle: str
    singulier: str
    pluriel: str
    url: Callable[[Patient], str]
    compute: Callable[[Patient, Acteur], int]


_panneaux: dict[str, Panneau] = {}
_zones: dict[str, Panneau] = {}
_compteurs: dict[str, Compteur] = {}
_compteurs_patient: dict[str, CompteurPatient] = {}


def register_panneau(panneau: Panneau) -> None:
    """Add a panel to the right column of the sale."""
    _panneaux[panneau.nom] = panneau


def register_zone(zone: Panneau) -> None:
    """Add a part of the page that the event stream may replace (band, lines, header)."""
    _zones[zone.nom] = zone


def register_compteur(compteur: Compteur) -> None:
    """Add a number to the header."""
    _compteurs[compteur.nom] = compteur


def register_compteur_patient(compteur: CompteurPatient) -> None:
    """Add a number to the patient's band."""
    _compteurs_patient[compteur.cle] = compteur


def panneau_list() -> list[Panneau]:
    """Return the panels, in the order of the screen."""
    return sorted(_panneaux.values(), key=lambda panneau: panneau.ordre)


def compteur_list() -> list[Compteur]:
    """Return the numbers of the header."""
    return list(_compteurs.values())


def compteur_patient_list(patient: Patient, acteur: Acteur) -> list[dict[str, object]]:
    """Return what waits of a patient, with its words; nothing of what does not wait.

    A count that breaks says « indisponible » in its own place (`nombre` None): never zero, and
    never the end of the band. Source: CTR-14 (documents waiting, messages waiting).
    """
    lignes = (_row(c, patient, acteur) for c in _compteurs_patient.values())
    return [ligne for ligne in lignes if ligne["nombre"] != 0]


def _row(compteur: CompteurPatient, patient: Patient, acteur: Acteur) -> dict[str, object]:
    nombre, url = None, ""
    try:
        url = compteur.url(patient)
        nombre = compteur.compute(patient, acteur)
    except Exception:
        logger.exception("compteur.panne cle=%s", compteur.cle)
    libelle = compteur.singulier if nombre == 1 else compteur.pluriel
    return {"cle": compteur.cle, "nombre": nombre, "libelle": libelle, "url": url}


def fragment_get(nom: str) -> Panneau | None:
    """Return the panel or zone called `nom`."""
    return _panneaux.get(nom) or _zones.get(nom)


def fragment_noms() -> list[str]:
    """Return every name the stream can send."""
    return [*_zones, *(panneau.nom for panneau in panneau_list())]
