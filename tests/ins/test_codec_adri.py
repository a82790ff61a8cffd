"""Rights at a date: our contract (adri.xsd), read by namespace, whatever a broken peer may say."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ins.codec.adri import DemandeDroits, corps_droits, parse_droits
from teleservices.errors import InvalidReply, NotReady, Rejected, Unavailable
from teleservices.soap.contrat import ContratRefuse
from tests.conftest import RACINE

CONTRATS = RACINE / "docs/contrats"
JOUR = date(2026, 11, 24)


def enveloppe(corps):
    return (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        f"{corps}</e:Body></e:Envelope>"
    ).encode()


def exemple(nom):
    texte = (CONTRATS / f"exemples-adri/{nom}.xml").read_text(encoding="utf-8")
    return enveloppe(texte.split("?>", 1)[1])


def reponse(dedans):
    return enveloppe(
        f'<a:consulterDroitsReponse xmlns:a="urn:sim:adri:1">{dedans}</a:consulterDroitsReponse>'
    )


@given(
    nir=st.from_regex(r"\A[0-9]{5}([0-9]{2}|2A|2B)[0-9]{6}\Z"),
    naissance=st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"),
    rang=st.integers(1, 9),
    jour=st.dates(date(1900, 1, 1)),
)
def test_each_question_fits_the_contract(nir, naissance, rang, jour):
    schema = etree.XMLSchema(etree.parse(str(CONTRATS / "adri.xsd")))
    schema.assertValid(etree.fromstring(corps_droits(DemandeDroits(nir, naissance, rang, jour))))


def test_the_example_is_what_we_would_send():
    attendu = etree.parse(str(CONTRATS / "exemples-adri/01-consulter-requete.xml"))
    construit = corps_droits(DemandeDroits("2790351215189", "1979-03-28", 1, JOUR))
    valeurs = [e.text for e in attendu.getroot()]
    assert [e.text for e in etree.fromstring(construit)] == valeurs


def test_a_question_out_of_the_contract_is_not_built():
    with pytest.raises(ContratRefuse):
        corps_droits(DemandeDroits("279", "1979-03-28", 1, JOUR))


def test_open_rights_are_read():
    lue = parse_droits(exemple("02-droits-ouverts"))
    assert lue.code == "00"
    droits = lue.droits
    assert (droits.regime, droits.caisse, droits.centre) == ("01", "751", "0001")
    assert (droits.debut, droits.fin) == (date(2026, 1, 1), date(2026, 12, 31))
    assert (droits.exonerations, droits.css) == (("ALD",), False)
    assert "ALD" not in repr(lue)


def test_what_may_miss_may_miss():
    droits = parse_droits(
        reponse(
            "<a:Code>00</a:Code><a:Libelle>x</a:Libelle><a:Droits><a:Regime>02</a:Regime>"
            "<a:Caisse>131</a:Caisse><a:Debut>2020-01-01</a:Debut>"
            "<a:ComplementaireSanteSolidaire>1</a:ComplementaireSanteSolidaire></a:Droits>"
        )
    ).droits
    assert (droits.centre, droits.fin, droits.exonerations, droits.css) == ("", None, (), True)


@pytest.mark.parametrize(("nom", "code"), [("03-inconnu", "01"), ("04-sans-droit", "02")])
def test_no_right_is_an_answer(nom, code):
    lue = parse_droits(exemple(nom))
    assert (lue.code, lue.droits) == (code, None)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"<html>", "xml_malforme"),
        (enveloppe("<x/>"), "reponse_inattendue"),
        (reponse("<a:Code>00</a:Code>"), "reponse_incomplete"),
        (reponse("<a:Code>77</a:Code>"), "code_inattendu"),
        (
            reponse("<a:Code>00</a:Code><a:Droits><a:Debut>hier</a:Debut></a:Droits>"),
            "date_illisible",
        ),
    ],
)
def test_what_cannot_be_read_is_no_answer(octets, code):
    with pytest.raises(InvalidReply) as refus:
        parse_droits(octets)
    assert refus.value.code == code


@pytest.mark.parametrize(
    ("code", "cote", "classe"),
    [
        ("desir_560", "Sender", NotReady),
        ("adri_40", "Receiver", Unavailable),
        ("siram_99", "Receiver", Unavailable),
        ("desir_1020", "Sender", Rejected),
    ],
)
def test_a_fault_has_its_class(code, cote, classe):
    faute = enveloppe(
        f"<e:Fault><e:Code><e:Value>e:{cote}</e:Value></e:Code><e:Reason><e:Text>x</e:Text>"
        f'</e:Reason><e:Detail><s:Erreur xmlns:s="urn:siram" code="{code}"/></e:Detail></e:Fault>'
    )
    with pytest.raises(classe) as refus:
        parse_droits(faute)
    assert refus.value.code == code
