"""A signed PS assertion: certificate, algorithms, times (ins.md §3.2, ordonnance.md §2.2).

Nothing outside the element whose signature was verified is believed. Layout of the signature:
exclusive canonicalisation, RSA-SHA256, SHA-256, one reference to the assertion.
"""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature as FausseSignature
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulators.commun.contextes import DERIVE_ADMISE, instant
from simulators.commun.soap import WSSE, Message, MessageRefuse, text

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
PROFESSIONS = {21, 70}
_PROFESSION = x509.ObjectIdentifier("1.2.250.1.71.1.2.7")
# Short names that a subject may be written with, beside those of RFC 4514.
_NOMS_COURTS = {
    "GN": x509.NameOID.GIVEN_NAME,
    "SN": x509.NameOID.SURNAME,
    "T": x509.NameOID.TITLE,
    "TITLE": x509.NameOID.TITLE,
}
_CONFIGURATION = SignatureConfiguration(
    location="./",
    expect_references=1,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)


class AssertionRefusee(Exception):
    """The assertion proves nothing; the text says why."""


@dataclass(frozen=True)
class Verifiee:
    """An assertion whose signature holds: the element covered, who signed, what is attested."""

    element: Any
    porteur: str
    profession: int
    attributs: dict[str, str]


def verified_assertion(
    message: Message, autorite: x509.Certificate, maintenant: datetime | None = None
) -> Verifiee:
    """Return the first assertion of the message; AssertionRefusee for anything wrong.

    A second assertion, of the carte Vitale, may follow: it is not looked at. Its conditions are
    for `check_conditions`.
    """
    maintenant = maintenant or datetime.now(UTC)
    securite = message.header(WSSE, "Security")
    assertion = securite.find(f"{{{SAML}}}Assertion") if securite is not None else None
    if assertion is None:
        raise AssertionRefusee("Assertion absente")
    certificat = _certificate(assertion)
    _check_certificate(certificat, autorite, maintenant)
    signee = _verified(assertion, certificat)
    if signee.get("Version") != "2.0":
        raise AssertionRefusee("Assertion sans version")
    attributs = {
        a.get("Name", ""): text(a, SAML, "AttributeValue")
        for a in signee.iterfind(f"{{{SAML}}}AttributeStatement/{{{SAML}}}Attribute")
    }
    return Verifiee(signee, _holder(signee, certificat), _profession(certificat), attributs)


def check_conditions(signee: Any, audience: str, maintenant: datetime | None = None) -> None:  # noqa: ANN401
    """Refuse an assertion out of its own validity, or meant for another service."""
    maintenant = maintenant or datetime.now(UTC)
    conditions = signee.find(f"{{{SAML}}}Conditions")
    if conditions is None:
        raise AssertionRefusee("Assertion sans validité")
    try:
        debut = instant(conditions.get("NotBefore", ""))
        fin = instant(conditions.get("NotOnOrAfter", ""))
    except MessageRefuse as exc:
        raise AssertionRefusee("Dates de l'assertion illisibles") from exc
    if issued_at(signee) - DERIVE_ADMISE > maintenant or debut - DERIVE_ADMISE > maintenant:
        raise AssertionRefusee("Assertion pas encore valable")
    if maintenant >= fin:
        raise AssertionRefusee("Assertion expirée")
    for restriction in conditions.findall(f"{{{SAML}}}AudienceRestriction"):
        if audience not in [a.text for a in restriction.findall(f"{{{SAML}}}Audience")]:
            raise AssertionRefusee("Assertion destinée à un autre service")


def issued_at(signee: Any) -> datetime:  # noqa: ANN401
    """Return IssueInstant."""
    try:
        return instant(signee.get("IssueInstant", ""))
    except MessageRefuse as exc:
        raise AssertionRefusee("Dates de l'assertion illisibles") from exc


def _certificate(assertion: Any) -> x509.Certificate:  # noqa: ANN401
    trouves = assertion.findall(
        f"{{{DS}}}Signature/{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    )
    if len(trouves) != 1:
        raise AssertionRefusee("Signature ou certificat absent de l'assertion")
    brut = "".join((trouves[0].text or "").split())
    try:
        return x509.load_pem_x509_certificate(
            f"-----BEGIN CERTIFICATE-----\n{brut}\n-----END CERTIFICATE-----".encode()
        )
    except ValueError as exc:
        raise AssertionRefusee("Certificat illisible") from exc


def _check_certificate(
    certificat: x509.Certificate, autorite: x509.Certificate, maintenant: datetime
) -> None:
    try:
        certificat.verify_directly_issued_by(autorite)
        usage = certificat.extensions.get_extension_for_class(x509.KeyUsage).value
    except (FausseSignature, ValueError, TypeError) as exc:
        raise AssertionRefusee("Certificat d'une autre autorité") from exc
    except x509.ExtensionNotFound as exc:
        raise AssertionRefusee("Certificat sans usage de clé") from exc
    if not certificat.not_valid_before_utc <= maintenant <= certificat.not_valid_after_utc:
        raise AssertionRefusee("Certificat expiré")
    if not usage.content_commitment:
        raise AssertionRefusee("Certificat qui ne signe pas")


def _verified(assertion: Any, certificat: x509.Certificate) -> Any:  # noqa: ANN401
    """Return the element that the signature really covers."""
    _check_algorithms(assertion)
    seule = etree.tostring(assertion, with_tail=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            resultat = XMLVerifier().verify(
                seule,
                x509_cert=certificat,
                id_attribute="ID",
                expect_config=_CONFIGURATION,
            )
    except (SignXMLException, ValueError, etree.LxmlError) as exc:
        raise AssertionRefusee("Signature de l'assertion refusée") from exc
    unique = resultat[0] if isinstance(resultat, list) else resultat
    signee = unique.signed_xml
    if (
        signee is None
        or signee.tag != f"{{{SAML}}}Assertion"
        or signee.get("ID") != assertion.get("ID")
    ):
        raise AssertionRefusee("La signature ne couvre pas l'assertion")
    return signee


def _check_algorithms(assertion: Any) -> None:  # noqa: ANN401
    infos = assertion.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")
    references = infos.findall(f"{{{DS}}}Reference") if infos is not None else []
    canon = infos.find(f"{{{DS}}}CanonicalizationMethod") if infos is not None else None
    if len(references) != 1 or canon is None or canon.get("Algorithm") != EXCLUSIVE:
        raise AssertionRefusee("Canonicalisation ou références de la signature refusées")
    if references[0].get("URI") != f"#{assertion.get('ID')}":
        raise AssertionRefusee("La signature ne vise pas l'assertion")
    transformations = [t.get("Algorithm") for t in references[0].iter(f"{{{DS}}}Transform")]
    if transformations != [ENVELOPED, EXCLUSIVE]:
        raise AssertionRefusee("Transformations de la signature refusées")


def _holder(signee: Any, certificat: x509.Certificate) -> str:  # noqa: ANN401
    """Return the holder; the issuer is the whole subject of the certificate, the subject its CN."""
    noms = certificat.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    cn = str(noms[0].value) if noms else ""
    if not cn or not _is_subject(text(signee, SAML, "Issuer"), certificat):
        raise AssertionRefusee("L'émetteur de l'assertion n'est pas le porteur du certificat")
    if text(signee, SAML, "Subject", "NameID") != cn:
        raise AssertionRefusee("Le sujet de l'assertion n'est pas le porteur du certificat")
    return cn


def _is_subject(issuer: str, certificat: x509.Certificate) -> bool:
    """Tell whether a name is the subject of a certificate, whole, written in either order."""
    try:
        lu = x509.Name.from_rfc4514_string(issuer, _NOMS_COURTS)
    except ValueError:
        return False
    rdns, sien = _pairs(lu), _pairs(certificat.subject)
    return rdns in (sien, sien[::-1])


def _pairs(nom: x509.Name) -> list[set[tuple[str, str]]]:
    return [{(a.oid.dotted_string, str(a.value)) for a in rdn} for rdn in nom.rdns]


def _profession(certificat: x509.Certificate) -> int:
    """Return the profession of the card (table G15); 0 when the certificate does not say."""
    try:
        valeur = certificat.extensions.get_extension_for_oid(_PROFESSION).value
    except x509.ExtensionNotFound:
        return 0
    octets = valeur.value if isinstance(valeur, x509.UnrecognizedExtension) else b""
    return int.from_bytes(octets[2:], "big") if octets[:1] == b"\x02" else 0
