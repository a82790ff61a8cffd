"""Approval on the telephone: who may ask, how often, how long, and whose answer counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psc.rules.identifiant import login_hint_of
from psc.rules.userinfo import Identite

FENETRE = timedelta(minutes=10)
MAX_OPERATEUR = 3
MAX_POSTE = 10
INTERVALLE_S = 5
RALENTIR_S = 5
INTERVALLE_MAX_S = 60


@dataclass(frozen=True)
class Attente:
    """A request on its way: seconds between two questions, and when to stop asking."""

    intervalle_s: int
    fin: datetime


def start_refusal(
    operateur: Iterable[datetime], poste: Iterable[datetime], quand: datetime, *, en_cours: bool
) -> str:
    """Return why a telephone is not called now, empty when it may be.

    One request at a time for an operator, three in ten minutes, ten for a poste: a person pressed
    by notifications ends by approving. Source: psc.md §1.8.
    """
    if en_cours:
        return "demande_en_cours"
    if _recent(operateur, quand) >= MAX_OPERATEUR:
        return "trop_de_demandes_operateur"
    if _recent(poste, quand) >= MAX_POSTE:
        return "trop_de_demandes_poste"
    return ""


def _recent(departs: Iterable[datetime], quand: datetime) -> int:
    return sum(quand - FENETRE < depart for depart in departs)


def begin_wait(depart: datetime, expire_s: int, intervalle_s: int | None) -> Attente:
    """Return how to wait: the interval given, five seconds when none. Source: psc.md §1.8."""
    pas = INTERVALLE_S if intervalle_s is None else intervalle_s
    return Attente(min(max(pas, 1), INTERVALLE_MAX_S), depart + timedelta(seconds=expire_s))


def slow_down(attente: Attente) -> Attente:
    """Return the wait after « slow_down »: five seconds more. Source: psc.md §1.8."""
    return Attente(min(attente.intervalle_s + RALENTIR_S, INTERVALLE_MAX_S), attente.fin)


def next_delay_s(attente: Attente, pannes: int) -> int:
    """Return the seconds before the next question, after that many breakdowns in a row.

    Doubled by each, up to a minute; never less than the interval. Source: psc.md §1.8.
    """
    return min(attente.intervalle_s << min(pannes, 6), INTERVALLE_MAX_S)


def is_person_called(identite: Identite, rpps: str) -> bool:
    """Tell whether the identity that came back is the one that was called.

    By the national identifier or one of the others; an identity that contradicts itself raises
    RppsContradictoire or RppsAmbigu. Source: psc.md §1.8, acceptance rule.
    """
    return identite.rpps == rpps or identite.national == login_hint_of(rpps)
