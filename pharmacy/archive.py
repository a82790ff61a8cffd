"""An encrypted file written as it comes, in a format that a page describes (docs/export.md).

AES-256-GCM by pieces (the STREAM construction): each nonce is a prefix drawn for the file, the rank
of the piece and whether it is the last, so that a piece removed, moved or cut off is refused. The
key of the file is drawn by HKDF-SHA-256 from the text that was given.
"""

import os
import struct
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ENTETE = b"COMPTOIR-EXPORT1"
MORCEAU = 1 << 16
CLE_MIN = 32
_SEL, _PREFIXE, _SCEAU = 16, 7, 16
_INFO = b"comptoir export 1"


class ArchiveIllisible(ValueError):
    """Another key, another file, or one that was cut or changed."""


def _aead(cle: str, sel: bytes) -> AESGCM:
    if len(cle) < CLE_MIN:
        raise ValueError("cle")
    derivation = HKDF(algorithm=SHA256(), length=32, salt=sel, info=_INFO)
    return AESGCM(derivation.derive(cle.encode()))


def _nonce(prefixe: bytes, rang: int, *, dernier: bool) -> bytes:
    return prefixe + struct.pack(">IB", rang, dernier)


class Coffre:
    """A file opened for writing; `close` writes the last piece. ValueError for a short key."""

    def __init__(self, sortie: IO[bytes], cle: str) -> None:
        sel, self._prefixe = os.urandom(_SEL), os.urandom(_PREFIXE)
        self._aead = _aead(cle, sel)
        self._sortie, self._rang, self._reste = sortie, 0, bytearray()
        sortie.write(ENTETE + sel + self._prefixe)

    def write(self, octets: bytes) -> int:
        """Encrypt what fills a piece, keep the rest."""
        self._reste += octets
        while len(self._reste) > MORCEAU:
            self._piece(bytes(self._reste[:MORCEAU]), dernier=False)
            del self._reste[:MORCEAU]
        return len(octets)

    def close(self) -> None:
        """Write the last piece: without it the file is refused."""
        self._piece(bytes(self._reste), dernier=True)
        self._reste.clear()

    def _piece(self, clair: bytes, *, dernier: bool) -> None:
        nonce = _nonce(self._prefixe, self._rang, dernier=dernier)
        self._sortie.write(self._aead.encrypt(nonce, clair, ENTETE))
        self._rang += 1


def read_archive(entree: IO[bytes], cle: str) -> Iterator[bytes]:
    """Yield what an archive holds, piece by piece. Raises ArchiveIllisible."""
    tete = entree.read(len(ENTETE) + _SEL + _PREFIXE)
    if tete[: len(ENTETE)] != ENTETE:
        raise ArchiveIllisible("entete")
    sel, prefixe = tete[len(ENTETE) : -_PREFIXE], tete[-_PREFIXE:]
    aead, rang = _aead(cle, sel), 0
    lu = entree.read(MORCEAU + _SCEAU)
    while True:
        suite = entree.read(MORCEAU + _SCEAU)
        try:
            yield aead.decrypt(_nonce(prefixe, rang, dernier=not suite), lu, ENTETE)
        except (InvalidTag, ValueError) as exc:
            raise ArchiveIllisible("morceau") from exc
        if not suite:
            return
        lu, rang = suite, rang + 1
