"""Verification on the wire: as our contract shows it, and hostile bytes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ins.codec.verification import (
    LOT_MAX,
    Depot,
    IdentiteAVerifier,
    Releve,
    Resultat,
    corps_deposer,
    corps_relever,
    corps_verifier,
    is_sendable,
    parse_depot,
    parse_releve,
    parse_verification,
)
from teleservices.errors import InvalidReply, NotReady, Rejected, TeleserviceError, Unavailable
from teleservices.soap.contrat import ContratRefuse
from tests.conftest import RACINE

EXEMPLES = RACINE / "docs/contrats/exemples-insi-verification"
ID_LOT = "7d1c1c52-6f0e-4a0e-9d7a-2b0a4b1c9e01"
NIR, NUMERO = "1.2.250.1.213.1.4.8", "L202611240001"
ZOE = IdentiteAVerifier("p-17", "275126322074974", NIR, "ADRUN", "ZOE", "F", "1975-12-31", "63220")
CORSE = IdentiteAVerifier(
    "p-18", "160012B02077713", NIR, "ADRTROIS", "TOUSSAINT", "M", "1960-01-01", "2B020"
)
DARTAGNAN = IdentiteAVerifier(
    "p-19", "101066322075460", NIR, "D'ARTAGNAN DE L'HERAULT", "PIERRE-ALAIN", "M", "2001-06-18"
)


def exemple(nom):
    """An example of the contract, without the blanks between its elements."""
    return etree.parse(
        str(EXEMPLES / nom), etree.XMLParser(remove_blank_text=True, remove_comments=True)
    ).getroot()


def enveloppe(corps):
    """A reply whose body is this element."""
    return (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        + etree.tostring(corps)
        + b"</s:Body></s:Envelope>"
    )


def faute(code, cote="Sender"):
    """A SOAP fault in INSi's form."""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault>'
        f"<s:Code><s:Value>s:{cote}</s:Value></s:Code><s:Reason><s:Text xml:lang='fr'>x</s:Text>"
        f'</s:Reason><s:Detail><e:Erreur xmlns:e="urn:siram" code="{code}"/></s:Detail>'
        "</s:Fault></s:Body></s:Envelope>"
    ).encode()


def _c14n(element):
    return etree.tostring(element, method="c14n", exclusive=True)


@pytest.mark.parametrize(
    ("corps", "nom"),
    [
        (corps_verifier(ZOE), "01-verifier-requete.xml"),
        (corps_deposer(ID_LOT, [ZOE, CORSE, DARTAGNAN]), "05-deposer-requete.xml"),
        (corps_relever(NUMERO), "07-relever-requete.xml"),
    ],
)
def test_each_request_is_the_example_of_the_contract(corps, nom):
    assert _c14n(corps) == _c14n(exemple(nom))


@pytest.mark.parametrize(
    ("lire", "nom", "attendu"),
    [
        (parse_verification, "02-verifier-conforme.xml", ("p-17", "00")),
        (parse_verification, "03-verifier-non-conforme.xml", ("p-19", "01")),
        (parse_verification, "04-verifier-inconnu.xml", ("p-20", "02")),
    ],
)
def test_each_result_is_read(lire, nom, attendu):
    lu = lire(enveloppe(exemple(nom)))
    assert (lu.reference, lu.code) == attendu


def test_a_lot_is_followed_from_its_deposit_to_its_results():
    assert parse_depot(enveloppe(exemple("06-deposer-reponse.xml"))) == Depot(NUMERO, 3)
    en_cours = parse_releve(enveloppe(exemple("08-relever-en-cours.xml")))
    assert en_cours == Releve("EN_COURS", 1, 3)
    fini = parse_releve(enveloppe(exemple("09-relever-termine.xml")))
    assert [(r.reference, r.code) for r in fini.resultats] == [
        ("p-17", "00"),
        ("p-18", "00"),
        ("p-19", "01"),
    ]
    assert parse_releve(enveloppe(exemple("10-relever-inconnu.xml"))).etat == "INCONNU"


@pytest.mark.parametrize(
    "identite",
    [
        replace(ZOE, matricule="27512632207497"),
        replace(ZOE, matricule="2751263220749" + "7X"),
        replace(ZOE, oid="1.2.250.1.213.1.4.2"),
        replace(ZOE, nom="Adrun"),
        replace(ZOE, nom=""),
        replace(ZOE, prenoms="ZOÉ"),
        replace(ZOE, sexe="I"),
        replace(ZOE, naissance="31/12/1975"),
        replace(ZOE, lieu="6322"),
    ],
)
def test_an_identity_that_does_not_fit_is_told_before_it_spoils_its_lot(identite):
    assert not is_sendable(identite)
    with pytest.raises(ContratRefuse):
        corps_deposer(ID_LOT, [ZOE, identite])


def test_every_identity_that_is_sendable_fits_the_contract():
    for identite in (ZOE, CORSE, DARTAGNAN, replace(ZOE, lieu="2A004")):
        assert is_sendable(identite)
        corps_verifier(identite)


def test_a_reference_given_twice_is_refused_before_sending():
    """Results come back by reference: two persons under one would be told one for the other."""
    corps_deposer(ID_LOT, [ZOE, CORSE])
    with pytest.raises(ContratRefuse):
        corps_deposer(ID_LOT, [ZOE, replace(CORSE, reference=ZOE.reference)])


def test_five_hundred_fit_and_one_more_does_not():
    identites = [replace(ZOE, reference=f"r-{rang}") for rang in range(LOT_MAX + 1)]
    corps_deposer(ID_LOT, identites[:LOT_MAX])
    with pytest.raises(ContratRefuse):
        corps_deposer(ID_LOT, identites)


def _muted(nom, chemin, valeur):
    racine = exemple(nom)
    element = racine.find(chemin.replace("v:", "{urn:sim:insi-verification:1}"))
    if valeur is None:
        element.getparent().remove(element)
    else:
        element.text = valeur
    return enveloppe(racine)


@pytest.mark.cas("ins-94")
@pytest.mark.parametrize(
    ("lire", "octets", "code"),
    [
        (parse_verification, b"", "xml_malforme"),
        (parse_verification, b"<html/>", "soap_enveloppe"),
        (
            parse_verification,
            _muted("02-verifier-conforme.xml", "v:Resultat", None),
            "reponse_incomplete",
        ),
        (
            parse_verification,
            _muted("02-verifier-conforme.xml", "v:Resultat/v:Code", "77"),
            "code_inconnu",
        ),
        (
            parse_verification,
            _muted("02-verifier-conforme.xml", "v:Resultat/v:Reference", "a b"),
            "code_inconnu",
        ),
        (parse_verification, enveloppe(exemple("06-deposer-reponse.xml")), "reponse_inattendue"),
        (parse_depot, _muted("06-deposer-reponse.xml", "v:NumeroLot", "L1"), "reponse_incomplete"),
        (parse_depot, _muted("06-deposer-reponse.xml", "v:Nombre", "501"), "reponse_incomplete"),
        (parse_depot, _muted("06-deposer-reponse.xml", "v:Nombre", None), "reponse_incomplete"),
        (parse_releve, _muted("09-relever-termine.xml", "v:Etat", "FINI"), "etat_inconnu"),
        (parse_releve, _muted("09-relever-termine.xml", "v:Nombre", "4"), "reponse_incomplete"),
        (parse_releve, _muted("09-relever-termine.xml", "v:Resultat", None), "reponse_incomplete"),
    ],
)
def test_a_bent_reply_is_no_answer(lire, octets, code):
    with pytest.raises(InvalidReply) as erreur:
        lire(octets)
    assert erreur.value.code == code


@pytest.mark.parametrize(
    ("code", "cote", "classe"),
    [
        ("insi_111", "Receiver", Unavailable),
        ("desir_560", "Sender", NotReady),
        ("insi_33", "Sender", Rejected),
    ],
)
@pytest.mark.parametrize("lire", [parse_verification, parse_depot, parse_releve])
def test_a_fault_has_the_class_of_its_code(lire, code, cote, classe):
    with pytest.raises(classe):
        lire(faute(code, cote))


@pytest.mark.cas("ins-37")
def test_a_document_type_is_refused():
    with pytest.raises(InvalidReply, match="xml_dtd"):
        parse_releve(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")


@given(st.binary(max_size=200))
def test_any_bytes_end_in_the_taxonomy(octets):
    for lire in (parse_verification, parse_depot, parse_releve):
        with pytest.raises(TeleserviceError):
            lire(octets)


@given(
    reference=st.from_regex(r"[A-Za-z0-9\-]{1,36}", fullmatch=True),
    nom=st.from_regex(r"[A-Z '\-]{0,99}[A-Z]", fullmatch=True),
    code=st.sampled_from(["00", "01", "02", "91"]),
)
def test_a_reference_comes_back_as_it_left(reference, nom, code):
    envoye = corps_verifier(replace(ZOE, reference=reference, nom=nom))
    recue = envoye.findtext("{*}Identite/{*}Reference")
    octets = _muted("02-verifier-conforme.xml", "v:Resultat/v:Reference", recue)
    lu = parse_verification(octets.replace(b">00<", f">{code}<".encode()))
    assert lu == Resultat(reference, code, "Identité conforme")


def test_nothing_of_a_person_is_in_a_representation():
    assert "ADRUN" not in repr(ZOE)
    assert "275126" not in repr(ZOE)
