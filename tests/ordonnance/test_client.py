"""The adapter: one call, one envelope; each bad end has its class and keeps its evidence."""

import pytest
from lxml import etree

from ordonnance import client
from ordonnance.client import LECTURE_S, Appel, send
from teleservices.errors import InvalidReply, OutcomeUnknown, TeleserviceError, Unavailable
from teleservices.transport import HttpsTransport, Retour

ASSERTION = b'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"/>'
CORPS = b'<e:liberer xmlns:e="urn:sim:epu:1">279035121518989</e:liberer>'
SOAP = "application/soap+xml; charset=utf-8"


class TransportEcrit:
    """A transport that gives one written reply and remembers what was sent."""

    def __init__(self, retour):
        self.retour = retour
        self.envoyees = []

    def send(self, requete):
        """Return the reply, or raise it."""
        self.envoyees.append(requete)
        if isinstance(self.retour, Exception):
            raise self.retour
        return self.retour


def _appel(operation="libererExecution"):
    return Appel(operation, CORPS, ASSERTION, "752026005")


def _retour(statut=200, genre=SOAP):
    return Retour(statut, genre, b"<x/>", 12, 3.0)


@pytest.mark.parametrize("operation", sorted(LECTURE_S))
def test_the_envelope_carries_who_what_and_the_assertion(operation, settings):
    transport = TransportEcrit(_retour())
    echange = send(_appel(operation), transport)
    (requete,) = transport.envoyees
    racine = etree.fromstring(requete.corps)
    action = f"urn:sim-epu:1.0.0:{operation}"
    assert racine.findtext("{*}Header/{*}Action") == action
    assert f'action="{action}"' in requete.entetes["Content-Type"]
    assert racine.findtext("{*}Header/{*}MessageID") == f"uuid:{echange.message_id}"
    assert racine.find("{*}Header/{*}Security/{*}Assertion").get("ID") == "_1"
    assert racine.findtext(".//{*}ContexteLPS/{*}Emetteur") == "752026005"
    assert requete.url == settings.EPU_URL
    assert requete.lecture_s == LECTURE_S[operation]
    assert (echange.requete, echange.reponse, echange.http) == (requete.corps, b"<x/>", 200)


def test_each_message_has_an_identifier_of_its_own():
    transport = TransportEcrit(_retour())
    assert send(_appel(), transport).message_id != send(_appel(), transport).message_id


@pytest.mark.parametrize("statut", [200, 400, 500])
def test_a_soap_reply_is_given_to_the_codec_whatever_its_status(statut):
    assert send(_appel(), TransportEcrit(_retour(statut))).http == statut


@pytest.mark.cas("ordonnance-B21")
@pytest.mark.parametrize(
    ("statut", "genre", "classe"),
    [
        (502, "text/html", Unavailable),
        (503, SOAP, Unavailable),
        (504, "", Unavailable),
        (500, "text/html", OutcomeUnknown),
        (501, SOAP, OutcomeUnknown),
        (200, "text/html", InvalidReply),
        (302, "", InvalidReply),
        (404, SOAP, InvalidReply),
    ],
)
def test_each_bad_end_has_its_class_its_code_and_its_evidence(statut, genre, classe):
    with pytest.raises(classe) as leve:
        send(_appel(), TransportEcrit(_retour(statut, genre)))
    assert type(leve.value) is classe
    assert leve.value.code == f"http_{statut}"
    assert leve.value.message_fr.endswith(".")
    assert leve.value.reponse.echange.reponse == b"<x/>"
    assert "279035121518989" not in repr(leve.value) + repr(leve.value.reponse)


@pytest.mark.parametrize(
    "erreur", [Unavailable("reseau", "x"), OutcomeUnknown("reseau", "x"), InvalidReply("gros", "x")]
)
def test_what_the_network_says_is_left_as_it_is(erreur):
    with pytest.raises(TeleserviceError) as leve:
        send(_appel(), TransportEcrit(erreur))
    assert leve.value is erreur


def test_the_transport_of_the_installation_trusts_its_authorities_and_shows_no_certificate(
    settings,
):
    client._transport.cache_clear()
    transport = client._transport()
    assert isinstance(transport, HttpsTransport)
    assert transport.materiel.autorites == settings.TLS_AC
    assert (transport.materiel.certificat, transport.materiel.cle) == ("", "")
    assert client._transport() is transport


@pytest.mark.exigence("SEC-08")
def test_a_call_hides_its_body_and_its_assertion():
    dit = repr(_appel())
    assert "279035121518989" not in dit
    assert "Assertion" not in dit.removeprefix("Appel")


def test_without_a_transport_given_the_installations_own_is_used(settings):
    settings.EPU_URL = "https://127.0.0.1:1/epu"
    with pytest.raises(Unavailable) as leve:
        send(_appel())
    client._transport()._client().close()
    assert leve.value.code == "reseau_injoignable"
