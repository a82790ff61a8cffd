"""Encryption at rest and keyed digests, with keys that live outside the database.

Keys rotate: the first one encrypts, all of them decrypt, and `manage.py cles_tourner` writes again
what another one wrote. A digest is of one key: none opens it, so that a new key means computing it
again from what it is the digest of; the former ones find their rows meanwhile.
"""

import hashlib
import hmac
import unicodedata
import zlib
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import models

MARQUE = 9


def key_mark(cle: str) -> str:
    """Return nine characters that tell which key encrypted, and nothing of it (SEC-13)."""
    return hashlib.sha256(b"comptoir.chiffrement.cle\x00" + cle.encode()).hexdigest()[:8] + "."


@lru_cache(maxsize=4)
def _trousseau(cles: tuple[str, ...]) -> dict[bytes, Fernet]:
    if not cles:
        raise ImproperlyConfigured("COMPTOIR_CLES_CHIFFREMENT est vide.")
    return {key_mark(cle).encode(): Fernet(cle.encode()) for cle in cles}


def encrypt(clair: bytes) -> bytes:
    """Return `clair` encrypted under the current key, after the mark of that key."""
    marque, cle = next(iter(_trousseau(tuple(settings.CLES_CHIFFREMENT)).items()))
    return marque + cle.encrypt(clair)


def decrypt(chiffre: bytes) -> bytes:
    """Return the plain bytes; ValueError when no key of ours opens them.

    What was written before marks were has none: every key is tried.
    """
    cles = _trousseau(tuple(settings.CLES_CHIFFREMENT))
    nommee = cles.get(chiffre[:MARQUE])
    essais = cles.values() if nommee is None else (nommee,)
    jeton = chiffre if nommee is None else chiffre[MARQUE:]
    for cle in essais:
        try:
            return cle.decrypt(jeton)
        except InvalidToken:
            continue
    raise ValueError("no key opens this value")


def empreinte(*parts: str) -> str:
    """Return the HMAC-SHA-256 (hex) of normalised parts, to look up without reading."""
    return empreintes(*parts)[0]


def empreintes(*parts: str) -> tuple[str, ...]:
    """Return the digest under the current key, then under each former one that is still given.

    To look for a row while the digests are computed again (`pharmacy.services.cles`).
    """
    if not settings.CLE_EMPREINTE:
        raise ImproperlyConfigured("COMPTOIR_CLE_EMPREINTE est vide.")
    message = "\x1f".join(unicodedata.normalize("NFC", part) for part in parts).encode()
    return tuple(
        hmac.new(cle.encode(), message, hashlib.sha256).hexdigest()
        for cle in (settings.CLE_EMPREINTE, *settings.CLES_EMPREINTE_ANCIENNES)
    )


# What is packed before it is encrypted starts so; no message, JSON or XML, begins with a zero.
_TASSE = b"\x00z"
_TASSER_DES = 4096


def pack(clair: bytes) -> bytes:
    """Return long content packed (messages of the services shrink by five to ten), short as it is.

    Only what rests in the database is packed: nobody who chooses a part of it sees its length.
    """
    if len(clair) < _TASSER_DES and not clair.startswith(_TASSE):
        return clair
    return _TASSE + zlib.compress(clair, 1)


def unpack(lu: bytes) -> bytes:
    """Return what `pack` was given."""
    return zlib.decompress(lu[len(_TASSE) :]) if lu.startswith(_TASSE) else lu


class OctetsChiffres(models.BinaryField):  # type: ignore[type-arg]
    """A binary column whose content is packed, then encrypted at rest; None stays None."""

    def get_prep_value(self, value: bytes | None) -> bytes | None:
        """Encrypt on the way to the database."""
        return None if value is None else encrypt(pack(bytes(value)))

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> bytes | None:  # noqa: ANN401
        """Decrypt on the way back."""
        return None if value is None else unpack(decrypt(bytes(value)))


class TexteChiffre(models.BinaryField):  # type: ignore[type-arg]
    """A text column encrypted at rest; the empty text is stored as an empty value."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("default", "")
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def _check_str_default_value(self) -> list[CheckMessage]:
        """Say nothing: the column is binary, its value in Python is text."""
        return []

    def get_default(self) -> str:
        """Return the default as text (BinaryField would make bytes of it)."""
        return "" if self.default == "" else str(self.default)

    def get_prep_value(self, value: str | None) -> bytes:
        """Encrypt on the way to the database."""
        return encrypt(value.encode()) if value else b""

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> str:  # noqa: ANN401
        """Decrypt on the way back."""
        octets = bytes(value) if value is not None else b""
        return decrypt(octets).decode() if octets else ""
