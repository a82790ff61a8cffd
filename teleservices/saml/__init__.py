"""The operator's SAML 2.0 assertion, card-signed in two steps (ins.md §3.2, ordonnance.md §2.2).

The card signs an assertion once; the workers send it for an hour. The server prepares the assertion
and gives its digest to be signed; the card's signature completes it.
"""

from dataclasses import dataclass, field

from lxml import etree

from teleservices.saml.certificat import CertificatCps, read_cps_certificate
from teleservices.soap.lecture import Element, parse_xml
from teleservices.xmldsig import complete, prepare

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
X509_SUBJECT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"

__all__ = [
    "CertificatCps",
    "DemandeAssertion",
    "complete_assertion",
    "prepare_assertion",
    "read_assertion",
    "read_cps_certificate",
]


@dataclass(frozen=True)
class DemandeAssertion:
    """What the assertion says. Instants are ISO 8601 UTC with Z."""

    ident: str
    emission: str
    debut: str
    fin: str
    attributs: dict[str, str]
    certificat: bytes = field(repr=False)


def prepare_assertion(demande: DemandeAssertion) -> tuple[bytes, bytes]:
    """Return (assertion without signature value, SHA-256 digest for the card).

    The issuer is the subject of the card's certificate, the subject its professional number.
    """
    certificat = read_cps_certificate(demande.certificat)
    racine = etree.Element(f"{{{SAML}}}Assertion", nsmap={"saml": SAML})
    racine.set("ID", demande.ident)
    racine.set("IssueInstant", demande.emission)
    racine.set("Version", "2.0")
    emetteur = etree.SubElement(racine, f"{{{SAML}}}Issuer")
    emetteur.set("Format", X509_SUBJECT)
    emetteur.text = certificat.sujet
    sujet = etree.SubElement(racine, f"{{{SAML}}}Subject")
    nom = etree.SubElement(sujet, f"{{{SAML}}}NameID")
    nom.set("NameQualifier", "CPS")
    nom.text = certificat.id_nat
    conditions = etree.SubElement(racine, f"{{{SAML}}}Conditions")
    conditions.set("NotBefore", demande.debut)
    conditions.set("NotOnOrAfter", demande.fin)
    _attributes(racine, demande.attributs)
    digest = prepare(racine, 1, demande.certificat)
    return etree.tostring(racine), digest


def _attributes(racine: Element, attributs: dict[str, str]) -> None:
    bloc = etree.SubElement(racine, f"{{{SAML}}}AttributeStatement")
    for nom, valeur in attributs.items():
        attribut = etree.SubElement(bloc, f"{{{SAML}}}Attribute")
        attribut.set("Name", nom)
        etree.SubElement(attribut, f"{{{SAML}}}AttributeValue").text = valeur


def complete_assertion(preparee: bytes, signature: bytes) -> bytes:
    """Return the signed assertion. Raises xmldsig.SignatureFausse when the card did not sign."""
    racine = parse_xml(preparee)
    complete(racine, signature)
    return etree.tostring(racine)


def read_assertion(octets: bytes) -> Element:
    """Return the element to insert in wsse:Security, its bytes unchanged by the insertion."""
    return parse_xml(octets)
