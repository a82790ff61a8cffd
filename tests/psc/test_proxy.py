"""The relying party's role behind one interface: this server, a proxy e-santé on real sockets."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from psc.checks import check_psc
from psc.client_proxy import ProxyClient, SessionProxy
from psc.echanges import Cible, begin
from psc.partie import PartieDirecte, PartieProxy, Poignee
from psc.rules.retour import Retour as RetourPsc
from psc.services import acces
from teleservices.errors import InvalidReply, NotReady, Rejected, TeleserviceError, Unavailable
from teleservices.tls import Materiel
from teleservices.transport import HttpsTransport, Retour
from tests.psc.forge import MAINTENANT
from tests.psc.fournisseur import Fournisseur, formulaire
from tests.simulators.client_nu import Simulateur
from tests.simulators.client_psc import SUJET

pytestmark = pytest.mark.exigence("PSC-18")
ALICE = "99700900014"
CIBLE = Cible("https://auth.exemple.test/api/token", "dmp")


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    processus = Simulateur("psc", tmp_path_factory.mktemp("proxy"), tls, "--ciba-intervalle", "1")
    yield processus
    processus.stop()


@pytest.fixture
def fabrique(simulateur, tls):
    """Makes clients of the simulator's proxy, with the certificate of this name, or none."""
    simulateur.post("/oublier")
    simulateur.post(
        "/clients", client_id="notre", methode="tls_client_auth", sujet=SUJET, ciba=True
    )
    transports = []

    def fabrique(certificat="psc-edc"):
        paire = [str(tls / f"{certificat}.{fin}") for fin in ("pem", "key")] if certificat else []
        transports.append(HttpsTransport(Materiel(str(tls / "ac-serveurs.pem"), *paire)))
        return ProxyClient(simulateur.get("/adresses")["proxy"], "notre", transports[-1])

    def close_here():
        for transport in transports:
            transport.close()

    fabrique.close_here = close_here
    yield fabrique
    close_here()


def answer(simulateur, fabrique, geste, appel):
    """Call, answer on the telephone meanwhile, return what the call gave or raised."""
    recu = []

    def joue():
        try:
            recu.append(appel())
        except TeleserviceError as exc:
            recu.append(exc)
        finally:
            fabrique.close_here()  # connections belong to their thread

    fil = threading.Thread(target=joue)
    fil.start()
    while not (appels := simulateur.get("/telephones")):
        assert fil.is_alive(), recu
    assert appels[0]["numero"] == "47"
    simulateur.post("/telephone", ref=appels[0]["ref"], geste=geste)
    fil.join(20)
    return recu[0]


def test_a_professional_connects_sends_and_leaves_through_the_proxy(simulateur, fabrique):
    partie, client = PartieProxy(fabrique()), fabrique()
    demande = partie.ciba_start(ALICE, "47")
    assert simulateur.get("/telephones") == []
    suite = answer(simulateur, fabrique, "approuver", lambda: partie.ciba_poll(demande))
    poignee = suite.poignee
    assert (suite.issue, poignee.rpps, partie.refresh(poignee)) == ("approuvee", ALICE, poignee)
    assert poignee.proxy.identifiant not in repr(suite)
    relaye = client.send(poignee.proxy, "dmp", "documents", corps=b"abc")
    assert (relaye.statut, f'"{"8" + ALICE}"'.encode() in relaye.corps) == (200, True)
    assert client.send(poignee.proxy, "dmp", "documents", "GET").statut == 200
    partie.logout(poignee)
    assert [s["vivante"] for s in simulateur.get("/sessions")] == [False]
    with pytest.raises(Rejected) as leve:
        client.send(poignee.proxy, "dmp", "documents")
    assert leve.value.code == "session_terminee"
    partie.logout(poignee)


@pytest.mark.cas("psc-95")
def test_already_active_is_connected_and_asks_nobody(simulateur, fabrique):
    client = fabrique()
    session = answer(
        simulateur, fabrique, "approuver", lambda: client.connect(f"8{ALICE}", "47", connue=None)
    )
    encore = client.connect(f"8{ALICE}", "12", connue=session)
    assert (encore.identifiant, encore.deja, session.deja) == (session.identifiant, True, False)
    assert simulateur.get("/telephones") == []
    assert client.send(encore, "dmp", "documents").statut == 200


def test_a_refusal_on_the_telephone_connects_nobody(simulateur, fabrique):
    client = fabrique()
    refus = answer(simulateur, fabrique, "refuser", lambda: client.connect(f"8{ALICE}", "47"))
    assert (type(refus), refus.code) == (Unavailable, "psc_indisponible")
    assert simulateur.get("/sessions") == []


def test_nobody_of_this_number_is_told(fabrique):
    with pytest.raises(Rejected) as leve:
        fabrique().connect("810101010101", "47")
    assert leve.value.code == "ciba_inconnu"


@pytest.fixture
def exigeant(tls):
    """A proxy that wants a certificate of the structures, and notes whose it is."""
    contexte = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    contexte.load_cert_chain(tls / "serveur.pem", tls / "serveur.key")
    contexte.load_verify_locations(tls / "ac-structures.pem")
    contexte.verify_mode = ssl.CERT_REQUIRED
    vus = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            vus.append(dict(champ[0] for champ in self.connection.getpeercert()["subject"]))
            corps = b'{"proxy_session_id": "session-1", "session_state": "s"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(corps)))
            self.end_headers()
            self.wfile.write(corps)

        def log_message(self, *_args):
            """Say nothing."""

    serveur = HTTPServer(("127.0.0.1", 0), Proxy)
    serveur.socket = contexte.wrap_socket(serveur.socket, server_side=True)
    serveur.handle_error = lambda *_args: None
    fil = threading.Thread(target=serveur.serve_forever, daemon=True)
    fil.start()
    yield f"https://127.0.0.1:{serveur.server_port}", vus
    serveur.shutdown()
    serveur.server_close()


@pytest.mark.parametrize("certificat", ["psc-edc", ""])
def test_the_proxy_is_reached_by_mutual_tls_and_not_otherwise(exigeant, tls, certificat):
    adresse, vus = exigeant
    paire = [str(tls / f"{certificat}.{fin}") for fin in ("pem", "key")] if certificat else []
    transport = HttpsTransport(Materiel(str(tls / "ac-serveurs.pem"), *paire))
    client = ProxyClient(adresse, "notre", transport)
    try:
        if certificat:
            assert client.connect("8", "47").identifiant == "session-1"
            assert [vu["commonName"] for vu in vus] == ["COMPTOIR-PSC"]
        else:
            with pytest.raises(TeleserviceError):
                client.connect("8", "47")
            assert vus == []
    finally:
        transport.close()


class Sourd:
    """A proxy that answers what it is told to."""

    def __init__(self, statut, corps=b""):
        self.statut, self.corps = statut, corps

    def send(self, _requete):
        return Retour(self.statut, "application/json", self.corps, 1, 0.0)


@pytest.mark.parametrize(
    ("statut", "corps", "classe", "code"),
    [
        (304, b"", NotReady, "session_absente"),
        (400, b"{}", Rejected, "demande_refusee"),
        (503, b"", Unavailable, "psc_indisponible"),
        (200, b"<html>", InvalidReply, "psc_illisible"),
        (200, b'{"proxy_session_id": "x; Path=/"}', InvalidReply, "psc_illisible"),
        (200, b'{"proxy_session_id": 12345678}', InvalidReply, "psc_illisible"),
    ],
)
def test_each_odd_answer_to_a_connection_has_its_code(statut, corps, classe, code):
    with pytest.raises(classe) as leve:
        ProxyClient("https://proxy.test", "notre", Sourd(statut, corps)).connect("8", "47")
    assert leve.value.code == code


@pytest.mark.parametrize("chemin", ["../disconnect", "a/../b", "a?b", "a b", "", "/a"])
def test_a_path_stays_inside_its_service(chemin):
    client = ProxyClient("https://proxy.test", "notre", Sourd(200))
    with pytest.raises(ValueError, match="path"):
        client.send(SessionProxy("session-1"), "dmp", chemin)


def test_the_proxy_has_no_page_and_keeps_its_tokens():
    partie = PartieProxy(ProxyClient("https://proxy.test", "notre", Sourd(200)))
    poignee = Poignee(ALICE, 0.0, proxy=SessionProxy("session-1"))
    for appel, code in (
        (lambda: partie.start(begin(0.0)), "proxy_sans_navigateur"),
        (lambda: partie.finish(RetourPsc("e", "c"), begin(0.0)), "proxy_sans_navigateur"),
        (lambda: partie.access_token_for(poignee, CIBLE), "proxy_garde_jetons"),
        (lambda: partie.logout(Poignee(ALICE, 0.0)), "session_absente"),
    ):
        with pytest.raises(NotReady) as leve:
            appel()
        assert leve.value.code == code
    demande = partie.ciba_start(ALICE, "47")
    partie._demandes.clear()
    with pytest.raises(Rejected):
        partie.ciba_poll(demande)


def test_this_server_is_the_same_interface():
    service = Fournisseur()
    partie = PartieDirecte(service.client())
    depart = begin(float(MAINTENANT))
    assert partie.start(depart).startswith("https://wallet.exemple.test/auth?")
    service.nonce = depart.nonce
    retour = RetourPsc(depart.etat, "code", emetteur=service.decouverte["issuer"])
    poignee = partie.finish(retour, depart)
    assert (poignee.rpps, poignee.identite.nom) == ("99700123459", "ESSAI")
    neuve = partie.refresh(poignee)
    assert neuve.jetons != poignee.jetons
    service.reponse = {"id_token": None}
    assert partie.access_token_for(neuve, CIBLE).startswith("acces-")
    service.reponse = {}
    suite = partie.ciba_poll(partie.ciba_start("99700123459", "47"))
    assert (suite.issue, suite.poignee.rpps) == ("approuvee", "99700123459")
    partie.logout(suite.poignee)
    (fin,) = service.sent("deconnexion")
    assert set(formulaire(fin)) == {"id_token_hint"}
    with pytest.raises(NotReady):
        partie.logout(Poignee(ALICE, 0.0))


# Which one, here.


@pytest.fixture
def en_proxy(psc_actif, tls):
    psc_actif.PSC_MODE = "proxy"
    psc_actif.PSC_PROXY = "https://proxy.exemple.test"
    psc_actif.PSC_CERTIFICAT, psc_actif.PSC_CLE = (
        str(tls / f"psc-edc.{fin}") for fin in ("pem", "key")
    )
    return psc_actif


def test_the_setting_says_who_holds_the_role(en_proxy, psc_actif):
    assert isinstance(acces.relying_party(), PartieProxy)
    psc_actif.PSC_MODE = "direct"
    assert isinstance(acces.relying_party(), PartieDirecte)


def test_a_proxy_wants_its_address_and_a_certificate(en_proxy):
    en_proxy.PSC_PROXY = en_proxy.PSC_CERTIFICAT = ""
    messages = [m.msg for m in check_psc() if m.id == "psc.E001"]
    assert messages == ["COMPTOIR_PSC_PROXY est vide.", "COMPTOIR_PSC_CERTIFICAT est vide."]
    en_proxy.PSC_PROXY = "http://proxy.exemple.test"
    assert "COMPTOIR_PSC_PROXY : https." in [m.msg for m in check_psc()]
    with pytest.raises(NotReady):
        acces.relying_party()


def test_the_relay_stops_the_start_with_a_sentence(psc_actif):
    psc_actif.PSC_MODE = "relais"
    (message,) = (m for m in check_psc() if m.id == "psc.E007")
    assert "n'existe pas encore" in message.msg
    with pytest.raises(NotReady):
        acces.relying_party()
