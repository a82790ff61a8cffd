"""INSi messages: what we write, what we read, and hostile bytes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ins.codec import (
    DemandeTraits,
    DemandeVitale,
    corps_traits,
    corps_vitale,
    envelopper,
    parse_reponse,
)
from teleservices.errors import InvalidReply, NotReady, Rejected, TeleserviceError, Unavailable
from teleservices.soap.contextes import Couverture, EnteteEnvoi, Logiciel
from teleservices.soap.contrat import ContratRefuse

LOGICIEL = Logiciel(
    "XX00TEST0001", "1.0.0", "c0a8f6e2-0b61-4d39-9a7d-6b8a1f2e3d44", "urn:lps:officine-libre:1.0.0"
)


def _entete(action, couverture=None):
    return EnteteEnvoi(
        "7d1c1c52-6f0e-4a0e-9d7a-2b0a4b1c9e01",
        action,
        "5a2f3c1e-2c51-4c5e-8c02-5f3e0e7a1101",
        "2026-03-02T09:14:05.120Z",
        "1750099999",
        LOGICIEL,
        couverture,
    )


def _c14n(texte):
    analyseur = etree.XMLParser(remove_blank_text=True)
    return etree.tostring(etree.fromstring(texte, analyseur), method="c14n", exclusive=True)


def _shape(element):
    return (
        element.tag,
        (element.text or "").strip(),
        sorted(element.attrib.items()),
        [_shape(e) for e in element],
    )


def test_vitale_request_is_the_example_of_the_specification():
    corps = corps_vitale(DemandeVitale("2840763220111", "", "NESSI", "2010-08-07", 1))
    attendu = b"""<rv:RECVITALE xmlns:rv="http://www.cnamts.fr/INSiRecVit">
      <rv:MatriculeOD><rv:NumIdentifiant>2840763220111</rv:NumIdentifiant></rv:MatriculeOD>
      <rv:NomNaissance>NESSI</rv:NomNaissance><rv:DateNaissance>2010-08-07</rv:DateNaissance>
      <rv:RangNaissance>1</rv:RangNaissance></rv:RECVITALE>"""
    assert _shape(etree.fromstring(corps)) == _shape(etree.fromstring(_c14n(attendu)))


def test_certified_number_comes_first():
    corps = etree.fromstring(
        corps_vitale(DemandeVitale("2840763220111", "2840763220111", "", "1984-07-12", 1))
    )
    assert [etree.QName(e).localname for e in corps] == [
        "MatriculeIndividu",
        "MatriculeOD",
        "DateNaissance",
        "RangNaissance",
    ]


def test_traits_request_has_one_element_per_first_name_and_no_empty_one():
    corps = corps_traits(DemandeTraits("TCHITCHI", ("CATARINA", "BELLA"), "F", "1936-06-21"))
    racine = etree.fromstring(corps)
    assert [e.text for e in racine] == ["TCHITCHI", "CATARINA", "BELLA", "F", "1936-06-21"]


def test_envelope_carries_contexts_and_an_empty_coverage_without_card():
    octets = envelopper(
        corps_traits(DemandeTraits("A", ("B",), "F", "1936-06-21")), _entete("urn:x")
    )
    racine = etree.fromstring(octets)
    assert racine.findtext(".//{*}MessageID") == "uuid:7d1c1c52-6f0e-4a0e-9d7a-2b0a4b1c9e01"
    assert racine.find(".//{*}IDAM").get("R") == "4"
    assert len(racine.find(".//{*}COUVERTURE")) == 0
    assert racine.find(".//{*}Security") is None


def test_envelope_repeats_the_card_in_the_coverage():
    couverture = Couverture("2840763220111", "2010-08-07", 2, "1100863220011")
    racine = etree.fromstring(
        envelopper(
            corps_vitale(DemandeVitale("2840763220111", "1100863220011", "", "2010-08-07", 2)),
            _entete("urn:x", couverture),
        )
    )
    assert racine.findtext(".//{*}ASSURE/{*}Id/{*}Num") == "2840763220111"
    assert [etree.QName(e).localname for e in racine.find(".//{*}BENEFICIAIRE")] == [
        "Nir",
        "DateNai",
        "Rang",
    ]


def test_a_number_that_is_not_one_never_leaves():
    with pytest.raises(ContratRefuse):
        corps_vitale(DemandeVitale("pas un NIR", "", "", "2010-08-07", 1))


RES = 'xmlns="http://www.cnamts.fr/INSiResultat"'


def _reply(dedans, prefixe="soap"):
    return (
        f'<{prefixe}:Envelope xmlns:{prefixe}="http://www.w3.org/2003/05/soap-envelope"><{prefixe}:Body>'
        f"{dedans}</{prefixe}:Body></{prefixe}:Envelope>"
    ).encode()


PERSONNE = f"""<RESULTAT {RES}><CR><CodeCR>00</CodeCR><LibelleCR>OK</LibelleCR></CR><INDIVIDU>
<INSACTIF><IdIndividu><NumIdentifiant>2360663220836</NumIdentifiant><Cle>56</Cle></IdIndividu><OID>OID_ICI</OID></INSACTIF>
<TIQ><NomNaissance>TCHITCHI</NomNaissance><ListePrenom>CATARINA BELLA</ListePrenom><Sexe>F</Sexe>
<DateNaissance>1936-06-21</DateNaissance><LieuNaissance>63220</LieuNaissance></TIQ></INDIVIDU></RESULTAT>"""


def test_code_00_gives_the_person_whatever_the_prefix():
    for prefixe in ("soap", "env", "S"):
        lue = parse_reponse(
            _reply(PERSONNE.replace("OID_ICI", "1.2.250.1.213.1.4.8"), prefixe), "simulateur"
        )
        assert (lue.code, lue.individu.actif.matricule, lue.individu.prenoms) == (
            "00",
            "236066322083656",
            "CATARINA BELLA",
        )


@pytest.mark.parametrize("oid", ["1.2.250.1.213.1.4.2", "1.2.3", ""])
def test_an_oid_that_is_not_the_ins_is_refused(oid):
    with pytest.raises(InvalidReply):
        parse_reponse(_reply(PERSONNE.replace("OID_ICI", oid)), "simulateur")


@pytest.mark.parametrize(
    "manque", ["NumIdentifiant", "NomNaissance", "DateNaissance", "Sexe", "ListePrenom"]
)
def test_an_incomplete_answer_stores_nothing(manque):
    texte = PERSONNE.replace("OID_ICI", "1.2.250.1.213.1.4.8")
    import re

    texte = re.sub(f"<{manque}>[^<]*</{manque}>", "", texte)
    with pytest.raises(InvalidReply, match="reponse_incomplete"):
        parse_reponse(_reply(texte), "simulateur")


@pytest.mark.parametrize(
    ("code", "libelle"), [("01", "Aucune identite trouvee"), ("02", "Plusieurs identites trouvees")]
)
def test_none_and_several_are_answers_and_not_errors(code, libelle):
    cr = f"<CodeCR>{code}</CodeCR><LibelleCR>{libelle}</LibelleCR>"
    texte = f"<RESULTAT {RES}><CR>{cr}</CR></RESULTAT>"
    assert parse_reponse(_reply(texte), "simulateur").code == code


def test_another_code_is_technical():
    texte = f"<RESULTAT {RES}><CR><CodeCR>77</CodeCR><LibelleCR>?</LibelleCR></CR></RESULTAT>"
    with pytest.raises(InvalidReply, match="code_77"):
        parse_reponse(_reply(texte), "simulateur")


def _fault(detail, cote="Receiver"):
    return _reply(
        f"<soap:Fault><soap:Code><soap:Value>soap:{cote}</soap:Value><soap:Subcode><soap:Value>soap:siram_40</soap:Value>"
        "</soap:Subcode></soap:Code>"
        "<soap:Reason><soap:Text xml:lang='fr'>texte</soap:Text></soap:Reason>"
        f"<soap:Detail>{detail}</soap:Detail></soap:Fault>"
    )


@pytest.mark.parametrize(
    ("detail", "cote", "classe", "code"),
    [
        (
            '<s:Erreur xmlns:s="urn:siram" code="insi_102" severite="fatal">x</s:Erreur>',
            "Receiver",
            Unavailable,
            "insi_102",
        ),
        (
            "<Erreur><Code>insi_24</Code><Severite>erreur</Severite></Erreur>",
            "Sender",
            Rejected,
            "insi_24",
        ),
        ('<s:Erreur xmlns:s="urn:siram" code="desir_560"/>', "Sender", NotReady, "desir_560"),
        ('<s:Erreur xmlns:s="urn:siram" code="inconnu_9"/>', "Receiver", Unavailable, "inconnu_9"),
        ('<s:Erreur xmlns:s="urn:siram" code="inconnu_9"/>', "Sender", Rejected, "inconnu_9"),
    ],
)
def test_both_shapes_of_fault_are_told(detail, cote, classe, code):
    with pytest.raises(classe) as leve:
        parse_reponse(_fault(detail, cote), "simulateur")
    assert leve.value.code == code
    assert leve.value.message_fr


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', "xml_dtd"),
        (b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>', "xml_dtd"),
        (b"<x>" * 5000, "xml_malforme"),
        (b"<a>" * 250 + b"</a>" * 250, "xml_trop_profond"),
        (b"A" * 3_000_000, "xml_trop_gros"),
        (b"<html/>", "soap_enveloppe"),
        (b"", "xml_malforme"),
    ],
)
def test_hostile_replies_are_refused_with_a_stable_code(octets, code):
    with pytest.raises(InvalidReply, match=code):
        parse_reponse(octets, "simulateur")


@given(st.binary(max_size=200), st.integers(0, 900))
def test_mutated_bytes_never_leave_the_taxonomy(bruit, position):
    bon = _reply(PERSONNE.replace("OID_ICI", "1.2.250.1.213.1.4.8"))
    abime = bon[:position] + bruit + bon[position + len(bruit) :]
    with contextlib.suppress(TeleserviceError):
        parse_reponse(abime, "simulateur")


@pytest.mark.donnees_partagees
@pytest.mark.exigence("INS-11")
@pytest.mark.parametrize(
    ("fichier", "matricule", "oid", "anciens"),
    [
        ("TEST_2.04_cas2.xml", "109076322083489", "1.2.250.1.213.1.4.8", 2),
        ("TEST_2.05.xml", "109076322088835", "1.2.250.1.213.1.4.9", 0),
        ("TEST_2.08_cas1.xml", "180032B02040123", "1.2.250.1.213.1.4.8", None),
        ("TEST_2.08_cas2.xml", "181036322045660", "1.2.250.1.213.1.4.8", None),
    ],
)
def test_genuine_answers_of_the_acceptance_cases_are_read(
    partage, fichier, matricule, oid, anciens
):
    lue = parse_reponse(
        (partage / "data/ins/cnda-insi-responses" / fichier).read_bytes(), "bac_a_sable"
    )
    assert (lue.individu.actif.matricule, lue.individu.actif.oid) == (matricule, oid)
    if anciens is not None:
        assert len(lue.individu.historique) == anciens


@pytest.mark.donnees_partagees
def test_genuine_answer_01_is_none(partage):
    assert (
        parse_reponse(
            (partage / "data/ins/cnda-insi-responses/REP_CR01.xml").read_bytes(), "bac_a_sable"
        ).code
        == "01"
    )
