"""The HTTP door on real sockets: timeouts, sizes, TLS, and whether the request had left."""

import gzip
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress

import httpcore
import pytest

from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Unavailable
from teleservices.tls import Materiel, read_certificate
from teleservices.transport import HttpsTransport, Requete, _Montre, is_certificate_refused

XML = b"<r/>"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 4\r\n\r\n" + XML


class Serveur:
    """A TLS socket that does what a test says with each request it reads."""

    def __init__(self, contexte, acte, hote="127.0.0.1") -> None:
        self.contexte = contexte
        self.acte = acte
        self.requetes = []
        self.connexions = 0
        self.fin = threading.Event()
        self.ecoute = socket.create_server((hote, 0))
        self.url = f"https://{hote}:{self.ecoute.getsockname()[1]}/"
        self.fils = [threading.Thread(target=self._accept)]
        self.fils[0].start()

    def _accept(self):
        while True:
            try:
                brut, _ = self.ecoute.accept()
            except OSError:
                return
            if self.fin.is_set():
                brut.close()
                return
            self.connexions += 1
            fil = threading.Thread(target=self._serve, args=(brut,))
            self.fils.append(fil)
            fil.start()

    def _serve(self, brut):
        brut.settimeout(5)
        with suppress(OSError), brut, self.contexte.wrap_socket(brut, server_side=True) as prise:
            while requete := self._read(prise):
                self.requetes.append(requete)
                self.acte(self, prise)

    def _read(self, prise):
        recu = b""
        while not recu.endswith(b"</q>"):
            morceau = prise.recv(65536)
            if not morceau:
                return b""
            recu += morceau
        return recu

    def close(self):
        self.fin.set()
        with suppress(OSError), socket.create_connection(self.ecoute.getsockname()):
            pass
        self.ecoute.close()
        for fil in self.fils:
            fil.join(6)


def _contexte(tls, nom="serveur", mutuel=False):
    contexte = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexte.load_cert_chain(tls / f"{nom}.pem", tls / f"{nom}.key")
    if mutuel:
        contexte.load_verify_locations(tls / "ac-structures.pem")
        contexte.verify_mode = ssl.CERT_REQUIRED
    return contexte


@contextmanager
def servir(tls, acte, hote="127.0.0.1", **options):
    serveur = Serveur(_contexte(tls, **options), acte, hote)
    try:
        yield serveur
    finally:
        serveur.close()


@pytest.fixture
def transport(tls):
    transport = HttpsTransport(Materiel(str(tls / "ac-serveurs.pem")))
    yield transport
    transport.close()


def demande(serveur, **autres):
    url = getattr(serveur, "url", serveur)
    return Requete(
        url, b"<q>PAT-TROIS</q>", {"Content-Type": "x/y"}, **{"lecture_s": 5.0, **autres}
    )


def envoyer(octets):
    return lambda _serveur, prise: prise.sendall(octets)


def fermer(_serveur, prise):
    prise.shutdown(socket.SHUT_RDWR)


def taire(serveur, _prise):
    serveur.fin.wait(10)


# What comes back


def test_a_reply_is_given_whatever_its_status(tls, transport):
    erreur = b"HTTP/1.1 503 Non\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nnon!"
    with servir(tls, envoyer(erreur)) as serveur:
        retour = transport.send(demande(serveur))
    assert (retour.statut, retour.type_contenu, retour.corps) == (503, "text/plain", b"non!")


def test_a_request_goes_with_its_method(tls, transport):
    with servir(tls, envoyer(OK)) as serveur:
        transport.send(demande(serveur))
        transport.send(demande(serveur, methode="DELETE"))
        transport.send(demande(serveur, methode="GET"))
        transport.close()
    assert [r.split(b" ", 1)[0] for r in serveur.requetes] == [b"POST", b"DELETE", b"GET"]


def test_a_reply_says_what_time_it_is_over_there(tls, transport):
    heure = b"Wed, 25 Nov 2026 09:00:00 GMT"
    with servir(tls, envoyer(OK.replace(b"OK\r\n", b"OK\r\nDate: " + heure + b"\r\n"))) as serveur:
        assert transport.send(demande(serveur)).date == heure.decode()
        transport.close()


def test_the_connection_is_kept_between_two_calls(tls, transport):
    with servir(tls, envoyer(OK)) as serveur:
        assert [transport.send(demande(serveur)).corps for _ in range(3)] == [XML] * 3
        assert serveur.connexions == 1
        transport.close()


def test_a_redirect_is_a_reply_like_another(tls, transport):
    ailleurs = b"HTTP/1.1 307 Va\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with servir(tls, envoyer(ailleurs)) as serveur:
        assert transport.send(demande(serveur)).statut == 307
        assert len(serveur.requetes) == 1
        transport.close()


def test_no_proxy_of_the_environment_is_used(tls, transport, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with servir(tls, envoyer(OK)) as serveur:
        assert transport.send(demande(serveur)).corps == XML
        transport.close()


# Too much


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize("annonce", [b"Content-Length: 5000\r\n\r\n", b"Connection: close\r\n\r\n"])
def test_a_reply_too_big_is_cut(tls, transport, annonce):
    with (
        servir(tls, envoyer(b"HTTP/1.1 200 OK\r\n" + annonce + b"x" * 5000)) as serveur,
        pytest.raises(InvalidReply, match="reponse_trop_grosse"),
    ):
        transport.send(demande(serveur, taille_max_octets=4999))


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize("codage", [b"gzip", b"gzip, gzip", b"deflate", b"br"])
def test_a_compressed_reply_is_refused_before_it_is_inflated(tls, transport, codage):
    bombe = gzip.compress(b"\0" * 50_000_000)
    entete = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
    with (
        servir(tls, envoyer(entete % (codage, len(bombe)) + bombe)) as serveur,
        pytest.raises(InvalidReply, match="reponse_compressee"),
    ):
        transport.send(demande(serveur))
    assert b"accept-encoding: identity" in serveur.requetes[0].lower()


# Too slow


def test_a_silent_service_is_left_at_the_deadline(tls, transport):
    debut = time.monotonic()
    with servir(tls, taire) as serveur, pytest.raises(OutcomeUnknown, match="reseau_delai"):
        transport.send(demande(serveur, lecture_s=0.4))
    assert time.monotonic() - debut < 2


def _goutter(octets):
    def acte(serveur, prise):
        for octet in octets:
            prise.sendall(bytes([octet]))
            if serveur.fin.wait(0.1):
                return

    return acte


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Goutte: 1\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n" + b"x" * 600,
    ],
    ids=["entetes", "corps"],
)
def test_a_slow_drip_is_cut_like_a_silence(tls, transport, octets):
    debut = time.monotonic()
    with servir(tls, _goutter(octets)) as serveur, pytest.raises(OutcomeUnknown, match="delai"):
        transport.send(demande(serveur, lecture_s=0.6, connexion_s=0.4))
    assert time.monotonic() - debut < 3


def test_once_the_deadline_is_over_nothing_waits():
    montre = _Montre()
    montre.fin = time.monotonic() + 50
    assert montre.left(3.0, httpcore.ReadTimeout) == 3.0
    assert 49 < montre.left(None, httpcore.ReadTimeout) <= 50
    montre.fin = time.monotonic()
    with pytest.raises(httpcore.ReadTimeout):
        montre.left(3.0, httpcore.ReadTimeout)


def test_a_service_that_does_not_read_is_left(tls, transport):
    """The kernel's buffers fill: a request half gone is an unknown outcome."""
    with servir(tls, taire) as serveur:
        serveur._read = lambda _prise: serveur.fin.wait(10) and b""
        requete = Requete(serveur.url, b"x" * 60_000_000, {}, lecture_s=0.5)
        with pytest.raises(OutcomeUnknown, match="delai"):
            transport.send(requete)


# Nobody


def test_a_closed_port_was_surely_not_reached(tls, transport):
    with socket.create_server(("127.0.0.1", 0)) as prise:
        port = prise.getsockname()[1]
    with pytest.raises(Unavailable, match="reseau_injoignable"):
        transport.send(demande(f"https://127.0.0.1:{port}/"))


def test_a_handshake_that_never_comes_was_surely_not_received(tls, transport):
    with socket.create_server(("127.0.0.1", 0)) as prise:
        url = f"https://127.0.0.1:{prise.getsockname()[1]}/"
        with pytest.raises(Unavailable, match="reseau_injoignable"):
            transport.send(demande(url, connexion_s=0.3))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/", "ftp://x/", "127.0.0.1:9"])
def test_nothing_leaves_without_an_https_address(transport, url):
    with pytest.raises(NotReady, match="adresse_absente"):
        transport.send(demande(url))


# Cut


def test_cut_after_the_request_is_an_unknown_outcome(tls, transport):
    with servir(tls, fermer) as serveur, pytest.raises(OutcomeUnknown, match="reseau_coupe"):
        transport.send(demande(serveur))


def test_cut_in_the_middle_of_the_reply_is_an_unknown_outcome(tls, transport):
    def acte(serveur, prise):
        prise.sendall(OK[:-2])
        fermer(serveur, prise)

    with servir(tls, acte) as serveur, pytest.raises(OutcomeUnknown, match="reseau_coupe"):
        transport.send(demande(serveur))


def test_a_reply_that_is_not_http_is_an_unknown_outcome(tls, transport):
    with (
        servir(tls, envoyer(b"SSH-2.0-OpenSSH\r\n\r\n")) as serveur,
        pytest.raises(OutcomeUnknown, match="reseau_coupe"),
    ):
        transport.send(demande(serveur))


def test_a_kept_connection_closed_meanwhile_is_opened_again(tls, transport):
    with servir(tls, lambda s, p: (p.sendall(OK), fermer(s, p))) as serveur:
        assert transport.send(demande(serveur)).corps == XML
        for fil in serveur.fils[1:]:
            fil.join(5)
        assert transport.send(demande(serveur)).corps == XML
        assert serveur.connexions == 2
        transport.close()


# TLS


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("autorite", "options"),
    [
        ("ac-serveurs", {"nom": "serveur-perime"}),
        ("ac-serveurs", {"hote": "127.0.0.2"}),
        ("ac-etrangere", {}),
        ("ac-structures", {}),
    ],
    ids=["perime", "autre-nom", "autre-autorite", "autorite-des-clients"],
)
def test_a_server_that_is_not_the_service_receives_nothing(tls, autorite, options):
    transport = HttpsTransport(Materiel(str(tls / f"{autorite}.pem")))
    with (
        servir(tls, envoyer(OK), **options) as serveur,
        pytest.raises(Unavailable, match="reseau_injoignable"),
    ):
        transport.send(demande(serveur))
    assert serveur.requetes == []
    transport.close()


@pytest.mark.exigence("SEC-09")
def test_tls_older_than_1_2_is_refused(tls, transport):
    with servir(tls, envoyer(OK)) as serveur:
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            serveur.contexte.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            serveur.contexte.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(Unavailable):
            transport.send(demande(serveur))
    assert serveur.requetes == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_our_certificate_refused_is_surely_not_done(tls, transport, version):
    with servir(tls, envoyer(OK), mutuel=True) as serveur:
        serveur.contexte.maximum_version = version
        with pytest.raises(Unavailable):
            transport.send(demande(serveur))
    assert serveur.requetes == []


def test_our_certificate_is_shown_and_its_renewal_needs_no_restart(tls, tmp_path):
    for suffixe in ("pem", "key"):
        (tmp_path / f"c.{suffixe}").write_bytes((tls / f"insi-auto.{suffixe}").read_bytes())
    materiel = Materiel(
        str(tls / "ac-serveurs.pem"), str(tmp_path / "c.pem"), str(tmp_path / "c.key")
    )
    transport = HttpsTransport(materiel)
    with servir(tls, envoyer(OK), mutuel=True) as serveur:
        assert transport.send(demande(serveur)).corps == XML
        (tmp_path / "c.pem").write_bytes((tls / "insi-auto.pem").read_bytes())
        assert transport.send(demande(serveur)).corps == XML
        assert serveur.connexions == 2
        transport.close()


@pytest.mark.parametrize("illisible", ["absent.pem", "vide.pem"])
def test_an_unreadable_certificate_sends_nothing(tls, tmp_path, illisible):
    (tmp_path / "vide.pem").write_bytes(b"")
    transport = HttpsTransport(
        Materiel(str(tls / "ac-serveurs.pem"), str(tmp_path / illisible), str(tmp_path / illisible))
    )
    with pytest.raises(NotReady, match="certificat_absent"):
        transport.send(demande("https://127.0.0.1:9/"))
    transport.close()


def test_only_a_refused_certificate_is_read_as_such():
    refuse, autre = ssl.SSLError(1, "x"), ssl.SSLError(1, "x")
    refuse.reason, autre.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED", "DECRYPTION_FAILED"
    enveloppe = OSError("x")
    enveloppe.__cause__ = refuse
    assert is_certificate_refused(enveloppe)
    assert not is_certificate_refused(autre)
    assert not is_certificate_refused(OSError("x"))


def test_a_message_shows_nothing_of_the_patient(tls, transport):
    with servir(tls, envoyer(OK)) as serveur:
        requete = demande(serveur)
        retour = transport.send(requete)
        transport.close()
    assert "PAT-TROIS" not in repr(requete)
    assert "<r/>" not in repr(retour)


def test_certificate_facts_say_test_and_expiry(tls):
    lu = read_certificate(str(tls / "insi-auto.pem"))
    assert lu.de_test
    assert lu.ou
