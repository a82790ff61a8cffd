"""Header blocks of the Assurance Maladie (ins.md §3.3)."""

from lxml import etree

from teleservices.soap.contextes import Couverture, EnteteEnvoi, Logiciel, build_headers

LOGICIEL = Logiciel("IDAM1", "1.2", "instance-1", "urn:lps:x")


def entete(**autres):
    return EnteteEnvoi(
        "m-1", "urn:acte", "c-1", "2026-01-13T16:01:12Z", "752026005", LOGICIEL, **autres
    )


def noms(element):
    return [etree.QName(e).localname for e in element]


def test_without_card_nor_assertion_three_facts_and_an_empty_coverage():
    action, message, lps, bam = build_headers(entete())
    assert (action.text, message.text) == ("urn:acte", "uuid:m-1")
    assert noms(lps) == ["Id", "Temps", "Emetteur", "LPS"]
    assert noms(lps[3]) == ["IDAM", "Version", "Instance", "Nom"]
    assert lps[3][0].get("R") == "4"
    assert noms(bam) == ["Id", "Temps", "Emetteur", "COUVERTURE"]
    assert len(bam[3]) == 0


def test_the_assertion_stands_in_the_security_header():
    assertion = etree.Element("assertion")
    blocs = build_headers(entete(assertion=assertion))
    assert noms(blocs)[2] == "Security"
    assert blocs[2][0] is assertion


def test_a_card_fills_the_coverage():
    couverture = Couverture("2790351215189", "19790328", 1, "2790351215180")
    bam = build_headers(entete(couverture=couverture))[-1]
    assert [e.text for e in bam[3].iter() if e.text] == [
        "2790351215189",
        "2790351215180",
        "19790328",
        "1",
    ]


def test_without_a_certified_number_the_beneficiary_has_none():
    bam = build_headers(entete(couverture=Couverture("2790351215189", "19790328")))[-1]
    assert noms(bam[3][1]) == ["DateNai", "Rang"]


def test_nothing_of_the_card_shows():
    couverture = Couverture("2790351215189", "19790328", 1, "2790351215180")
    assert "27903" not in repr(entete(couverture=couverture)) + repr(couverture)
    assert "19790328" not in repr(couverture)
