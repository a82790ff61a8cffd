"""Compact JWS with Ed25519, nothing else: the algorithm is fixed before any key is looked up."""

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class JwsRefuse(ValueError):
    """A token that is not what it claims; the text is a short stable reason."""


def b64(octets: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(texte: str) -> bytes:
    """Return the bytes of a base64url text without padding. Raises JwsRefuse."""
    try:
        return base64.b64decode(texte + "=" * (-len(texte) % 4), altchars=b"-_", validate=True)
    except ValueError as exc:
        raise JwsRefuse("base64") from exc


def public_raw(cle: Ed25519PrivateKey) -> str:
    """Return the public half, raw, in base64url."""
    return b64(cle.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def thumbprint(x: str) -> str:
    """Return the RFC 7638 thumbprint of an Ed25519 public key."""
    return b64(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def _json(octets: bytes) -> dict[str, Any]:
    try:
        objet = json.loads(octets)
    except (ValueError, RecursionError) as exc:
        raise JwsRefuse("json") from exc
    if not isinstance(objet, dict):
        raise JwsRefuse("json")
    return objet


def sign(cle: Ed25519PrivateKey, typ: str, claims: dict[str, Any]) -> str:
    """Return a compact JWS."""
    entete = {"alg": "EdDSA", "kid": thumbprint(public_raw(cle)), "typ": typ}
    avant = ".".join(
        b64(json.dumps(part, separators=(",", ":")).encode()) for part in (entete, claims)
    )
    return f"{avant}.{b64(cle.sign(avant.encode()))}"


def verify(jeton: str, typ: str, cles: list[dict[str, str]]) -> dict[str, Any]:
    """Return the claims of a token signed by one of the JWKs. Raises JwsRefuse.

    `none`, HMAC and RSA are refused before any key is looked up (agent.md §5.5).
    """
    parts = jeton.split(".")
    if len(parts) != 3:
        raise JwsRefuse("forme")
    entete = _json(unb64(parts[0]))
    if entete.get("alg") != "EdDSA" or entete.get("typ") != typ or "crit" in entete:
        raise JwsRefuse("entete")
    cle = next(
        (c for c in cles if c.get("kid") == entete.get("kid") and c.get("crv") == "Ed25519"), None
    )
    if cle is None:
        raise JwsRefuse("cle")
    try:
        Ed25519PublicKey.from_public_bytes(unb64(cle["x"])).verify(
            unb64(parts[2]), f"{parts[0]}.{parts[1]}".encode()
        )
    except (InvalidSignature, ValueError) as exc:
        raise JwsRefuse("signature") from exc
    return _json(unb64(parts[1]))
