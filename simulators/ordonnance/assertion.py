"""The signed assertion: certificate, algorithms, times, coherence (ordonnance.md §2.2, §2.8).

Nothing outside the element whose signature was verified is believed. Layout of the signature:
ins.md §3.2 (exclusive canonicalisation, RSA-SHA256, SHA-256, one reference to the assertion).
"""

import re
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
from simulators.ordonnance.etat import Refus

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
AUDIENCE = "urn:sim-epu:1.0.0"
SPECIALITE_OFFICINE = "50"
PROFESSIONS = {21, 70}
_PROFESSION = x509.ObjectIdentifier("1.2.250.1.71.1.2.7")
_CN = re.compile(r"(?:^|[,+/])\s*CN\s*=\s*([^,+/]+)", re.IGNORECASE)
_CONFIGURATION = SignatureConfiguration(
    location="./",
    expect_references=1,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)


@dataclass(frozen=True)
class Signataire:
    """Who signed, for which pharmacy."""

    identifiant: str
    finess: str
    profession: int


def check_assertion(
    message: Message, autorite: x509.Certificate, maintenant: datetime | None = None
) -> Signataire:
    """Return the signer of the first assertion; EPU-030 for anything wrong.

    A second assertion, of the carte Vitale, may follow (§2.2): it is not looked at.
    """
    maintenant = maintenant or datetime.now(UTC)
    securite = message.header(WSSE, "Security")
    assertion = securite.find(f"{{{SAML}}}Assertion") if securite is not None else None
    if assertion is None:
        raise Refus("EPU-030", "Assertion absente")
    certificat = _certificate(assertion)
    _check_certificate(certificat, autorite, maintenant)
    signee = _verified(assertion, certificat)
    _check_times(signee, maintenant)
    return _signer(signee, certificat)


def _certificate(assertion: Any) -> x509.Certificate:  # noqa: ANN401
    trouves = assertion.findall(
        f"{{{DS}}}Signature/{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    )
    if len(trouves) != 1:
        raise Refus("EPU-030", "Signature ou certificat absent de l'assertion")
    brut = "".join((trouves[0].text or "").split())
    try:
        return x509.load_pem_x509_certificate(
            f"-----BEGIN CERTIFICATE-----\n{brut}\n-----END CERTIFICATE-----".encode()
        )
    except ValueError as exc:
        raise Refus("EPU-030", "Certificat illisible") from exc


def _check_certificate(
    certificat: x509.Certificate, autorite: x509.Certificate, maintenant: datetime
) -> None:
    try:
        certificat.verify_directly_issued_by(autorite)
        usage = certificat.extensions.get_extension_for_class(x509.KeyUsage).value
    except (FausseSignature, ValueError, TypeError) as exc:
        raise Refus("EPU-030", "Certificat d'une autre autorité") from exc
    except x509.ExtensionNotFound as exc:
        raise Refus("EPU-030", "Certificat sans usage de clé") from exc
    if not certificat.not_valid_before_utc <= maintenant <= certificat.not_valid_after_utc:
        raise Refus("EPU-030", "Certificat expiré")
    if not usage.content_commitment:
        raise Refus("EPU-030", "Certificat qui ne signe pas")


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
        raise Refus("EPU-030", "Signature de l'assertion refusée") from exc
    unique = resultat[0] if isinstance(resultat, list) else resultat
    signee = unique.signed_xml
    if (
        signee is None
        or signee.tag != f"{{{SAML}}}Assertion"
        or signee.get("ID") != assertion.get("ID")
    ):
        raise Refus("EPU-030", "La signature ne couvre pas l'assertion")
    return signee


def _check_algorithms(assertion: Any) -> None:  # noqa: ANN401
    infos = assertion.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")
    references = infos.findall(f"{{{DS}}}Reference") if infos is not None else []
    canon = infos.find(f"{{{DS}}}CanonicalizationMethod") if infos is not None else None
    if len(references) != 1 or canon is None or canon.get("Algorithm") != EXCLUSIVE:
        raise Refus("EPU-030", "Canonicalisation ou références de la signature refusées")
    if references[0].get("URI") != f"#{assertion.get('ID')}":
        raise Refus("EPU-030", "La signature ne vise pas l'assertion")
    transformations = [t.get("Algorithm") for t in references[0].iter(f"{{{DS}}}Transform")]
    if transformations != [ENVELOPED, EXCLUSIVE]:
        raise Refus("EPU-030", "Transformations de la signature refusées")


def _check_times(signee: Any, maintenant: datetime) -> None:  # noqa: ANN401
    conditions = signee.find(f"{{{SAML}}}Conditions")
    if signee.get("Version") != "2.0" or conditions is None:
        raise Refus("EPU-030", "Assertion sans version ou sans validité")
    try:
        emise = instant(signee.get("IssueInstant", ""))
        debut = instant(conditions.get("NotBefore", ""))
        fin = instant(conditions.get("NotOnOrAfter", ""))
    except MessageRefuse as exc:
        raise Refus("EPU-030", "Dates de l'assertion illisibles") from exc
    if emise - DERIVE_ADMISE > maintenant or debut - DERIVE_ADMISE > maintenant:
        raise Refus("EPU-030", "Assertion pas encore valable")
    if maintenant >= fin:
        raise Refus("EPU-030", "Assertion expirée")
    for restriction in conditions.findall(f"{{{SAML}}}AudienceRestriction"):
        if AUDIENCE not in [a.text for a in restriction.findall(f"{{{SAML}}}Audience")]:
            raise Refus("EPU-030", "Assertion destinée à un autre service")


def _signer(signee: Any, certificat: x509.Certificate) -> Signataire:  # noqa: ANN401
    noms = certificat.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    cn = str(noms[0].value) if noms else ""
    emetteur = _CN.search(text(signee, SAML, "Issuer"))
    if not cn or emetteur is None or emetteur.group(1).strip() != cn:
        raise Refus("EPU-030", "L'émetteur de l'assertion n'est pas le porteur du certificat")
    attributs = {
        a.get("Name"): text(a, SAML, "AttributeValue")
        for a in signee.iterfind(f"{{{SAML}}}AttributeStatement/{{{SAML}}}Attribute")
    }
    if text(signee, SAML, "Subject", "NameID") != cn:
        raise Refus("EPU-030", "Le sujet de l'assertion n'est pas le porteur du certificat")
    if attributs.get("codeSpecialiteAMO") != SPECIALITE_OFFICINE:
        raise Refus("EPU-030", "Spécialité absente ou inattendue")
    finess = attributs.get("identifiantFacturation", "")
    if not re.fullmatch(r"[0-9][0-9AB][0-9]{7}", finess):
        raise Refus("EPU-030", "Identifiant de facturation absent")
    return Signataire(cn, finess, _profession(certificat))


def _profession(certificat: x509.Certificate) -> int:
    """Return the profession of the card (table G15); 0 when the certificate does not say."""
    try:
        valeur = certificat.extensions.get_extension_for_oid(_PROFESSION).value
    except x509.ExtensionNotFound:
        return 0
    octets = valeur.value if isinstance(valeur, x509.UnrecognizedExtension) else b""
    return int.from_bytes(octets[2:], "big") if octets[:1] == b"\x02" else 0
