"""Requests built from our contracts: what does not fit is refused before anything leaves."""

import pytest
from lxml import etree

from teleservices.soap.contrat import CONTRATS, ContratRefuse, _SansReseau, build_body

NUMERO = "01K7M4QX9TRB2VWZ3H"
LIBERER = "{urn:sim:epu:1}libererExecutionRequete"
CONTENU = {
    "NumeroPrescription": NUMERO,
    "IdExecution": "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d9999",
    "JetonVerrou": "1b1f5a10-0c3b-4e0b-9b59-0a4f1c2d9999",
}


def construire(contenu, qname=LIBERER):
    return build_body("epu.wsdl", "epu.xsd", qname, contenu)


def test_the_order_is_that_of_the_schema():
    octets = construire(dict(reversed(CONTENU.items())))
    assert [etree.QName(e).localname for e in etree.fromstring(octets)] == list(CONTENU)


def test_the_bytes_are_canonical():
    octets = construire(CONTENU)
    assert octets == etree.tostring(etree.fromstring(octets), method="c14n", exclusive=True)


@pytest.mark.parametrize(
    ("contenu", "code"),
    [
        ({}, "contenu_hors_contrat"),
        ({**CONTENU, "Inconnu": "x"}, "contenu_hors_contrat"),
        ({**CONTENU, "IdExecution": "pas un uuid"}, "corps_hors_schema"),
        ({**CONTENU, "NumeroPrescription": "<x/>"}, "corps_hors_schema"),
    ],
)
def test_what_does_not_fit_is_refused(contenu, code):
    with pytest.raises(ContratRefuse, match=code):
        construire(contenu)


def test_an_unknown_element_is_refused():
    with pytest.raises(ContratRefuse, match="contenu_hors_contrat"):
        construire(CONTENU, "{urn:sim:epu:1}inconnu")


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/x.xsd", "file:///etc/passwd", "/etc/passwd", str(CONTRATS / "../adr")],
)
def test_zeep_reads_our_contracts_only(url):
    with pytest.raises(ContratRefuse, match="schema_exterieur"):
        _SansReseau().load(url)


@pytest.mark.exigence("SEC-09")
def test_zeep_never_talks():
    with pytest.raises(ContratRefuse, match="zeep_ne_parle_pas"):
        _SansReseau().post("https://127.0.0.1:9/", b"<x/>", {})
