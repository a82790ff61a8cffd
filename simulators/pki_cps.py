"""Certificates of the simulated CPS: subject and extensions of both generations (agent.md §1.6).

Known values only; the family byte is one of those seen, opaque.
"""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ANCIENNE = "IGC-CPS"
EMETTEUR = "8025000001"
_TYPE = ObjectIdentifier("1.2.250.1.71.1.2.2")
_SERIE = ObjectIdentifier("1.2.250.1.71.1.2.3")
_FAMILLE = ObjectIdentifier("1.2.250.1.71.1.2.5")
_PROFESSION = ObjectIdentifier("1.2.250.1.71.1.2.7")
_SPECIALITES = ObjectIdentifier("1.2.250.1.71.4.2.5")
_PRINTABLE, _UTF8, _SEQUENCE, _INTEGER, _OCTETS = 0x13, 0x0C, 0x30, 0x02, 0x04
_SANS_NOM = "TEST"
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def issuer_name(igc: str) -> x509.Name:
    """Return the name of the authority of a generation; each says TEST."""
    if igc == ANCIENNE:
        dits = [("C", "FR"), ("O", "TEST"), ("OU", "TEST PROFESSIONNEL"), ("CN", "TEST CLASSE-1")]
    else:
        dits = [
            ("C", "FR"),
            ("O", "ASIP-SANTE"),
            ("OU", "0002 187512751"),
            ("OU", "IGC-SANTE TEST"),
            ("CN", "TEST AC IGC-SANTE FORT PERSONNES"),
        ]
    return x509.Name([_attribute(*dit) for dit in dits])


def subject(cps: dict[str, Any]) -> x509.Name:
    """Return the subject: a last RDN of several values, or none of the names (nameless CPE)."""
    ancienne = cps.get("igc") == ANCIENNE
    nom, prenom = str(cps.get("nom") or ""), str(cps.get("prenom") or "")
    libelle = str(cps.get("profession_libelle") or "")
    rdns = [[("C", "FR")]]
    if ancienne:
        nom, prenom = nom or _SANS_NOM, prenom or _SANS_NOM
        rdns += [[("O", "TEST")], [("OU", libelle)]]
    elif not nom:
        rdns += [[("O", str(cps["situations"][0]["raison_sociale"]))], [("title", libelle)]]
    else:
        rdns.append([("title", libelle)])
    noms = [("GN", prenom), ("SN", nom)] if nom else []
    rdns.append([*noms, ("CN", str(cps["id_nat"]))])
    gardes = [[(cle, valeur) for cle, valeur in rdn if valeur] for rdn in rdns]
    return x509.Name(
        [x509.RelativeDistinguishedName(_attribute(*a) for a in rdn) for rdn in gardes if rdn]
    )


def extensions(cps: dict[str, Any], usage: str) -> list[tuple[x509.ExtensionType, bool]]:
    """Return the extensions of the pair `auth` or `sig`."""
    auth = usage == "auth"
    if auth:
        eku = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SMARTCARD_LOGON]
    else:
        eku = [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    propres = [
        (_TYPE, _der(_INTEGER, bytes([int(cps.get("type") or 0)]))),
        (_SERIE, _der(_PRINTABLE, f"{EMETTEUR}/{cps['serie']}".encode())),
        (_FAMILLE, _der(_OCTETS, b"\x80")),
        (_PROFESSION, _der(_INTEGER, bytes([int(cps.get("profession") or 0)]))),
    ]
    if cps.get("specialites"):
        codes = b"".join(_der(_UTF8, str(c).encode()) for c in cps["specialites"])
        propres.append((_SPECIALITES, _der(_SEQUENCE, codes)))
    return [
        (_key_usage(auth, cps.get("igc") == ANCIENNE), True),
        (x509.ExtendedKeyUsage(eku), False),
        *((x509.UnrecognizedExtension(oid, der), False) for oid, der in propres),
    ]


def _key_usage(auth: bool, ancienne: bool) -> x509.KeyUsage:
    if auth:
        return key_usage("digital_signature", "key_encipherment")
    return key_usage("content_commitment", *(["digital_signature"] if ancienne else []))


def key_usage(*permis: str) -> x509.KeyUsage:
    """Return the extension that permits these uses, by their names in X.509, and no other."""
    return x509.KeyUsage(**{nom: nom in permis for nom in _USAGES})


def _attribute(cle: str, valeur: str) -> x509.NameAttribute[str]:
    oids = {
        "C": NameOID.COUNTRY_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "CN": NameOID.COMMON_NAME,
        "SN": NameOID.SURNAME,
        "GN": NameOID.GIVEN_NAME,
        "title": NameOID.TITLE,
    }
    return x509.NameAttribute(oids[cle], valeur)


def _der(tag: int, valeur: bytes) -> bytes:
    """A value under 128 bytes."""
    return bytes([tag, len(valeur)]) + valeur
