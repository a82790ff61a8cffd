"""Who a certificate of a CPS names (agent.md §1.6): both generations, read from DER. Pure."""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from agent.cards.cps import tlv
from agent.cards.cps.situations import ContenuFaux, text

TYPE_CARTE = ObjectIdentifier("1.2.250.1.71.1.2.2")
SERIE = ObjectIdentifier("1.2.250.1.71.1.2.3")
PROFESSION = ObjectIdentifier("1.2.250.1.71.1.2.7")
SPECIALITES = ObjectIdentifier("1.2.250.1.71.4.2.5")


def load(der: bytes) -> x509.Certificate:
    """Return the certificate. Raises ContenuFaux."""
    try:
        certificat = x509.load_der_x509_certificate(der)
        certificat.extensions  # noqa: B018 - parsed here, so that a bad one is refused here
        certificat.subject  # noqa: B018
    except (ValueError, x509.DuplicateExtension) as exc:
        raise ContenuFaux("certificat") from exc
    return certificat


def identify(der: bytes) -> dict[str, Any]:
    """Return what a certificate says of its holder. Raises ContenuFaux.

    A nameless CPE takes its name from O and its given name from CN, `nominative` false (case 34).
    The profession's label is `title` (IGC-Santé) or the only OU (old IGC-CPS). Dates are UTC days.
    """
    certificat = load(der)
    nom, prenom = _name(certificat, NameOID.SURNAME), _name(certificat, NameOID.GIVEN_NAME)
    id_nat = _name(certificat, NameOID.COMMON_NAME)
    if not id_nat:
        raise ContenuFaux("certificat")
    organisation = _name(certificat, NameOID.ORGANIZATION_NAME)
    nominative = bool(nom or prenom)
    serie = _value(certificat, SERIE)
    return {
        "id_nat": id_nat,
        "nom": nom if nominative else organisation,
        "prenom": prenom if nominative else id_nat,
        "nominative": nominative,
        "organisation": organisation,
        "profession": _integer(certificat, PROFESSION),
        "profession_libelle": _name(certificat, NameOID.TITLE)
        or _name(certificat, NameOID.ORGANIZATIONAL_UNIT_NAME),
        "specialites": _texts(certificat, SPECIALITES),
        "type": _integer(certificat, TYPE_CARTE),
        "serie": text(serie).partition("/")[2] or None if serie else None,
        "valide_du": certificat.not_valid_before_utc.date().isoformat(),
        "valide_au": certificat.not_valid_after_utc.date().isoformat(),
    }


def _name(certificat: x509.Certificate, oid: ObjectIdentifier) -> str | None:
    """Return an attribute of the subject, wherever it stands: the RDN has several values."""
    trouves = certificat.subject.get_attributes_for_oid(oid)
    valeur = trouves[0].value if trouves else ""
    return (valeur if isinstance(valeur, str) else text(valeur)).strip() or None


def _value(certificat: x509.Certificate, oid: ObjectIdentifier) -> bytes | None:
    """Return what is inside the DER value of an extension, or None."""
    try:
        extension = certificat.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    brut = extension.value if isinstance(extension, x509.UnrecognizedExtension) else b""
    try:
        return next((valeur for _tag, valeur in tlv.items(brut)), None)
    except tlv.TlvFaux as exc:
        raise ContenuFaux("certificat") from exc


def _integer(certificat: x509.Certificate, oid: ObjectIdentifier) -> int | None:
    valeur = _value(certificat, oid)
    return int.from_bytes(valeur, signed=True) if valeur else None


def _texts(certificat: x509.Certificate, oid: ObjectIdentifier) -> list[str]:
    valeur = _value(certificat, oid) or b""
    try:
        return [text(v) for _tag, v in tlv.items(valeur)]
    except tlv.TlvFaux as exc:
        raise ContenuFaux("certificat") from exc
