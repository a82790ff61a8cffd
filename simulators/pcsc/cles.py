"""The RSA keys of a virtual CPS, used as a card uses them (agent.md §1.3, §7.3)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from simulators.pcsc.apdu import DONNEES, LONGUEUR, CarteInvalide, Refus

SHA1, SHA256 = "sha1", "sha256"
_HACHAGES: dict[str, hashes.HashAlgorithm] = {SHA1: hashes.SHA1(), SHA256: hashes.SHA256()}  # noqa: S303
_PART_MAX = 40


@dataclass(frozen=True)
class Paire:
    """A private key and its certificate."""

    cle: rsa.RSAPrivateKey
    certificat: bytes

    @property
    def octets(self) -> int:
        """Length of the modulus."""
        return self.cle.key_size // 8

    def raw(self, bloc: bytes) -> bytes:
        """The bare operation on a block of the length of the modulus."""
        if len(bloc) != self.octets:
            raise Refus(LONGUEUR)
        p = self.cle.private_numbers()
        m = int.from_bytes(bloc, "big")
        if m >= p.public_numbers.n:
            raise Refus(DONNEES)
        a, b = pow(m, p.dmp1, p.p), pow(m, p.dmq1, p.q)
        s = b + p.q * (p.iqmp * (a - b) % p.p)
        return s.to_bytes(self.octets, "big")

    def authenticate(self, digest_info: bytes) -> bytes:
        """Pad what is given as PKCS#1 type 1 and sign; Refus(6700) over 40 % of the modulus."""
        if not digest_info or len(digest_info) * 100 > self.octets * _PART_MAX:
            raise Refus(LONGUEUR)
        remplissage = b"\xff" * (self.octets - 3 - len(digest_info))
        return self.raw(b"\x00\x01" + remplissage + b"\x00" + digest_info)

    def sign(self, empreinte: bytes, hachage: str, pss: bool) -> bytes:
        """Sign a digest computed outside; Refus(6A80) when it is not of its length."""
        algorithme = _HACHAGES[hachage]
        if len(empreinte) != hashlib.new(hachage).digest_size:
            raise Refus(DONNEES)
        remplissage: padding.AsymmetricPadding = padding.PKCS1v15()
        if pss:
            remplissage = padding.PSS(padding.MGF1(algorithme), algorithme.digest_size)
        return self.cle.sign(empreinte, remplissage, utils.Prehashed(algorithme))

    def decipher(self, cryptogramme: bytes) -> bytes:
        """Decipher PKCS#1 type 2; Refus(6A80) when it is not for this key."""
        if len(cryptogramme) != self.octets:
            raise Refus(LONGUEUR)
        try:
            return self.cle.decrypt(cryptogramme, padding.PKCS1v15())
        except ValueError as exc:
            raise Refus(DONNEES) from exc


def load_pairs(cps: dict[str, Any], dossier: Path) -> dict[str, Paire]:
    """Return the pairs `auth` and `sig` of a card file; CarteInvalide when a file is absent."""
    try:
        return {usage: _pair(noms, dossier) for usage, noms in cps["keys"].items()}
    except OSError as exc:
        raise CarteInvalide(
            "clés de la carte absentes : python -m simulators.pki DOSSIER les fabrique"
        ) from exc


def _pair(noms: dict[str, str], dossier: Path) -> Paire:
    cle = load_pem_private_key((dossier / noms["pem_file"]).read_bytes(), None)
    if not isinstance(cle, rsa.RSAPrivateKey):
        raise CarteInvalide("la clé de la carte n'est pas une clé RSA")
    return Paire(cle, (dossier / noms["cert_file"]).read_bytes())
