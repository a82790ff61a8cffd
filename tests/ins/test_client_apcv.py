"""The adapters of the card's services: each way a call may end, no secret in what is kept."""

import pytest

from ins.client import Reglages
from ins.client_adri import AdriClient, adri_client
from ins.client_apcv import ApcvClient, Renouvellement, apcv_client
from ins.codec.adri import DemandeDroits
from ins.codec.apcv import DemandeContexte
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)
from teleservices.soap.contextes import Logiciel
from teleservices.transport import Retour
from tests.ins.test_client import TransportEcrit
from tests.ins.test_codec_adri import JOUR
from tests.ins.test_codec_adri import exemple as droits
from tests.ins.test_codec_apcv import CHAINE, exemple, octets

JSON, SOAP = "application/json; charset=utf-8", "application/soap+xml"
URL = "https://127.0.0.1/apcv/v1/contextes"
DEMANDE = DemandeContexte(2, CHAINE, "810100000032", "1752026005", "p_1")


def retour(corps, statut=201, genre=JSON):
    return Retour(statut, genre, corps if isinstance(corps, bytes) else octets(corps), 12, 0.0)


def client(*retours):
    transport = TransportEcrit(*retours)
    return ApcvClient(URL + "/", "simulateur", transport), transport


def test_a_context_is_opened_renewed_and_closed_at_its_addresses():
    apcv, transport = client(
        retour(exemple("02-contexte")),
        retour(exemple("04-renouvele"), 200),
        retour(b"", 204, ""),
    )
    assert apcv.ouvrir(DEMANDE).contenu.beneficiaires
    demande = Renouvellement("c_7d1c1c526f0e", 2, CHAINE, "V-3")
    assert apcv.renouveler(demande).contenu.identifiant == "c_9a0b44c0d1e2"
    assert apcv.fermer("c_9a0b44c0d1e2").contenu is None
    assert [(r.methode, r.url.removeprefix(URL)) for r in transport.envoyees] == [
        ("POST", ""),
        ("POST", "/c_7d1c1c526f0e/renouveler"),
        ("DELETE", "/c_9a0b44c0d1e2"),
    ]
    assert CHAINE.encode() in transport.envoyees[0].corps
    assert CHAINE not in repr(demande) + repr(transport.envoyees[0])


@pytest.mark.parametrize(
    ("statut", "code", "classe"),
    [
        (400, "APCV_MALFORME", Rejected),
        (403, "APCV_PS_NON_AUTORISE", Rejected),
        (404, "APCV_CONTEXTE_INCONNU", Rejected),
        (409, "APCV_DEJA_UTILISE", Rejected),
        (410, "APCV_EXPIRE", Rejected),
        (422, "APCV_ASSURE_DIFFERENT", Rejected),
        (503, "APCV_INDISPONIBLE", Unavailable),
        (503, "APCV_NOUVEAU", Unavailable),
        (409, "APCV_NOUVEAU", Rejected),
    ],
)
@pytest.mark.cas("agent-78")
def test_each_refusal_of_the_contract_has_its_class(statut, code, classe):
    apcv, _ = client(retour({"code": code, "message": "x"}, statut))
    with pytest.raises(classe) as refus:
        apcv.ouvrir(DEMANDE)
    assert refus.value.code == code
    assert CHAINE.encode() not in refus.value.reponse.echange.requete


@pytest.mark.parametrize(
    ("statut", "genre", "corps", "classe", "code"),
    [
        (200, "text/html", b"<html>", InvalidReply, "http_200"),
        (404, "text/html", b"<html>", InvalidReply, "http_404"),
        (302, "text/html", b"", InvalidReply, "http_302"),
        (502, "text/html", b"", Unavailable, "http_503"),
        (504, "text/html", b"", Unavailable, "http_503"),
        (500, JSON, b"{}", OutcomeUnknown, "http_500"),
        (201, JSON, b"{}", InvalidReply, "champ_usage"),
    ],
)
def test_what_a_broken_server_says_is_told_apart(statut, genre, corps, classe, code):
    apcv, _ = client(retour(corps, statut, genre))
    with pytest.raises(classe) as refus:
        apcv.ouvrir(DEMANDE)
    assert refus.value.code == code
    assert refus.value.reponse.echange.http == statut


def test_what_left_and_had_no_answer_is_kept_without_the_string():
    apcv, _ = client(OutcomeUnknown("reseau_delai", "x"))
    with pytest.raises(OutcomeUnknown) as refus:
        apcv.ouvrir(DEMANDE)
    echange = refus.value.reponse.echange
    assert b"valeur-non-conservee" in echange.requete
    assert CHAINE.encode() not in echange.requete


@pytest.mark.parametrize("fabrique", [apcv_client, adri_client])
def test_without_certificate_nothing_is_tried(settings, fabrique):
    settings.VITALE_CERTIFICAT = "/n-existe-pas"
    with pytest.raises(NotReady) as refus:
        fabrique()
    assert refus.value.code == "certificat_absent"


# ADRi


def adri(*retours):
    reglages = Reglages(
        "https://127.0.0.1/adri",
        "1752026005",
        Logiciel("SIMULATEUR01", "0.1.0", "0f7c9a52", "urn:lps:comptoir:0.1.0"),
        "simulateur",
    )
    transport = TransportEcrit(*retours)
    return AdriClient(reglages, transport), transport


QUESTION = DemandeDroits("2790351215189", "1979-03-28", 1, JOUR)


def test_rights_are_asked_with_the_billing_identity_said_in_the_context():
    service, transport = adri(Retour(200, SOAP, droits("02-droits-ouverts"), 12, 0.0))
    assert service.consulter(QUESTION).contenu.droits.caisse == "751"
    (requete,) = transport.envoyees
    assert 'action="urn:sim:adri:1:consulterDroits"' in requete.entetes["Content-Type"]
    assert requete.corps.count(b"2790351215189") == 2


@pytest.mark.parametrize(
    ("statut", "genre", "classe"),
    [
        (503, "text/html", Unavailable),
        (500, "text/html", OutcomeUnknown),
        (404, "text/html", InvalidReply),
        (200, SOAP, InvalidReply),
    ],
)
def test_a_broken_service_of_rights_is_told_apart(statut, genre, classe):
    service, _ = adri(Retour(statut, genre, b"<html>", 12, 0.0))
    with pytest.raises(classe) as refus:
        service.consulter(QUESTION)
    assert isinstance(refus.value, TeleserviceError)
    assert refus.value.reponse.echange.http == statut
