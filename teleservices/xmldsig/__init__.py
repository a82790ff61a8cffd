"""Enveloped XML signatures: exclusive C14N, RSA-SHA256, SHA-256, and nothing else.

`verify` returns the signed element itself: callers parse that and nothing around it (SEC-09).
"""

import base64
import hashlib
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from lxml import etree

from teleservices.soap.lecture import Element

DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ENVELOPED = DS + "enveloped-signature"


class SignatureFausse(ValueError):
    """Not signed by whom it says, or not over what is read; the text is a stable reason."""


class Signer(Protocol):
    """Whoever signs: a software key, a card behind the agent, a test key."""

    certificate: bytes

    def sign(self, digest: bytes) -> bytes:
        """Return the PKCS#1 v1.5 signature of a SHA-256 digest."""


class SoftwareSigner:
    """A key in memory (tests, structure certificates)."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: bytes) -> None:
        self.key = key
        self.certificate = certificate

    def sign(self, digest: bytes) -> bytes:
        """Return the signature."""
        return self.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def canonical(element: Element) -> bytes:
    """Return the exclusive canonical form of an element."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _sub(parent: Element, nom: str, **attributs: str) -> Element:
    element = etree.SubElement(parent, f"{{{DS}}}{nom}")
    for cle, valeur in attributs.items():
        element.set(cle, valeur)
    return element


def prepare(element: Element, position: int, certificate: bytes, id_attribute: str = "ID") -> bytes:
    """Insert an unsigned ds:Signature into `element`; return the SHA-256 of its SignedInfo.

    What the digest covers no longer changes when `complete` writes the value.
    """
    empreinte = base64.b64encode(hashlib.sha256(canonical(element)).digest()).decode()
    signature = etree.Element(f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = _sub(signature, "SignedInfo")
    _sub(info, "CanonicalizationMethod", Algorithm=C14N)
    _sub(info, "SignatureMethod", Algorithm=RSA_SHA256)
    reference = _sub(info, "Reference", URI=f"#{element.get(id_attribute)}")
    transforms = _sub(reference, "Transforms")
    _sub(transforms, "Transform", Algorithm=ENVELOPED)
    _sub(transforms, "Transform", Algorithm=C14N)
    _sub(reference, "DigestMethod", Algorithm=SHA256)
    _sub(reference, "DigestValue").text = empreinte
    _sub(signature, "SignatureValue")
    cle = _sub(_sub(signature, "KeyInfo"), "X509Data")
    _sub(cle, "X509Certificate").text = base64.b64encode(certificate).decode()
    element.insert(position, signature)
    return hashlib.sha256(canonical(info)).digest()


def complete(element: Element, signature: bytes) -> None:
    """Write the signature value; SignatureFausse when the certificate does not verify it."""
    valeur = element.find(f"{{{DS}}}Signature/{{{DS}}}SignatureValue")
    if valeur is None:
        raise SignatureFausse("signature_absente")
    valeur.text = base64.b64encode(signature).decode()
    certificat = _certificate(element)
    _check_value(element, certificat)


def _certificate(element: Element) -> x509.Certificate:
    brut = element.findtext(
        f"{{{DS}}}Signature/{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    )
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join((brut or "").split())))
    except ValueError as exc:
        raise SignatureFausse("certificat_illisible") from exc


def _check_value(element: Element, certificat: x509.Certificate) -> None:
    info = element.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")
    brut = element.findtext(f"{{{DS}}}Signature/{{{DS}}}SignatureValue") or ""
    publique = certificat.public_key()
    if info is None or not isinstance(publique, rsa.RSAPublicKey):
        raise SignatureFausse("signature_absente")
    try:
        publique.verify(
            base64.b64decode("".join(brut.split())),
            canonical(info),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
    except (InvalidSignature, ValueError) as exc:
        raise SignatureFausse("signature_fausse") from exc


def verify(element: Element, trusted: list[bytes], id_attribute: str = "ID") -> Element:
    """Return a copy of `element`, without its signature, if it is signed by a pinned certificate.

    One signature, one reference, to this very element, with our algorithms; anything else raises
    SignatureFausse. Source: style.md §4.
    """
    certificat = _certificate(element)
    if certificat.public_bytes(serialization.Encoding.DER) not in trusted:
        raise SignatureFausse("certificat_inconnu")
    _check_shape(element, id_attribute)
    _check_value(element, certificat)
    # The very bytes that are digested are read back: what they leave out (comments) is not seen.
    copie = etree.fromstring(canonical(element))  # noqa: TID251 - our own bytes, just parsed
    for signature in copie.findall(f"{{{DS}}}Signature"):
        _remove_keeping_tail(copie, signature)
    attendu = element.findtext(
        f"{{{DS}}}Signature/{{{DS}}}SignedInfo/{{{DS}}}Reference/{{{DS}}}DigestValue"
    )
    obtenu = base64.b64encode(hashlib.sha256(canonical(copie)).digest()).decode()
    if (attendu or "").strip() != obtenu:
        raise SignatureFausse("contenu_modifie")
    return copie


def _remove_keeping_tail(parent: Element, enfant: Element) -> None:
    if enfant.tail:
        precedent = enfant.getprevious()
        if precedent is not None:
            precedent.tail = (precedent.tail or "") + enfant.tail
        else:
            parent.text = (parent.text or "") + enfant.tail
    parent.remove(enfant)


def _check_shape(element: Element, id_attribute: str) -> None:
    signatures = element.findall(f".//{{{DS}}}Signature")
    references = element.findall(f"{{{DS}}}Signature/{{{DS}}}SignedInfo/{{{DS}}}Reference")
    if len(signatures) != 1 or len(references) != 1:
        raise SignatureFausse("signature_multiple")
    identifiant = element.get(id_attribute)
    if identifiant is None or references[0].get("URI") != f"#{identifiant}":
        raise SignatureFausse("reference_ailleurs")
    memes = element.getroottree().xpath(f"count(//*[@{id_attribute}=$i])", i=identifiant)
    if memes != 1:
        raise SignatureFausse("identifiant_double")
    algorithmes = {e.get("Algorithm") for e in signatures[0].iter() if e.get("Algorithm")}
    if not algorithmes <= {C14N, RSA_SHA256, SHA256, ENVELOPED}:
        raise SignatureFausse("algorithme")
