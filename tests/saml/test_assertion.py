"""The card's assertion, judged by a library that nobody here wrote (signxml)."""

import warnings

import pytest
from lxml import etree
from signxml import XMLVerifier

from teleservices.saml import (
    DemandeAssertion,
    complete_assertion,
    prepare_assertion,
    read_assertion,
)
from teleservices.saml.certificat import is_issued_by, read_cps_certificate
from teleservices.soap import build_envelope
from teleservices.xmldsig import SignatureFausse, verify


def _demande(cps):
    return DemandeAssertion(
        "_9a1d3c55-30a1-4a65-9f0b-2c1d5a7e1001",
        "2026-01-13T16:01:12Z",
        "2026-01-13T16:01:12Z",
        "2026-01-13T17:01:12Z",
        {
            "identifiantFacturation": "752026005",
            "codeSpecialiteAMO": "50",
            "secteurActivite": "SA33",
        },
        cps.certificate,
    )


def _signed(cps):
    preparee, digest = prepare_assertion(_demande(cps))
    return complete_assertion(preparee, cps.sign(digest))


def _peer(element_bytes, cps):
    import base64

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return XMLVerifier().verify(
            element_bytes,
            x509_cert=base64.b64encode(cps.certificate).decode(),
            id_attribute="ID",
            ignore_ambiguous_key_info=True,
        )


def test_an_independent_verifier_accepts_the_assertion(cps):
    assert _peer(_signed(cps), cps).signed_xml.tag.endswith("Assertion")


def test_the_assertion_survives_its_envelope(cps):
    corps = etree.Element("{urn:x}corps")
    octets = build_envelope([read_assertion(_signed(cps))], corps)
    relue = etree.fromstring(octets).find(".//{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
    assert _peer(etree.tostring(relue), cps).signed_xml.get("ID").startswith("_9a1d")


def test_elements_stand_in_the_order_of_saml(cps):
    noms = [etree.QName(e).localname for e in etree.fromstring(_signed(cps))]
    assert noms == ["Issuer", "Signature", "Subject", "Conditions", "AttributeStatement"]


def test_a_signature_of_another_key_is_refused(cps, autre_cps):
    preparee, digest = prepare_assertion(_demande(cps))
    with pytest.raises(SignatureFausse):
        complete_assertion(preparee, autre_cps.sign(digest))


def test_verify_returns_the_signed_element_alone(cps):
    element = etree.fromstring(_signed(cps))
    signee = verify(element, [cps.certificate])
    assert signee.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is None
    assert signee.findtext(".//{urn:oasis:names:tc:SAML:2.0:assertion}NameID") == "810100000032"


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("abime", "code"),
    [
        (
            lambda e: e.find(".//{*}AttributeValue").__setattr__("text", "130099991"),
            "contenu_modifie",
        ),
        (lambda e: e.set("ID", "_autre"), "reference_ailleurs"),
        (
            lambda e: e.find(".//{*}SignatureMethod").set(
                "Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
            ),
            "algorithme",
        ),
        (
            lambda e: e.append(etree.fromstring(etree.tostring(e.find("{*}Signature")))),
            "signature_multiple",
        ),
    ],
)
def test_anything_changed_is_refused_with_its_reason(cps, abime, code):
    element = etree.fromstring(_signed(cps))
    abime(element)
    with pytest.raises(SignatureFausse, match=code):
        verify(element, [cps.certificate])


@pytest.mark.exigence("SEC-09")
def test_a_wrapped_assertion_is_refused(cps):
    vraie = etree.fromstring(_signed(cps))
    enveloppe = etree.Element("x")
    fausse = etree.SubElement(enveloppe, vraie.tag)
    fausse.set("ID", vraie.get("ID"))
    enveloppe.append(vraie)
    with pytest.raises(SignatureFausse, match="identifiant_double"):
        verify(vraie, [cps.certificate])


def test_a_certificate_not_pinned_is_refused(cps, autre_cps):
    with pytest.raises(SignatureFausse, match="certificat_inconnu"):
        verify(etree.fromstring(_signed(cps)), [autre_cps.certificate])


def test_certificate_facts(cps, tls):
    lu = read_cps_certificate(cps.certificate)
    assert (lu.id_nat, lu.profession, lu.signe) == ("810100000032", 21, True)
    assert is_issued_by(cps.certificate, (tls / "ac-cps.pem").read_bytes())
    assert not is_issued_by(cps.certificate, (tls / "ac-etrangere.pem").read_bytes())
