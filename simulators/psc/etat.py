"""What the service remembers: sessions, codes, grants, tokens, and its two clocks."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from simulators.psc.clients import Client
from simulators.psc.personnes import Personne

# Seconds (psc.md §1.5).
ACCES_S, RAFRAICHISSEMENT_S, CODE_S, DEMANDE_S = 120, 1800, 60, 600
INACTIVITE_S, SESSION_S, ECHANGE_S = 1800, 14_400, 14_400
_ENCOMBREMENT = 5000
# Realms: the tokens of the API outlive the session they came from.
PSC, API = "esante-wallet", "signsessiondata"


class Horloge:
    """Two clocks: `now` measures ages and may be advanced; `wall` is written, and may be wrong."""

    def __init__(self) -> None:
        self.avance_s = 0.0
        self.derive_s = 0.0

    def now(self) -> float:
        """Return the instant by which everything ages."""
        return time.time() + self.avance_s

    def wall(self, instant: float | None = None) -> int:
        """Return an instant as the service would write it in a token; the present one without."""
        age = 0.0 if instant is None else self.now() - instant
        return int(time.time() + self.derive_s - age)


@dataclass
class Session:
    """Someone signed in: 30 minutes without use, 4 hours at most."""

    personne: Personne
    moyen: str
    authentifie: float
    vu: float
    sid: str = field(default_factory=lambda: str(uuid4()))
    clients: dict[str, None] = field(default_factory=dict)
    temoin: str = ""
    fermee: bool = False

    def end(self) -> float:
        """Return when it dies if nothing happens."""
        return min(self.vu + INACTIVITE_S, self.authentifie + SESSION_S)

    def is_alive(self, instant: float) -> bool:
        """Tell whether it may still be used."""
        return not self.fermee and instant < self.end()


@dataclass
class Octroi:
    """What one service was given at once: its tokens live and die together."""

    client: Client
    session: Session
    scope: str
    nonce: str | None = None
    empreinte: bytes = b""
    royaume: str = PSC
    revoque: bool = False

    def is_alive(self, instant: float) -> bool:
        """Tell whether its tokens are worth something."""
        return not self.revoque and (self.royaume == API or self.session.is_alive(instant))


@dataclass
class Jeton:
    """One token given: `genre` is Bearer or Refresh, `claims` what is written in it."""

    genre: str
    octroi: Octroi
    fin: float
    claims: dict[str, Any]
    use: bool = False
    revoque: bool = False


@dataclass
class Code:
    """An authorization code, good once."""

    client: Client
    session: Session
    params: dict[str, str]
    fin: float
    octroi: Octroi | None = None
    use: bool = False


def _digest(jeton: str) -> bytes:
    return hashlib.sha256(jeton.encode()).digest()


class Memoire:
    """Everything that dies with the process."""

    def __init__(self) -> None:
        self.horloge = Horloge()
        self.sessions: dict[str, Session] = {}
        self.codes: dict[str, Code] = {}
        self.jetons: dict[bytes, Jeton] = {}
        self.nonces: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Forget everyone, and put the clocks right."""
        for table in (self.sessions, self.codes, self.jetons, self.nonces):
            table.clear()
        self.horloge = Horloge()

    # Sessions

    def open_session(self, personne: Personne, moyen: str, ancienne: Session | None) -> Session:
        """Return the session of someone who just proved who they are; the same when it is them."""
        instant = self.horloge.now()
        if ancienne is not None and ancienne.personne.sub == personne.sub:
            ancienne.authentifie = ancienne.vu = instant
            ancienne.moyen = moyen
            return ancienne
        session = Session(personne, moyen, instant, instant)
        self.keep_session(session)
        return session

    def keep_session(self, session: Session) -> None:
        """Remember a session."""
        if len(self.sessions) > _ENCOMBREMENT:
            instant = self.horloge.now()
            self.sessions = {sid: s for sid, s in self.sessions.items() if s.is_alive(instant)}
        self.sessions[session.sid] = session

    def keep_code(self, code: str, objet: Code) -> None:
        """Remember a code, also after its use: presented again, it takes its tokens away."""
        if len(self.codes) > _ENCOMBREMENT:
            instant = self.horloge.now() - SESSION_S
            self.codes = {c: o for c, o in self.codes.items() if o.fin > instant}
        self.codes[code] = objet

    def by_cookie(self, temoin: str) -> Session | None:
        """Return the living session of a browser."""
        instant = self.horloge.now()
        vivantes = (s for s in self.sessions.values() if s.temoin == temoin)
        return next((s for s in vivantes if temoin and s.is_alive(instant)), None)

    # Tokens

    def keep(self, jeton: str, objet: Jeton) -> None:
        """Remember a token by its digest."""
        if len(self.jetons) > _ENCOMBREMENT:
            instant = self.horloge.now()
            self.jetons = {c: j for c, j in self.jetons.items() if j.fin > instant}
        self.jetons[_digest(jeton)] = objet

    def find(self, jeton: str) -> Jeton | None:
        """Return a token given here, whatever became of it."""
        return self.jetons.get(_digest(jeton))

    def find_alive(self, jeton: str) -> Jeton | None:
        """Return a token that may still be used."""
        trouve = self.find(jeton)
        instant = self.horloge.now()
        if trouve is None or trouve.use or trouve.revoque or trouve.fin <= instant:
            return None
        return trouve if trouve.octroi.is_alive(instant) else None
