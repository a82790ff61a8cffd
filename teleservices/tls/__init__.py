"""Key material and TLS contexts of the national services."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Materiel:
    """Paths of the trusted authorities, and of our certificate and key for mutual TLS."""

    autorites: str
    certificat: str = ""
    cle: str = ""


@dataclass(frozen=True)
class CertificatServeur:
    """What a certificate file says: subject CN and OU, end of validity, whether it says TEST."""

    cn: str
    ou: str
    expire_le: datetime
    de_test: bool


def fingerprint(materiel: Materiel) -> tuple[object, ...]:
    """Return a value that changes when a file is replaced: a renewal needs no restart."""
    chemins = [p for p in (materiel.autorites, materiel.certificat, materiel.cle) if p]
    return tuple((p, Path(p).stat().st_mtime_ns) for p in chemins)


def build_context(materiel: Materiel) -> ssl.SSLContext:
    """Return a verifying client context, TLS 1.2 at least, with our certificate if any."""
    contexte = ssl.create_default_context(cafile=materiel.autorites)
    contexte.minimum_version = ssl.TLSVersion.TLSv1_2
    if materiel.certificat:
        contexte.load_cert_chain(materiel.certificat, materiel.cle)
    return contexte


@lru_cache(maxsize=32)
def _read(chemin: str, _mtime: int) -> CertificatServeur:
    certificat = x509.load_pem_x509_certificate(Path(chemin).read_bytes())
    sujet = certificat.subject

    def first(oid: x509.ObjectIdentifier) -> str:
        valeurs = sujet.get_attributes_for_oid(oid)
        return str(valeurs[0].value) if valeurs else ""

    texte = sujet.rfc4514_string() + certificat.issuer.rfc4514_string()
    return CertificatServeur(
        cn=first(NameOID.COMMON_NAME),
        ou=first(NameOID.ORGANIZATIONAL_UNIT_NAME),
        expire_le=certificat.not_valid_after_utc,
        de_test="TEST" in texte.upper(),
    )


def read_certificate(chemin: str) -> CertificatServeur:
    """Return the facts of a PEM certificate file. Raises OSError or ValueError."""
    return _read(chemin, Path(chemin).stat().st_mtime_ns)
