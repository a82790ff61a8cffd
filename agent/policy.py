"""Who may talk to the agent, and what it agrees to sign (agent.md §5.3, §5.5, §5.7)."""

import base64
from dataclasses import dataclass, field
from typing import Any

from agent import jws
from agent.protocol.messages import ErreurAgent

TOLERANCE_S = 90
DUREE_JETON_S = 300
MEMOIRE_JTI_S = 900
DUREE_DEMANDE_S = 60
CODE_MINUTES = 15
PAR_SECONDE, RAFALE, INONDATION = 20, 60.0, 200
PURPOSES = {
    "login": "Ouvrir une session",
    "vihf": "Accéder au DMP",
    "ordonnance": "Ordonnance Numérique",
    "document": "Signer un document",
    "test": "Essai de la carte",
}


@dataclass(frozen=True)
class Enrolement:
    """What the server gave at enrolment."""

    wid: str
    origines: tuple[str, ...]
    emetteur: str
    cles: list[dict[str, str]]
    officine: str = ""
    seq: int = 0
    etat: str = "associe"
    transport: str = "auto"
    min_agent: str = ""
    code_minutes: int = CODE_MINUTES

    @classmethod
    def from_dict(cls, objet: dict[str, Any]) -> "Enrolement":
        """Read the enrolment file; KeyError when a part is missing."""
        config = objet["config"]
        return cls(
            wid=str(objet["wid"]),
            origines=tuple(str(o) for o in objet["allowed_origins"]),
            emetteur=str(objet["issuer"]),
            cles=list(objet["jwks"]["keys"]),
            officine=str(objet["officine"]["nom"]),
            seq=int(config["config_seq"]),
            etat=str(objet.get("etat") or "associe"),
            transport=str(config.get("transport") or "auto"),
            min_agent=str(config.get("min_agent") or ""),
            code_minutes=_minutes(config.get("code_minutes")),
        )

    def is_too_old(self, version: str) -> bool:
        """Tell whether an agent of this version may only update itself (§5.13)."""
        return bool(self.min_agent) and _rank(version) < _rank(self.min_agent)


def _minutes(valeur: object) -> int:
    """Return how long a code holds, as the server signed it: 0 to 60, else the default (§5.10)."""
    juste = isinstance(valeur, int) and not isinstance(valeur, bool) and 0 <= valeur <= 60
    return valeur if juste else CODE_MINUTES  # type: ignore[return-value]  # an int by `juste`


def _rank(version: str) -> tuple[int, ...]:
    """Return a version as numbers; what is no number counts as zero."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


@dataclass
class Vus:
    """Identifiers already used, kept for fifteen minutes."""

    jti: dict[str, float] = field(default_factory=dict)

    def add(self, jti: str, maintenant: float) -> bool:
        """Remember `jti`; return False when it was already there."""
        self.jti = {j: t for j, t in self.jti.items() if maintenant - t < MEMOIRE_JTI_S}
        if jti in self.jti:
            return False
        self.jti[jti] = maintenant
        return True


@dataclass(frozen=True)
class Liaison:
    """The connection a token must be bound to, and when it opened."""

    origine: str
    challenge: str
    depuis: float


@dataclass(frozen=True)
class Acces:
    """A verified token: who, until when, for what.

    `decalage_s` is how far the server's clock is ahead of ours, seen when the token came.
    """

    sub: str
    sid: str
    exp: float
    portees: frozenset[str]
    jti: str
    decalage_s: float = 0.0


def check_host(hote: str, port: int) -> bool:
    """Tell whether the Host header is this agent's (stops DNS rebinding)."""
    return hote in {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}


@dataclass
class Debit:
    """Twenty messages a second with a burst of sixty; two hundred in ten seconds is a flood."""

    reserve: float = RAFALE
    dernier: float = 0.0
    recus: list[float] = field(default_factory=list)

    def take(self, instant: float) -> bool:
        """Count a message; return False when it comes too soon."""
        self.recus = [t for t in self.recus if instant - t < 10]
        self.recus.append(instant)
        self.reserve = min(RAFALE, self.reserve + (instant - self.dernier) * PAR_SECONDE)
        self.dernier = instant
        if self.reserve < 1:
            return False
        self.reserve -= 1
        return True

    @property
    def inonde(self) -> bool:
        """Whether the page no longer deserves an answer."""
        return len(self.recus) > INONDATION


@dataclass
class Cadence:
    """At most so many requests in so many seconds (§5.11)."""

    nombre: int
    secondes: float
    recues: list[float] = field(default_factory=list)

    def take(self, instant: float) -> None:
        """Count a request. Raises E_RATE_LIMITED with the time to wait."""
        self.recues = [t for t in self.recues if instant - t < self.secondes]
        if len(self.recues) >= self.nombre:
            attente = self.secondes - (instant - self.recues[0])
            raise ErreurAgent("E_RATE_LIMITED", retry_ms=max(1, round(attente * 1000)))
        self.recues.append(instant)


def check_token(
    enrolement: Enrolement,
    jeton: object,
    *,
    liaison: Liaison,
    vus: Vus,
    maintenant: float,
) -> Acces:
    """Return the access a token gives on this connection, or raise ErreurAgent (§5.5)."""
    if not isinstance(jeton, str) or len(jeton) > 4096:
        raise ErreurAgent("E_AUTH_TOKEN_INVALID")
    try:
        claims = jws.verify(jeton, "agent+jwt", enrolement.cles)
    except jws.JwsRefuse as exc:
        raise ErreurAgent("E_AUTH_TOKEN_INVALID") from exc
    _check_claims(enrolement, claims, liaison)
    iat, exp = _check_times(claims, maintenant, liaison.depuis)
    sub, sid, jti = (claims.get(nom) for nom in ("sub", "sid", "jti"))
    if not (isinstance(sub, str) and isinstance(sid, str) and isinstance(jti, str) and jti):
        raise ErreurAgent("E_AUTH_TOKEN_INVALID")
    if not vus.add(jti, maintenant):
        raise ErreurAgent("E_AUTH_TOKEN_REPLAYED")
    portees = claims.get("scope")
    return Acces(
        sub=sub,
        sid=sid,
        exp=float(exp),
        portees=frozenset(str(p) for p in portees) if isinstance(portees, list) else frozenset(),
        jti=jti,
        decalage_s=iat - maintenant,
    )


def _check_claims(enrolement: Enrolement, claims: dict[str, Any], liaison: Liaison) -> None:
    for nom, attendu, code in (
        ("iss", enrolement.emetteur, "E_AUTH_TOKEN_INVALID"),
        ("aud", f"agent:{enrolement.wid}", "E_AUTH_WRONG_WORKSTATION"),
        ("origin", liaison.origine, "E_AUTH_WRONG_ORIGIN"),
        ("cnonce", liaison.challenge, "E_AUTH_CHALLENGE"),
    ):
        if claims.get(nom) != attendu:
            raise ErreurAgent(code)


def _instant(claims: dict[str, Any], nom: str) -> int | None:
    """Return a claim that is a plausible second of our era, or None."""
    valeur = claims.get(nom)
    juste = isinstance(valeur, int) and not isinstance(valeur, bool) and 0 <= valeur < 2**40
    return valeur if juste else None


def _check_times(claims: dict[str, Any], maintenant: float, depuis: float) -> tuple[int, int]:
    """Return (iat, exp). A token answers a challenge: one older than its connection tells that
    our clock is ahead, not that the token is old.
    """
    iat, nbf, exp = (_instant(claims, nom) for nom in ("iat", "nbf", "exp"))
    if iat is None or nbf is None or exp is None or exp - iat > DUREE_JETON_S:
        raise ErreurAgent("E_AUTH_TOKEN_INVALID")
    if iat - maintenant > TOLERANCE_S or nbf - maintenant > TOLERANCE_S:
        raise ErreurAgent("E_AUTH_CLOCK", skew_s=round(iat - maintenant))
    if maintenant - exp > TOLERANCE_S and depuis - iat > TOLERANCE_S:
        raise ErreurAgent("E_AUTH_CLOCK", skew_s=round(iat - depuis))
    if maintenant - exp > TOLERANCE_S:
        raise ErreurAgent("E_AUTH_TOKEN_EXPIRED")
    return iat, exp


def check_sign_request(
    enrolement: Enrolement, demande: object, acces: Acces, *, vus: Vus, maintenant: float
) -> dict[str, Any]:
    """Return the claims of a server-made signature request, or raise ErreurAgent (§5.7).

    A request lives sixty seconds of the server's clock, whatever ours says.
    """
    if not isinstance(demande, str):
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    try:
        claims = jws.verify(demande, "agent-sign+jwt", enrolement.cles)
    except jws.JwsRefuse as exc:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID") from exc
    attendus = {
        "iss": enrolement.emetteur,
        "aud": f"agent:{enrolement.wid}",
        "sub": acces.sub,
    }
    if any(claims.get(nom) != valeur for nom, valeur in attendus.items()):
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    exp, iat, jti = _instant(claims, "exp"), _instant(claims, "iat"), claims.get("jti")
    if exp is None or iat is None or exp - iat > DUREE_DEMANDE_S or not isinstance(jti, str):
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    la_bas = maintenant + acces.decalage_s
    if iat > la_bas + TOLERANCE_S:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    if la_bas > exp:
        raise ErreurAgent("E_SIGN_REQUEST_EXPIRED")
    _check_items(claims)
    if not vus.add(f"sign:{jti}", maintenant):
        raise ErreurAgent("E_SIGN_REPLAYED")
    return claims


def digests(claims: dict[str, Any]) -> list[bytes]:
    """Return the SHA-256 digests of a request whose items were checked."""
    return [base64.b64decode(item["digest_b64"]) for item in claims["items"]]


def build_window(claims: dict[str, Any]) -> tuple[str, str]:
    """Return what the person reads before giving the code: the purpose, and what is signed."""
    libelles = [str(item.get("label") or "") for item in claims["items"]]
    reste = f" + {len(libelles) - 3}" if len(libelles) > 3 else ""
    texte = " ; ".join(x for x in libelles[:3] if x) + reste
    return PURPOSES[claims["items"][0]["purpose"]], texte.strip()


def _check_items(claims: dict[str, Any]) -> None:
    items = claims.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 10:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    # Which of them this card knows is for its driver to say.
    if claims.get("alg") not in ("RS256", "PS256"):
        raise ErreurAgent("E_SIGN_ALG")
    if claims.get("key") not in ("auth", "sig") or not all(_is_item(item) for item in items):
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    # One window names one purpose: what it does not name is not signed.
    if len({item["purpose"] for item in items}) != 1:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    if (items[0]["purpose"] == "login") != (claims["key"] == "auth"):
        raise ErreurAgent("E_SIGN_KEY_USAGE")


def _is_item(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    ident, purpose, libelle = item.get("id"), item.get("purpose"), item.get("label") or ""
    if not (isinstance(ident, str) and isinstance(purpose, str) and isinstance(libelle, str)):
        return False
    if purpose not in PURPOSES or len(libelle) > 80 or not libelle.isprintable():
        return False
    try:
        return len(base64.b64decode(item["digest_b64"], validate=True)) == 32
    except (KeyError, TypeError, ValueError):
        return False
