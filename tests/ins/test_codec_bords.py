"""The edges of the INSi codec: answers that say yes and hold nothing, faults that say little."""

import pytest
from lxml import etree

from ins.codec import DemandeTraits, corps_traits, parse_reponse
from teleservices.errors import InvalidReply, TeleserviceError

SOAP = "http://www.w3.org/2003/05/soap-envelope"
RES = "http://www.cnamts.fr/INSiResultat"
ACTIF = "<IdIndividu><NumIdentifiant>2751263220749</NumIdentifiant><Cle>74</Cle></IdIndividu>"
INSACTIF = f"<INSACTIF>{ACTIF}<OID>1.2.250.1.213.1.4.8</OID></INSACTIF>"
TIQ = (
    "<TIQ><NomNaissance>ADRUN</NomNaissance><ListePrenom>ZOE</ListePrenom><Sexe>F</Sexe>"
    "<DateNaissance>1975-12-31</DateNaissance></TIQ>"
)


def enveloppe(corps):
    return f'<e:Envelope xmlns:e="{SOAP}"><e:Body>{corps}</e:Body></e:Envelope>'.encode()


def resultat(individu):
    cr = "<CR><CodeCR>00</CodeCR><LibelleCR>OK</LibelleCR></CR>"
    return enveloppe(f'<RESULTAT xmlns="{RES}">{cr}{individu}</RESULTAT>')


@pytest.mark.cas("ins-35")
@pytest.mark.exigence("INS-32")
@pytest.mark.parametrize(
    "individu",
    [
        "",
        "<INDIVIDU/>",
        f"<INDIVIDU>{INSACTIF}</INDIVIDU>",
        f"<INDIVIDU>{TIQ}</INDIVIDU>",
        f"<INDIVIDU>{INSACTIF}{TIQ.replace('ADRUN', '')}</INDIVIDU>",
        f"<INDIVIDU>{INSACTIF}{TIQ.replace('1975-12-31', '')}</INDIVIDU>",
        f"<INDIVIDU>{INSACTIF}{TIQ.replace('>F<', '><')}</INDIVIDU>",
        f"<INDIVIDU>{INSACTIF.replace('2751263220749', '')}{TIQ}</INDIVIDU>",
        f"<INDIVIDU>{INSACTIF.replace('1.2.250.1.213.1.4.8', '')}{TIQ}</INDIVIDU>",
    ],
)
def test_a_yes_that_holds_nobody_is_an_incomplete_answer(individu):
    with pytest.raises(InvalidReply) as exc:
        parse_reponse(resultat(individu), "simulateur")
    assert exc.value.code == "reponse_incomplete"


def test_the_whole_answer_is_read():
    lue = parse_reponse(resultat(f"<INDIVIDU>{INSACTIF}{TIQ}</INDIVIDU>"), "simulateur")
    assert lue.individu.actif.matricule == "275126322074974"


@pytest.mark.parametrize("corps", ["<autre/>", '<RESULTAT xmlns="urn:autre"/>'])
def test_another_body_is_not_an_answer(corps):
    with pytest.raises(InvalidReply) as exc:
        parse_reponse(enveloppe(corps), "simulateur")
    assert exc.value.code == "reponse_inattendue"


@pytest.mark.parametrize(
    ("faute", "code"),
    [
        ("<e:Fault><e:Code><e:Value>e:Receiver</e:Value></e:Code></e:Fault>", "faute"),
        (
            "<e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>e:siram_40</e:Value>"
            "</e:Subcode></e:Code></e:Fault>",
            "siram_40",
        ),
        (
            "<e:Fault><e:Code><e:Value>e:Sender</e:Value></e:Code><e:Detail><Code>insi_19</Code>"
            "</e:Detail></e:Fault>",
            "insi_19",
        ),
    ],
)
def test_a_fault_without_its_usual_detail_still_has_a_code(faute, code):
    with pytest.raises(TeleserviceError) as exc:
        parse_reponse(enveloppe(faute), "simulateur")
    assert exc.value.code == code


def test_the_place_goes_when_it_is_known_and_no_empty_element_otherwise():
    def elements(lieu):
        demande = DemandeTraits("ADRUN", ("ZOE",), "F", "1975-12-31", lieu)
        return [etree.QName(e).localname for e in etree.fromstring(corps_traits(demande))]

    assert elements("63220")[-1] == "LieuNaissance"
    assert "LieuNaissance" not in elements("")
