"""What a CPS certificate says of its holder, read from DER (agent.md §1.6)."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

_PROFESSION = ObjectIdentifier("1.2.250.1.71.1.2.7")
_TYPE_CARTE = ObjectIdentifier("1.2.250.1.71.1.2.2")


@dataclass(frozen=True)
class CertificatCps:
    """Facts of a card's certificate. `profession` is the G15 code, None when absent."""

    id_nat: str
    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    profession: int | None
    type_carte: int | None
    valide_du: datetime
    valide_au: datetime
    signe: bool
    sujet: str = field(repr=False)


def _integer(certificat: x509.Certificate, oid: ObjectIdentifier) -> int | None:
    try:
        extension = certificat.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    octets = getattr(extension, "value", b"")
    return octets[2] if len(octets) == 3 and octets[:2] == b"\x02\x01" else None


def read_cps_certificate(der: bytes) -> CertificatCps:
    """Return the facts of a certificate. Raises ValueError when it is not one."""
    try:
        certificat = x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as exc:
        raise ValueError("not an X.509 v3 certificate") from exc

    def first(oid: ObjectIdentifier) -> str:
        valeurs = certificat.subject.get_attributes_for_oid(oid)
        return str(valeurs[0].value) if valeurs else ""

    try:
        usage = certificat.extensions.get_extension_for_class(x509.KeyUsage).value
        signe = usage.content_commitment
    except x509.ExtensionNotFound:
        signe = False
    return CertificatCps(
        id_nat=first(NameOID.COMMON_NAME),
        nom=first(NameOID.SURNAME),
        prenom=first(NameOID.GIVEN_NAME),
        profession=_integer(certificat, _PROFESSION),
        type_carte=_integer(certificat, _TYPE_CARTE),
        valide_du=certificat.not_valid_before_utc,
        valide_au=certificat.not_valid_after_utc,
        signe=signe,
        sujet=certificat.subject.rfc4514_string(),
    )


def is_issued_by(der: bytes, autorite_pem: bytes) -> bool:
    """Tell whether a certificate carries the signature of an authority we trust."""
    certificat = x509.load_der_x509_certificate(der)
    cle = x509.load_pem_x509_certificate(autorite_pem).public_key()
    try:
        algorithme = certificat.signature_hash_algorithm
        if isinstance(cle, ec.EllipticCurvePublicKey) and algorithme is not None:
            cle.verify(certificat.signature, certificat.tbs_certificate_bytes, ec.ECDSA(algorithme))
            return True
        if isinstance(cle, rsa.RSAPublicKey) and algorithme is not None:
            cle.verify(
                certificat.signature,
                certificat.tbs_certificate_bytes,
                padding.PKCS1v15(),
                algorithme,
            )
            return True
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return False
