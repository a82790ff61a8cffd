"""What the core announces to the apps above, inside its own transaction.

A subscriber writes rows (usually an outbox row) and does nothing else: no network, no template.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import transaction

from pharmacy.acteurs import Acteur

E = TypeVar("E")
_abonnes: dict[type, list[Callable[[Any], None]]] = defaultdict(list)


@dataclass(frozen=True)
class PatientChoisi:
    """A sale now has a patient.

    `moyen`: vitale, apcv, apcv_sans_ins, recherche, ordonnance or datamatrix.
    """

    acteur: Acteur
    vente_id: int
    patient_id: int
    moyen: str


@dataclass(frozen=True)
class PatientCree:
    """A file was created; `methode` says how its traits came, empty for a fictive file."""

    acteur: Acteur
    patient_id: int
    methode: str


@dataclass(frozen=True)
class VenteTerminee:
    """A sale was ended by FIN."""

    acteur: Acteur
    vente_id: int


@dataclass(frozen=True)
class AbandonDemande:
    """A sale is about to be dropped, and is not locked yet.

    Who hangs on it locks its rows now: everywhere they are taken before the sale (no deadlock).
    """

    acteur: Acteur
    vente_id: int


@dataclass(frozen=True)
class VenteAbandonnee:
    """A sale was dropped: nothing may stay reserved on the national side."""

    acteur: Acteur
    vente_id: int


@dataclass(frozen=True)
class SessionFermee:
    """An operator left a workstation.

    `motif`: fermeture (they signed out), changement (a colleague took the place), a_distance.
    """

    acteur: Acteur
    motif: str = "fermeture"


@dataclass(frozen=True)
class SessionVerrouillee:
    """The screen of an operator is locked: by them, by the delay, or from outside."""

    acteur: Acteur


@dataclass(frozen=True)
class SessionOuverteParOperateur:
    """An operator is at a workstation: signed in, or back after the lock.

    `cle` and `precedente` are keys of Django's sessions, equal when it is the same one.
    """

    acteur: Acteur
    cle: str = field(repr=False)
    precedente: str = field(repr=False)
    par_mot_de_passe: bool


@dataclass(frozen=True)
class AccesRetires:
    """Every session of an operator ends: departure, new password."""

    officine_id: int
    operateur_id: int


@dataclass(frozen=True)
class RppsChange:
    """The RPPS of an operator is another: what was proved by the former is void."""

    acteur: Acteur
    operateur_id: int


@dataclass(frozen=True)
class OperateurParti:
    """An operator has no access any more; `acteur` did it, None when their last day was over."""

    acteur: Acteur | None
    officine_id: int
    operateur_id: int


@dataclass(frozen=True)
class CarteCpsLue:
    """A professional's card was read on the workstation, with a verified receipt."""

    acteur: Acteur
    id_nat: str
    certificat_sha256: str


@dataclass(frozen=True)
class SituationChoisie:
    """Another situation d'exercice of a card is in force: what was signed is void."""

    acteur: Acteur
    id_nat: str


def subscribe(genre: type[E], abonne: Callable[[E], None]) -> None:
    """Register a subscriber; called from `AppConfig.ready()` only."""
    if abonne not in _abonnes[genre]:
        _abonnes[genre].append(abonne)


def publish(evenement: object) -> None:
    """Run the subscribers now, in the caller's transaction.

    Raises RuntimeError outside a transaction: what is announced must commit or vanish together.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("publish() outside a transaction")
    for abonne in _abonnes[type(evenement)]:
        abonne(evenement)
