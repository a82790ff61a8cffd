"""Who may talk to the agent, and what it agrees to sign (agent.md §5.3, §5.5, §5.7)."""

from dataclasses import dataclass, field
from typing import Any

from agent import jws
from agent.protocol.messages import ErreurAgent

TOLERANCE_S = 90
DUREE_JETON_S = 300
MEMOIRE_JTI_S = 900
DUREE_DEMANDE_S = 60
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

    @classmethod
    def from_dict(cls, objet: dict[str, Any]) -> "Enrolement":
        """Read the enrolment file; KeyError when a part is missing."""
        return cls(
            wid=str(objet["wid"]),
            origines=tuple(str(o) for o in objet["allowed_origins"]),
            emetteur=str(objet["issuer"]),
            cles=list(objet["jwks"]["keys"]),
            officine=str(objet["officine"]["nom"]),
        )


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
class Acces:
    """A verified token: who, until when, for what."""

    sub: str
    sid: str
    exp: float
    portees: frozenset[str]
    jti: str


def check_host(hote: str, port: int) -> bool:
    """Tell whether the Host header is this agent's (stops DNS rebinding)."""
    return hote in {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}


def check_token(
    enrolement: Enrolement,
    jeton: object,
    *,
    origine: str,
    challenge: str,
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
    _check_claims(enrolement, claims, origine, challenge)
    exp = _check_times(claims, maintenant)
    jti = str(claims.get("jti") or "")
    if not jti or not vus.add(jti, maintenant):
        raise ErreurAgent("E_AUTH_TOKEN_REPLAYED")
    portees = claims.get("scope")
    return Acces(
        sub=str(claims.get("sub")),
        sid=str(claims.get("sid")),
        exp=exp,
        portees=frozenset(str(p) for p in portees) if isinstance(portees, list) else frozenset(),
        jti=jti,
    )


def _check_claims(
    enrolement: Enrolement, claims: dict[str, Any], origine: str, challenge: str
) -> None:
    for nom, attendu, code in (
        ("iss", enrolement.emetteur, "E_AUTH_TOKEN_INVALID"),
        ("aud", f"agent:{enrolement.wid}", "E_AUTH_WRONG_WORKSTATION"),
        ("origin", origine, "E_AUTH_WRONG_ORIGIN"),
        ("cnonce", challenge, "E_AUTH_CHALLENGE"),
    ):
        if claims.get(nom) != attendu:
            raise ErreurAgent(code)


def _check_times(claims: dict[str, Any], maintenant: float) -> float:
    iat, nbf, exp = (claims.get(nom) for nom in ("iat", "nbf", "exp"))
    for valeur in (iat, nbf, exp):
        if isinstance(valeur, bool) or not isinstance(valeur, int):
            raise ErreurAgent("E_AUTH_TOKEN_INVALID")
    assert isinstance(iat, int)  # noqa: S101 - proved just above, for the type checker
    assert isinstance(nbf, int)  # noqa: S101
    assert isinstance(exp, int)  # noqa: S101
    if exp - iat > DUREE_JETON_S:
        raise ErreurAgent("E_AUTH_TOKEN_INVALID")
    if iat - maintenant > TOLERANCE_S or nbf - maintenant > TOLERANCE_S:
        raise ErreurAgent("E_AUTH_CLOCK", skew_s=round(iat - maintenant))
    if maintenant - exp > TOLERANCE_S:
        raise ErreurAgent("E_AUTH_TOKEN_EXPIRED")
    return float(exp)


def check_sign_request(
    enrolement: Enrolement, demande: object, acces: Acces, *, vus: Vus, maintenant: float
) -> dict[str, Any]:
    """Return the claims of a server-made signature request, or raise ErreurAgent (§5.7)."""
    try:
        claims = jws.verify(str(demande), "agent-sign+jwt", enrolement.cles)
    except jws.JwsRefuse as exc:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID") from exc
    attendus = {
        "iss": enrolement.emetteur,
        "aud": f"agent:{enrolement.wid}",
        "sub": acces.sub,
    }
    if any(claims.get(nom) != valeur for nom, valeur in attendus.items()):
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    exp, iat = claims.get("exp"), claims.get("iat")
    if not (isinstance(exp, int) and isinstance(iat, int)) or exp - iat > DUREE_DEMANDE_S:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    if maintenant > exp + TOLERANCE_S:
        raise ErreurAgent("E_SIGN_REQUEST_EXPIRED")
    _check_items(claims)
    if not vus.add("sign:" + str(claims.get("jti")), maintenant):
        raise ErreurAgent("E_SIGN_REPLAYED")
    return claims


def _check_items(claims: dict[str, Any]) -> None:
    items = claims.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 10:
        raise ErreurAgent("E_SIGN_REQUEST_INVALID")
    if claims.get("alg") not in {"RS256"}:
        raise ErreurAgent("E_SIGN_ALG")
    for item in items:
        if not isinstance(item, dict) or item.get("purpose") not in PURPOSES:
            raise ErreurAgent("E_SIGN_REQUEST_INVALID")
        if (item["purpose"] == "login") != (claims.get("key") == "auth"):
            raise ErreurAgent("E_SIGN_KEY_USAGE")
        libelle = str(item.get("label") or "")
        if len(libelle) > 80 or not libelle.isprintable():
            raise ErreurAgent("E_SIGN_REQUEST_INVALID")
