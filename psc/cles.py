"""The keys of the provider: which ones may verify what, and what an unknown one sets off."""

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from psc.documents import Document, refuse_document
from psc.errors import error_of
from psc.rules.userinfo import UserinfoIllisible, read_json

BITS_MIN, BITS_MAX = 2048, 8192
# Asymmetric only: a client secret, or a public key taken for one, signs nothing (psc.md §5.2).
FAMILLES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@dataclass(frozen=True)
class Cle:
    """One public key of the set; `alg` is empty when the set does not bind it."""

    kid: str
    famille: str
    alg: str
    valeur: RSAKey | ECKey


class Cles(Protocol):
    """Where the verification of a token finds its key."""

    def find(self, kid: str, alg: str) -> Cle:
        """Return the key; raises the error « jeton_cle »."""


def parse_jwks(octets: bytes) -> tuple[Cle, ...]:
    """Return the keys of a JWKS document that may verify a signature.

    The others (encryption, too short, another curve, a form we cannot read) are left out, private
    members are never read. Raises « psc_document » when the document is none, or none is left.
    """
    try:
        brutes = read_json(octets).get("keys")
    except UserinfoIllisible as exc:
        raise refuse_document() from exc
    if not isinstance(brutes, list):
        raise refuse_document()
    cles = tuple(cle for cle in map(_read, brutes) if cle is not None)
    if not cles:
        raise refuse_document()
    return cles


def _read(brute: object) -> Cle | None:
    if not isinstance(brute, dict) or brute.get("use", "sig") != "sig":
        return None
    kid, alg = brute.get("kid", ""), brute.get("alg", "")
    operations = brute.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not isinstance(alg, str) or "verify" not in operations:
        return None
    try:
        valeur = _public(brute)
    except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
        return None
    return None if valeur is None else Cle(kid, str(brute["kty"]), alg, valeur)


def _public(brute: Mapping[str, Any]) -> RSAKey | ECKey | None:
    if brute.get("kty") == "RSA":
        bits = int.from_bytes(urlsafe_b64decode(str(brute["n"]).encode()), "big").bit_length()
        if not BITS_MIN <= bits <= BITS_MAX:
            return None
        return RSAKey.import_key({"kty": "RSA", "n": brute["n"], "e": brute["e"]})
    if brute.get("kty") == "EC" and brute.get("crv") == "P-256":
        return ECKey.import_key({membre: brute[membre] for membre in ("kty", "crv", "x", "y")})
    return None


def select(cles: Sequence[Cle], kid: str, alg: str) -> Cle | None:
    """Return the key of this name for this algorithm; without a name, the only one there is."""
    bonnes = [c for c in cles if c.famille == FAMILLES.get(alg) and c.alg in {"", alg}]
    if kid:
        bonnes = [c for c in bonnes if c.kid == kid]
    return bonnes[0] if len(bonnes) == 1 else None


class ClesDuService:
    """The keys of the pinned issuer; an unknown name has them asked again, once a minute."""

    def __init__(self, document: Document[tuple[Cle, ...]]) -> None:
        self._document = document

    def ask(self) -> None:
        """Ask for the keys now. Raises the error of the network, or of the check."""
        self._document.ask()

    def find(self, kid: str, alg: str) -> Cle:
        """Return the key; raises « jeton_cle », or the network's error when no key was ever had."""
        cle = select(self._document.get(), kid, alg)
        if cle is None and kid and self._document.renew():
            cle = select(self._document.get(), kid, alg)
        if cle is None:
            raise error_of("jeton_cle")
        return cle
