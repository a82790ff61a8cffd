"""What goes to and comes from Pro Santé Connect, as plain values; no secret shows in one."""

import secrets
from dataclasses import dataclass, field

from psc.jetons import JetonIdentite, Pair
from psc.oauth import Delais
from psc.rules.userinfo import Identite


@dataclass(frozen=True)
class Reglages:
    """What the ANS gave to this installation, and how strictly its service is believed.

    `authentification`: client_secret_basic, client_secret_post, or none (the certificate of the
    transport says who we are, only the client_id is in the form: RFC 8705).
    """

    pair: Pair
    hotes: frozenset[str]
    redirection: str
    apres_deconnexion: str = ""
    secret: str = field(default="", repr=False)
    authentification: str = "client_secret_basic"
    scope: str = "openid scope_all"
    acr_values: str = "eidas1"
    prompt_login: bool = True
    age_max_s: int | None = 0
    delais: Delais = field(default_factory=Delais)


@dataclass(frozen=True)
class Depart:
    """One attempt, from the click to the way back: its secrets, and when it began."""

    etat: str = field(repr=False)
    nonce: str = field(repr=False)
    verifieur: str = field(repr=False)
    debut: float


@dataclass(frozen=True)
class Jetons:
    """The tokens of a session, and when they were received (seconds since the epoch)."""

    acces: str = field(repr=False)
    renouvellement: str = field(repr=False)
    identite: str = field(repr=False)
    expire_s: int
    renouvellement_expire_s: int | None
    recu_le: float
    session_state: str = ""


@dataclass(frozen=True)
class Authentifie:
    """A person whom every check accepted."""

    jetons: Jetons
    preuve: JetonIdentite
    identite: Identite


@dataclass(frozen=True)
class DemandeCiba:
    """A request sent to a telephone or to the desktop tool of the card."""

    identifiant: str = field(repr=False)
    rpps: str
    expire_s: int
    intervalle_s: int | None
    debut: float


@dataclass(frozen=True)
class Sondage:
    """What a question brought: en_attente, ralentir, approuvee (with the person).

    `panne`: nobody answered; it is a wait, and the next question comes later.
    """

    issue: str
    authentifie: Authentifie | None = None
    panne: bool = False


@dataclass(frozen=True)
class Cible:
    """A service to which our token is exchanged: its token endpoint and its scopes."""

    jeton_url: str
    scope: str
    emetteur_sujet: str = "psc"


def begin(maintenant: float) -> Depart:
    """Return the secrets of a new attempt: 256 bits each. Source: psc.md §1.4."""
    etat, nonce, verifieur = (secrets.token_urlsafe(n) for n in (32, 32, 48))
    return Depart(etat, nonce, verifieur, maintenant)
