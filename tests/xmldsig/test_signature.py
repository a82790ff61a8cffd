"""Enveloped signatures: only what the pinned key signed is read, with our algorithms only."""

import base64
import copy
import hashlib
import hmac

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from lxml import etree

from teleservices.soap import parse_xml
from teleservices.xmldsig import (
    C14N,
    DS,
    RSA_SHA256,
    SHA256,
    SignatureFausse,
    canonical,
    complete,
    prepare,
    verify,
)

pytestmark = pytest.mark.exigence("SEC-09")
SOURCE = b'<a:r xmlns:a="urn:a" ID="_1"><a:n>810100000032</a:n><a:f>752026005</a:f></a:r>'


def signer(cps, octets=SOURCE, position=0):
    element = parse_xml(octets)
    complete(element, cps.sign(prepare(element, position, cps.certificate)))
    return element


def resigner(element, cps):
    """Sign the SignedInfo as it stands: what an attacker who has the key would do."""
    digest = hashlib.sha256(canonical(element.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")))
    valeur = element.find(f"{{{DS}}}Signature/{{{DS}}}SignatureValue")
    valeur.text = base64.b64encode(cps.sign(digest.digest())).decode()
    return element


def refus(element, cps, **options):
    with pytest.raises(SignatureFausse) as pris:
        verify(element, [cps.certificate], **options)
    return str(pris.value)


def trouver(element, nom):
    return element.find(f".//{{{DS}}}{nom}")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_what_was_signed_comes_back_without_its_signature(cps, position):
    lu = verify(signer(cps, position=position), [cps.certificate])
    assert canonical(lu) == canonical(parse_xml(SOURCE))


@pytest.mark.parametrize("position", [0, 1])
def test_blanks_around_the_signature_are_kept(cps, position):
    """Whatever stands after the signature was signed too."""
    octets = SOURCE.replace(b"><a:", b">\n  <a:")
    element = parse_xml(octets)
    digest = prepare(element, position, cps.certificate)
    complete(element, cps.sign(digest))
    deplace = trouver(element, "Signature")
    if position:
        deplace.tail, deplace.getprevious().tail = deplace.getprevious().tail, None
    else:
        deplace.tail, element.text = element.text, None
    lu = verify(element, [cps.certificate])
    assert canonical(lu) == canonical(parse_xml(octets))


def test_a_signature_survives_its_transport(cps):
    relue = parse_xml(etree.tostring(signer(cps)))
    assert verify(relue, [cps.certificate]).findtext("{urn:a}n") == "810100000032"


def test_a_comment_does_not_change_what_is_read(cps):
    """A comment is outside of the digest: it must not cut the text that is trusted."""
    octets = etree.tostring(signer(cps)).replace(b"8101000", b"8101<!-- -->000")
    lu = verify(etree.fromstring(octets), [cps.certificate])
    assert lu.find("{urn:a}n").text == "810100000032"


# Wrapping


def enrober(vraie):
    """Return (the forged element a naive reader takes, the signed one, moved elsewhere)."""
    faux = parse_xml(SOURCE.replace(b"752026005", b"130099991"))
    return faux, copy.deepcopy(vraie)


def test_a_forged_element_around_the_signed_one_is_refused(cps):
    faux, vraie = enrober(signer(cps))
    faux.append(vraie)
    assert refus(faux, cps) == "certificat_illisible"


def test_a_signature_moved_under_a_forged_element_is_refused(cps):
    faux, vraie = enrober(signer(cps))
    signature = trouver(vraie, "Signature")
    faux.insert(0, signature)
    assert refus(faux, cps) == "contenu_modifie"
    signature.append(etree.SubElement(signature, f"{{{DS}}}Object"))
    signature[-1].append(vraie)
    assert refus(faux, cps) == "identifiant_double"


def test_the_signed_element_beside_its_double_is_refused(cps):
    faux, vraie = enrober(signer(cps))
    racine = etree.Element("enveloppe")
    racine.extend([faux, vraie])
    assert refus(vraie, cps) == "identifiant_double"
    faux.set("ID", "_2")
    assert verify(vraie, [cps.certificate]).findtext("{urn:a}f") == "752026005"
    assert refus(faux, cps) == "certificat_illisible"


def test_a_signature_over_another_element_is_refused(cps):
    element = signer(cps)
    element.set("ID", "_2")
    assert refus(element, cps) == "reference_ailleurs"


@pytest.mark.parametrize("uri", ["", "#_2", "#xpointer(/)", "http://127.0.0.1:9/x", None])
def test_a_reference_elsewhere_is_refused_even_well_signed(cps, uri):
    element = signer(cps)
    reference = trouver(element, "Reference")
    if uri is None:
        del reference.attrib["URI"]
    else:
        reference.set("URI", uri)
    assert refus(resigner(element, cps), cps) == "reference_ailleurs"


def test_an_element_without_identifier_is_refused(cps):
    element = signer(cps)
    del element.attrib["ID"]
    assert refus(element, cps) == "reference_ailleurs"


def test_the_identifier_attribute_is_the_callers(cps):
    element = parse_xml(SOURCE.replace(b"ID=", b"Id="))
    complete(element, cps.sign(prepare(element, 0, cps.certificate, "Id")))
    assert refus(element, cps) == "reference_ailleurs"
    assert verify(element, [cps.certificate], "Id") is not None


@pytest.mark.parametrize("quoi", ["Signature", "Reference"])
def test_two_of_them_are_refused_even_well_signed(cps, quoi):
    element = signer(cps)
    original = trouver(element, quoi)
    original.addnext(copy.deepcopy(original))
    assert refus(resigner(element, cps), cps) == "signature_multiple"


def test_a_second_signature_deeper_is_refused(cps):
    element = signer(cps)
    element[-1].append(copy.deepcopy(trouver(element, "Signature")))
    assert refus(element, cps) == "signature_multiple"


# Algorithms


@pytest.mark.parametrize(
    ("nom", "algorithme"),
    [
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
        ("DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        ("Transform", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        ("Transform", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        ("Transform", "http://www.w3.org/2002/06/xmldsig-filter2"),
        ("Transform", "http://www.w3.org/2000/09/xmldsig#base64"),
    ],
)
def test_another_algorithm_is_refused_even_well_signed(cps, nom, algorithme):
    element = signer(cps)
    trouver(element, nom).set("Algorithm", algorithme)
    assert refus(resigner(element, cps), cps) == "algorithme"


@pytest.mark.parametrize(
    ("methode", "code"),
    [
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "algorithme"),
        (RSA_SHA256, "signature_fausse"),
    ],
)
def test_the_certificate_used_as_a_shared_secret_signs_nothing(cps, methode, code):
    element = signer(cps)
    trouver(element, "SignatureMethod").set("Algorithm", methode)
    info = canonical(trouver(element, "SignedInfo"))
    for secret in (cps.certificate, base64.b64encode(cps.certificate), b""):
        sceau = hmac.new(secret, info, hashlib.sha256).digest()
        trouver(element, "SignatureValue").text = base64.b64encode(sceau).decode()
        assert refus(element, cps) == code


def test_a_sha1_signature_named_sha256_is_refused(cps):
    element = signer(cps)
    info = canonical(trouver(element, "SignedInfo"))
    brut = cps.key.sign(info, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the attack
    trouver(element, "SignatureValue").text = base64.b64encode(brut).decode()
    assert refus(element, cps) == "signature_fausse"


def test_a_transform_that_would_hide_something_hides_nothing(cps):
    """Our two transforms are applied whatever is listed: an absent one cannot widen the digest."""
    element = signer(cps)
    transforms = trouver(element, "Transforms")
    for transform in list(transforms):
        transforms.remove(transform)
    element[-1].text = "130099991"
    assert refus(resigner(element, cps), cps) == "contenu_modifie"


def test_our_algorithms_are_those_of_the_specification():
    assert C14N.endswith("/xml-exc-c14n#")
    assert (RSA_SHA256[-10:], SHA256[-6:]) == ("rsa-sha256", "sha256")


# Keys


def test_a_certificate_that_is_not_pinned_is_refused(cps, autre_cps):
    assert refus(signer(autre_cps), cps) == "certificat_inconnu"
    with pytest.raises(SignatureFausse, match="certificat_inconnu"):
        verify(signer(cps), [])


def test_the_pinned_certificate_beside_anothers_signature_is_refused(cps, autre_cps):
    element = signer(autre_cps)
    x509_data = trouver(element, "X509Certificate")
    x509_data.text = base64.b64encode(cps.certificate).decode()
    assert refus(element, cps) == "signature_fausse"


@pytest.mark.parametrize("valeur", ["", "AAAA", "é", None])
def test_an_unreadable_certificate_is_refused(cps, valeur):
    element = signer(cps)
    certificat = trouver(element, "X509Certificate")
    if valeur is None:
        certificat.getparent().remove(certificat)
    else:
        certificat.text = valeur
    assert refus(element, cps) == "certificat_illisible"


def test_a_key_of_another_kind_signs_nothing(cps, tls):
    autorite = x509.load_pem_x509_certificate((tls / "ac-cps.pem").read_bytes())
    assert isinstance(autorite.public_key(), ec.EllipticCurvePublicKey)
    der = autorite.public_bytes(serialization.Encoding.DER)
    element = signer(cps)
    trouver(element, "X509Certificate").text = base64.b64encode(der).decode()
    with pytest.raises(SignatureFausse, match="signature_absente"):
        verify(element, [der])


@pytest.mark.parametrize("valeur", ["", "AAAA", "é", None])
def test_a_value_that_signs_nothing_is_refused(cps, valeur):
    element = signer(cps)
    trouver(element, "SignatureValue").text = valeur
    assert refus(element, cps) == "signature_fausse"


def test_without_a_signature_there_is_nothing_to_complete():
    with pytest.raises(SignatureFausse, match="signature_absente"):
        complete(parse_xml(SOURCE), b"x")


def test_another_keys_signature_is_refused_before_anything_leaves(cps, autre_cps):
    element = parse_xml(SOURCE)
    digest = prepare(element, 0, cps.certificate)
    with pytest.raises(SignatureFausse, match="signature_fausse"):
        complete(element, autre_cps.sign(digest))


@pytest.mark.parametrize(
    "abime",
    [
        lambda e: e[-1].__setattr__("text", "130099991"),
        lambda e: e.append(etree.Element("{urn:a}f")),
        lambda e: e.set("autre", "x"),
        lambda e: e.remove(e[-1]),
        lambda e: trouver(e, "DigestValue").__setattr__("text", "AAAA"),
    ],
)
def test_anything_changed_is_refused(cps, abime):
    element = signer(cps)
    abime(element)
    assert refus(element, cps) in {"contenu_modifie", "signature_fausse"}


def test_a_signed_digest_that_is_empty_is_refused(cps):
    element = signer(cps)
    trouver(element, "DigestValue").text = None
    assert refus(resigner(element, cps), cps) == "contenu_modifie"
