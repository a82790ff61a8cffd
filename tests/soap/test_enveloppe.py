"""SOAP 1.2 envelopes: one body, read by namespace; a signed block inserted byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from teleservices.soap import XmlRefuse, build_envelope, parse_envelope, parse_xml
from teleservices.soap.enveloppe import SOAP

FAUTE = """<e:Envelope xmlns:e="{soap}"><e:Body><e:Fault>
<e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>m:EPU-001</e:Value></e:Subcode></e:Code>
<e:Reason><e:Text xml:lang="fr"> Inconnue </e:Text></e:Reason>{detail}</e:Fault></e:Body>
</e:Envelope>"""


def enveloppe(corps, espace=SOAP, tete=""):
    return (f'<s:Envelope xmlns:s="{espace}">{tete}<s:Body>{corps}</s:Body></s:Envelope>').encode()


def refus(octets):
    with pytest.raises(XmlRefuse) as pris:
        parse_envelope(octets)
    return pris.value.code


@pytest.mark.parametrize("prefixe", ["s", "soapenv", "x"])
def test_prefixes_do_not_matter(prefixe):
    texte = f'<{prefixe}:Envelope xmlns:{prefixe}="{SOAP}"><{prefixe}:Body><r/></{prefixe}:Body>'
    assert parse_envelope(f"{texte}</{prefixe}:Envelope>".encode()).corps.tag == "r"


def test_a_comment_is_not_a_body():
    assert parse_envelope(enveloppe("<!-- x --><r/><!-- y -->")).corps.tag == "r"


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"<html/>", "soap_enveloppe"),
        (enveloppe("<r/>", "http://schemas.xmlsoap.org/soap/envelope/"), "soap_enveloppe"),
        (enveloppe(""), "soap_corps"),
        (enveloppe("texte"), "soap_corps"),
        (enveloppe("<a/><b/>"), "soap_corps"),
        (enveloppe("<r/>").replace(b"s:Body", b"s:Corps"), "soap_corps"),
        (enveloppe("<r/>", tete="<s:Body><faux/></s:Body>"), "soap_corps"),
        (enveloppe("<r/>", tete="<x><s:Body><faux/></s:Body></x>")[:-1], "xml_malforme"),
    ],
)
def test_what_is_not_one_body_is_refused(octets, code):
    assert refus(octets) == code


@pytest.mark.exigence("SEC-09")
def test_a_body_elsewhere_than_under_the_envelope_is_not_read():
    octets = enveloppe("<vrai/>", tete="<s:Header><x><s:Body><faux/></s:Body></x></s:Header>")
    assert parse_envelope(octets).corps.tag == "vrai"


def test_the_size_of_a_reply_is_bounded():
    with pytest.raises(XmlRefuse, match="xml_trop_gros"):
        parse_envelope(enveloppe("<r/>"), max_octets=20)


def test_a_fault_gives_its_side_its_code_and_its_detail():
    octets = FAUTE.format(soap=SOAP, detail="<e:Detail><d/><autre/></e:Detail>").encode()
    faute = parse_envelope(octets).faute
    assert (faute.cote, faute.sous_code, faute.raison) == ("Sender", "EPU-001", "Inconnue")
    assert faute.detail.tag == "d"


@pytest.mark.parametrize("detail", ["", "<e:Detail/>", "<e:Detail>texte</e:Detail>"])
def test_a_fault_may_have_no_detail(detail):
    octets = FAUTE.format(soap=SOAP, detail=detail).encode()
    assert parse_envelope(octets).faute.detail is None


def test_a_fault_may_say_nothing():
    faute = parse_envelope(enveloppe("<s:Fault/>")).faute
    assert (faute.cote, faute.sous_code, faute.raison, faute.detail) == ("", "", "", None)


def test_headers_keep_their_order_and_their_bytes():
    bloc = parse_xml(b'<a:x xmlns:a="urn:a" xmlns:inutile="urn:i">  <a:y/>\n</a:x>')
    avant = etree.tostring(bloc, method="c14n", exclusive=True)
    octets = build_envelope([etree.Element("premier"), bloc], etree.Element("corps"))
    racine = parse_xml(octets)
    assert [e.tag for e in racine[0]] == ["premier", "{urn:a}x"]
    assert etree.tostring(racine[0][1], method="c14n", exclusive=True, with_tail=False) == avant
    assert octets.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")


def test_an_envelope_shows_nothing_of_its_body():
    lue = parse_envelope(enveloppe("<r>PAT-TROIS</r>"))
    assert "corps" not in repr(lue)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_a_text_comes_back_as_it_went(texte):
    corps = etree.Element("r")
    corps.text = texte
    assert (parse_envelope(build_envelope([], corps)).corps.text or "") == texte
