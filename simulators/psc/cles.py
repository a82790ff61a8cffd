"""Signing keys, their publication and rotation; tokens well signed, and badly on demand."""

import base64
import hashlib
import hmac
import json
import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


def b64(octets: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(texte: str) -> bytes:
    """Read base64url without padding; ValueError when it is not."""
    return base64.urlsafe_b64decode(texte + "=" * (-len(texte) % 4))


def _segment(objet: dict[str, Any]) -> str:
    return b64(json.dumps(objet, ensure_ascii=False, separators=(",", ":")).encode())


def _number(entier: int) -> str:
    return b64(entier.to_bytes((entier.bit_length() + 7) // 8, "big"))


class Cle:
    """One RSA key and its name: the thumbprint of RFC 7638."""

    def __init__(self, prive: "RSAPrivateKey", usage: str = "sig") -> None:
        self.prive = prive
        self.usage = usage
        nombres = prive.public_key().public_numbers()
        self.membres = {"e": _number(nombres.e), "kty": "RSA", "n": _number(nombres.n)}
        canonique = json.dumps(self.membres, separators=(",", ":"), sort_keys=True)
        self.kid = b64(hashlib.sha256(canonique.encode()).digest())

    @property
    def public(self) -> "RSAPublicKey":
        """The half that anyone may have."""
        return self.prive.public_key()

    def published(self) -> dict[str, str]:
        """Return its entry in the key set."""
        alg = "RS256" if self.usage == "sig" else "RSA-OAEP"
        return {"kid": self.kid, "alg": alg, "use": self.usage, **self.membres}

    def sign(self, octets: bytes) -> bytes:
        """RS256."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.prive.sign(octets, PKCS1v15(), SHA256())

    def is_signer(self, octets: bytes, signature: bytes) -> bool:
        """Tell whether this key signed these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self.public.verify(signature, octets, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def public_pem(self) -> bytes:
        """Return what an HS256 forger takes for a secret."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _load(fichier: Path, usage: str) -> Cle:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    prive = load_pem_private_key(fichier.read_bytes(), None)
    assert isinstance(prive, RSAPrivateKey)  # noqa: S101
    return Cle(prive, usage)


def _generate() -> Cle:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return Cle(generate_private_key(public_exponent=65537, key_size=2048))


class Trousseau:
    """The keys of the service: one signs, others may still be published, others are gone.

    The library is loaded at the first token: the process starts without it.
    """

    def __init__(self, tls: Path) -> None:
        self.dossier = tls / "psc"
        self.nouvelles: list[Cle] = []
        self.retirees: list[Cle] = []

    @cached_property
    def premiere(self) -> Cle:
        """The key of the start."""
        return _load(self.dossier / "signature.key", "sig")

    @cached_property
    def chiffrement(self) -> Cle:
        """Published with the use « enc », as Keycloak does: it must sign nothing."""
        return _load(self.dossier / "chiffrement.key", "enc")

    @cached_property
    def etrangere(self) -> Cle:
        """A key that was never published."""
        return _generate()

    def forget(self) -> None:
        """Go back to the key of the start."""
        self.nouvelles.clear()
        self.retirees.clear()

    @property
    def signatures(self) -> list[Cle]:
        """Published signing keys, oldest first."""
        return [c for c in (self.premiere, *self.nouvelles) if c not in self.retirees]

    @property
    def active(self) -> Cle:
        """The one that signs."""
        return self.signatures[-1]

    def rotate(self) -> str:
        """Sign with a new key from now on; the former ones stay published."""
        self.nouvelles.append(_generate())
        return self.active.kid

    def retire(self) -> list[str]:
        """Publish the active key only."""
        parties = self.signatures[:-1]
        self.retirees.extend(parties)
        return [cle.kid for cle in parties]

    def published(self) -> dict[str, Any]:
        """Return the key set."""
        return {"keys": [c.published() for c in (*reversed(self.signatures), self.chiffrement)]}

    def sign(
        self, claims: dict[str, Any], voulues: frozenset[str] = frozenset(), *, typ: str = "JWT"
    ) -> str:
        """Return a compact token; wrongly signed when one of these anomalies is wanted."""
        cle, entete = self._header(voulues, typ)
        clair = f"{_segment(entete)}.{_segment(claims)}"
        signature = cle.sign(clair.encode())
        if "signature_fausse" in voulues:
            signature = bytes([signature[0] ^ 1]) + signature[1:]
        return f"{clair}.{b64(signature)}"

    def _header(self, voulues: frozenset[str], typ: str) -> tuple[Cle, dict[str, Any]]:
        cle = self.active
        entete: dict[str, Any] = {"alg": "RS256", "typ": typ, "kid": cle.kid}
        if "kid_inconnu" in voulues:
            cle = self.etrangere
            entete["kid"] = f"inconnu-{secrets.token_hex(6)}"
        if "cle_retiree" in voulues:
            cle = self.retirees[-1] if self.retirees else self.etrangere
            entete["kid"] = cle.kid
        if "cle_embarquee" in voulues:
            cle = self.etrangere
            entete["jwk"] = cle.published()
        if "sans_kid" in voulues:
            del entete["kid"]
        if "crit" in voulues:
            entete |= {"crit": ["urn:sim:inconnu"], "urn:sim:inconnu": True}
        return cle, entete

    def sign_none(self, claims: dict[str, Any]) -> str:
        """Return an unsecured token."""
        return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."

    def sign_hmac(self, claims: dict[str, Any], secret: bytes) -> str:
        """Return an HS256 token; the name of the active key is in it, as a forger would write."""
        entete = {"alg": "HS256", "typ": "JWT", "kid": self.active.kid}
        clair = f"{_segment(entete)}.{_segment(claims)}"
        return f"{clair}.{b64(hmac.digest(secret, clair.encode(), 'sha256'))}"

    def read(self, jeton: str) -> dict[str, Any] | None:
        """Return the claims of a token that one of our keys signed, also a retired one."""
        try:
            clair, _, signature = jeton.rpartition(".")
            octets = unb64(signature)
            entete, claims = (json.loads(unb64(partie)) for partie in clair.split("."))
        except ValueError:
            return None
        if not isinstance(entete, dict) or entete.get("alg") != "RS256":
            return None
        for cle in (self.premiere, *self.nouvelles):
            if cle.is_signer(clair.encode(), octets):
                return claims if isinstance(claims, dict) else None
        return None
