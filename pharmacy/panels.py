"""Slots of the sale screen: the apps above put their panels there; the core knows only the list."""

from collections.abc import Callable
from dataclasses import dataclass

from pharmacy.acteurs import Acteur
from pharmacy.models import Vente


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


_panneaux: dict[str, Panneau] = {}
_zones: dict[str, Panneau] = {}
_compteurs: dict[str, Compteur] = {}


def register_panneau(panneau: Panneau) -> None:
    """Add a panel to the right column of the sale."""
    _panneaux[panneau.nom] = panneau


def register_zone(zone: Panneau) -> None:
    """Add a part of the page that the event stream may replace (band, lines, header)."""
    _zones[zone.nom] = zone


def register_compteur(compteur: Compteur) -> None:
    """Add a number to the header."""
    _compteurs[compteur.nom] = compteur


def panneau_list() -> list[Panneau]:
    """Return the panels, in the order of the screen."""
    return sorted(_panneaux.values(), key=lambda panneau: panneau.ordre)


def compteur_list() -> list[Compteur]:
    """Return the numbers of the header."""
    return list(_compteurs.values())


def fragment_get(nom: str) -> Panneau | None:
    """Return the panel or zone called `nom`."""
    return _panneaux.get(nom) or _zones.get(nom)


def fragment_noms() -> list[str]:
    """Return every name the stream can send."""
    return [*_zones, *(panneau.nom for panneau in panneau_list())]
