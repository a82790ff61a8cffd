"""States and deadlines of a Pro Santé Connect session, by operator and poste (psc.md §3.2).

A refresh extends the idle deadline, never the hard one; a page that polls is nobody acting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AVERTIR_AVANT = timedelta(minutes=10)
JETON_MINI_S = 15


class Etat(StrEnum):
    """What the header shows."""

    ABSENTE = "absente"
    EN_ATTENTE = "en_attente"
    ACTIVE = "active"
    A_RECONFIRMER = "a_reconfirmer"
    GAREE = "garee"
    TERMINEE = "terminee"


TRANSITIONS: dict[Etat, frozenset[Etat]] = {
    Etat.ABSENTE: frozenset({Etat.EN_ATTENTE}),
    Etat.EN_ATTENTE: frozenset({Etat.ABSENTE, Etat.ACTIVE}),
    Etat.ACTIVE: frozenset({Etat.A_RECONFIRMER, Etat.GAREE, Etat.TERMINEE}),
    Etat.A_RECONFIRMER: frozenset({Etat.ACTIVE, Etat.GAREE, Etat.TERMINEE}),
    Etat.GAREE: frozenset({Etat.ACTIVE, Etat.A_RECONFIRMER, Etat.TERMINEE}),
    Etat.TERMINEE: frozenset(),
}


class TransitionRefusee(ValueError):
    """A session cannot go from one state to the other: a mistake of ours."""


@dataclass(frozen=True)
class Limites:
    """How long a session lives; settings only ever lower both."""

    duree: timedelta = timedelta(hours=4)
    inactivite: timedelta = timedelta(minutes=30)


@dataclass(frozen=True)
class Echeances:
    """When a session must be confirmed again, and when it ends whatever was done."""

    inactivite: datetime
    fin: datetime


@dataclass(frozen=True)
class SessionVue:
    """A session as the rules see it: whose, where, in which state, until when."""

    operateur_id: int
    poste_id: int
    etat: Etat
    echeances: Echeances


def check_transition(avant: Etat, apres: Etat) -> None:
    """Raise TransitionRefusee unless a session may go from one state to the other.

    Source: psc.md §3.2, §3.8 (parked).
    """
    if apres not in TRANSITIONS[avant]:
        raise TransitionRefusee(f"{avant} -> {apres}")


def compute_deadlines(
    emis_le: datetime, refresh_expire_s: int | None, depart: datetime, limites: Limites
) -> Echeances:
    """Return the deadlines after tokens were issued at `emis_le`.

    `refresh_expire_s` is what the service said, None when it said nothing. `depart` is
    `auth_time`, or the start of the session when it is unknown: both stand when tokens are renewed.
    Source: psc.md §1.5, §3.2.
    """
    duree = limites.inactivite
    if refresh_expire_s is not None:
        duree = min(duree, timedelta(seconds=refresh_expire_s))
    fin = depart + limites.duree
    return Echeances(min(emis_le + duree, fin), fin)


def state_at(session: SessionVue, quand: datetime) -> Etat:
    """Return the state of a session at a moment: its deadlines may have passed since.

    Source: psc.md §3.2.
    """
    if session.etat not in {Etat.ACTIVE, Etat.A_RECONFIRMER, Etat.GAREE}:
        return session.etat
    if quand >= session.echeances.fin:
        return Etat.TERMINEE
    if session.etat is Etat.ACTIVE and quand >= session.echeances.inactivite:
        return Etat.A_RECONFIRMER
    return session.etat


def is_ending(echeances: Echeances, quand: datetime) -> bool:
    """Tell whether the end is less than ten minutes away. Source: psc.md §3.2."""
    return echeances.fin - AVERTIR_AVANT <= quand < echeances.fin


def refusal_of_use(session: SessionVue, operateur_id: int, poste_id: int, quand: datetime) -> str:
    """Return why a session may not serve this operator on this poste now, empty when it may.

    autre_operateur, autre_poste, garee, a_reconfirmer, terminee. A session that must be confirmed
    again may still be renewed by an action: the caller tries, once. Source: psc.md §3.8, §5.5.
    """
    if session.operateur_id != operateur_id:
        return "autre_operateur"
    if session.poste_id != poste_id:
        return "autre_poste"
    etat = state_at(session, quand)
    return "" if etat is Etat.ACTIVE else etat.value


def is_resumable(session: SessionVue, operateur_id: int, poste_id: int, quand: datetime) -> bool:
    """Tell whether a parked session comes back to its owner, on its poste, within both deadlines.

    Source: psc.md §3.8.
    """
    return (
        session.etat is Etat.GAREE
        and session.operateur_id == operateur_id
        and session.poste_id == poste_id
        and quand < session.echeances.inactivite
    )


def must_renew(expire_le: datetime, quand: datetime) -> bool:
    """Tell whether an access token has less than fifteen seconds left. Source: psc.md §5.5."""
    return expire_le - quand < timedelta(seconds=JETON_MINI_S)
