"""The tokens of a session, sealed for its row alone.

AES-256-GCM under a key drawn from each key of the installation, the identifier of the session as
associated data: a blob copied into another row does not open. The first key seals, all of them
open. Source: psc.md §5.5; PSC-12.
"""

import json
import os
from dataclasses import asdict
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from psc.echanges import Jetons

_ALEA = 12
_VERSION = b"\x01"


class CoffreFerme(ValueError):
    """No key opens this, or it was sealed for another row: the session is over."""


@lru_cache(maxsize=8)
def _aead(cle: str) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"comptoir psc.jetons 1")
    return AESGCM(derivation.derive(cle.encode()))


def _associated(session_id: UUID) -> bytes:
    return b"psc.session:" + session_id.bytes


def seal(session_id: UUID, jetons: Jetons) -> bytes:
    """Return the tokens sealed for one session. ImproperlyConfigured without a key."""
    if not settings.CLES_CHIFFREMENT:
        raise ImproperlyConfigured("COMPTOIR_CLES_CHIFFREMENT est vide.")
    alea = os.urandom(_ALEA)
    clair = json.dumps(asdict(jetons)).encode()
    cle = _aead(settings.CLES_CHIFFREMENT[0])
    return _VERSION + alea + cle.encrypt(alea, clair, _associated(session_id))


def renew(session_id: UUID, scelle: bytes) -> bytes | None:
    """Return the tokens sealed again under the first key; None when they are. Raises CoffreFerme.

    What no key opens any more is a session that is over: nothing to write again.
    """
    octets = bytes(scelle)
    try:
        _aead(settings.CLES_CHIFFREMENT[0]).decrypt(
            octets[1 : 1 + _ALEA], octets[1 + _ALEA :], _associated(session_id)
        )
    except (InvalidTag, ValueError):
        return seal(session_id, unseal(session_id, octets))
    return None


def unseal(session_id: UUID, scelle: bytes) -> Jetons:
    """Return the tokens of this session. Raises CoffreFerme."""
    octets = bytes(scelle)
    if octets[:1] != _VERSION:
        raise CoffreFerme("version")
    alea, chiffre = octets[1 : 1 + _ALEA], octets[1 + _ALEA :]
    for cle in settings.CLES_CHIFFREMENT:
        try:
            clair = _aead(cle).decrypt(alea, chiffre, _associated(session_id))
        except (InvalidTag, ValueError):
            continue
        return Jetons(**json.loads(clair))
    raise CoffreFerme("no key opens these tokens")
