"""The server's signing key for agents, and the public keys of the workstations."""

import base64
import json
import re
import warnings
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

# The agent's protocol names the algorithm « EdDSA » (agent.md §5.5); RFC 9864 prefers « Ed25519 ».
warnings.filterwarnings("ignore", message="EdDSA is deprecated via RFC 9864")
ALGORITHMES = ["EdDSA"]


class JetonRefuse(ValueError):
    """A signed object that is not what it says; the text is a stable code."""


_FIN_PEM = "-----END PRIVATE KEY-----"


@lru_cache(maxsize=4)
def _load(pems: str) -> tuple[OKPKey, ...]:
    trouves = [f"{bout.strip()}\n{_FIN_PEM}\n" for bout in pems.split(_FIN_PEM) if bout.strip()]
    if not trouves:
        raise ImproperlyConfigured("COMPTOIR_CLE_AGENT est vide.")
    return tuple(OKPKey.import_key(pem) for pem in trouves[:2])


def server_key() -> OKPKey:
    """Return the Ed25519 key under which the server signs for agents: the first of the setting."""
    return _load(settings.CLE_AGENT_PEM)[0]


def server_jwks() -> dict[str, list[dict[str, object]]]:
    """Return the public halves, as a JWKS: two during a rotation (agent.md §5.17)."""
    cles = _load(settings.CLE_AGENT_PEM)
    return {"keys": [{**c.as_dict(private=False), "kid": c.thumbprint()} for c in cles]}


def sign(typ: str, claims: dict[str, object]) -> str:
    """Return a compact JWS of `claims`, of type `typ`, signed by the server."""
    cle = server_key()
    entete = {"alg": "EdDSA", "kid": cle.thumbprint(), "typ": typ}
    return jwt.encode(entete, claims, cle, algorithms=ALGORITHMES)


def poste_key(cle_publique: str) -> OKPKey:
    """Return the key of a workstation from its raw base64url form. ValueError when malformed."""
    # 43 letters are 32 bytes, two bits over: Python's own decoder would let others by, unread.
    if not re.fullmatch(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", cle_publique):
        raise ValueError("an Ed25519 public key has 32 bytes")
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": cle_publique})


def verify(jeton: str, typ: str, cle_publique: str) -> dict[str, Any]:
    """Return the claims signed by a workstation. JetonRefuse with a stable code otherwise."""
    _check_header(jeton, typ)
    try:
        return jwt.decode(jeton, poste_key(cle_publique), algorithms=ALGORITHMES).claims
    except (JoseError, ValueError, RecursionError) as exc:
        raise JetonRefuse("signature_fausse") from exc


def unsigned(jeton: str) -> bytes:
    """Return what a JWS says, unverified: only to find whose key must verify it. ValueError."""
    parts = jeton.split(".")
    if len(parts) != 3:
        raise ValueError("a JWS has three parts")
    return base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))


def _check_header(jeton: str, typ: str) -> None:
    """Refuse a header the library was not made to meet, before any key is looked up."""
    debut = jeton.partition(".")[0]
    try:
        entete = json.loads(base64.urlsafe_b64decode(debut + "=" * (-len(debut) % 4)))
    except (ValueError, RecursionError) as exc:
        raise JetonRefuse("signature_fausse") from exc
    if not isinstance(entete, dict) or "crit" in entete:
        raise JetonRefuse("signature_fausse")
    if entete.get("typ") != typ:
        raise JetonRefuse("type_inattendu")
