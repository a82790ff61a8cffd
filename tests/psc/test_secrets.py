"""Nothing of what goes on the wire rests anywhere in clear: played, then looked for (case 59)."""

import json
import logging
from urllib.parse import parse_qsl

import pytest
import redis
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from pharmacy.models import Audit
from psc.models import DeconnexionPsc, JetonApi, SessionPsc
from psc.services import acces, jetons_services
from psc.tasks import deconnecter
from teleservices import identite_nationale
from teleservices.identite_nationale import CibleNationale
from teleservices.transport import HttpsTransport
from tests.psc.guichet import CLIENT, SECRET, Guichet, connected
from tests.psc.sessions_psc import vieillit
from tests.simulators.client_nu import Simulateur
from tests.simulators.client_psc import FIN, RETOUR, SUJET

SECRETS = {
    *("access_token", "refresh_token", "id_token", "code", "code_verifier", "client_secret"),
    *("subject_token", "token", "id_token_hint", "logout_token", "auth_req_id"),
}
FAUTES = (
    *("nonce_faux", "aud_autre", "expire_90", "hs256_secret", "sans_id_token", "sub_autre"),
    *("userinfo_401", "userinfo_500", "userinfo_html", "iss_autre", "state_double"),
    *("erreur_balisage", "auth_time_ancien", "acr_absent"),
)


class Fil:
    """What went out and came back, and the pages that people saw."""

    def __init__(self):
        self.secrets = set()
        self.pages = []

    def note(self, paires):
        """Keep what must be found nowhere; a short value would be found anywhere."""
        for nom, valeur in paires:
            if nom in SECRETS and isinstance(valeur, str) and len(valeur) > 11:
                self.secrets.add(valeur)

    def sent(self, requete):
        self.note(parse_qsl(requete.corps.decode("utf-8", "replace")))
        autorisation = requete.entetes.get("Authorization", "")
        if autorisation:
            self.secrets.add(autorisation.partition(" ")[2])

    def received(self, retour):
        try:
            lu = json.loads(retour.corps)
        except ValueError:
            return
        if isinstance(lu, dict):
            self.note(lu.items())


@pytest.fixture
def fil(monkeypatch):
    fil, envoie, demande = Fil(), HttpsTransport.send, Client.request

    def send(self, requete):
        fil.sent(requete)
        retour = envoie(self, requete)
        fil.received(retour)
        return retour

    def request(self, **champs):
        fil.note(parse_qsl(str(champs.get("QUERY_STRING", ""))))
        reponse = demande(self, **champs)
        corps = b"".join(reponse) if reponse.streaming else reponse.content
        fil.pages.append(corps.decode("utf-8", "replace") + str(dict(reponse.headers)))
        return reponse

    monkeypatch.setattr(HttpsTransport, "send", send)
    monkeypatch.setattr(Client, "request", request)
    fil.secrets.add(SECRET)
    return fil


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    processus = Simulateur("psc", tmp_path_factory.mktemp("psc"), tls, calme=True)
    yield processus
    processus.stop()


@pytest.fixture
def guichet(halle, psc, tls, settings):
    settings.PSC_DECONNEXION_RECUE = True
    with connected(psc, tls, settings) as navigateur:
        guichet = Guichet(halle, psc, navigateur)
        guichet.attach("A01", "alice")
        yield guichet


@pytest.fixture
def edc(psc, tls, guichet, settings):
    """By certificate, which a connected service wants; give it back and the secret serves."""
    psc.post(
        "/clients",
        client_id="par-certificat",
        methode="tls_client_auth",
        sujet=SUJET,
        retours=[RETOUR],
        apres_deconnexion=[FIN],
    )
    service = cible(psc)
    identite_nationale.register_cible(service)
    settings.PSC_CLIENT_ID, settings.PSC_AUTHENTIFICATION = "par-certificat", "certificat"
    settings.PSC_CERTIFICAT = str(tls / "psc-edc.pem")
    settings.PSC_CLE = str(tls / "psc-edc.key")

    def by_secret():
        if settings.PSC_CERTIFICAT:
            acces._transport(settings.TLS_AC, settings.PSC_CERTIFICAT, settings.PSC_CLE).close()
            acces._transport.cache_clear()
        settings.PSC_CLIENT_ID = CLIENT
        settings.PSC_AUTHENTIFICATION = "client_secret_basic"
        settings.PSC_CERTIFICAT = settings.PSC_CLE = ""

    yield by_secret
    by_secret()
    identite_nationale._cibles.pop("essai")


@pytest.fixture
def bavard(caplog):
    """Every logger says all it knows."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def valkey():
    """The broker and the bell: what this test adds goes with it."""
    client = redis.Redis.from_url(settings.VALKEY_URL)
    avant = set(client.keys("*"))
    yield client
    nouvelles = set(client.keys("*")) - avant
    if nouvelles:
        client.delete(*nouvelles)
    client.close()


def cible(psc):
    """The connected service of the simulator."""
    adresse = next(a for n, a in psc.get("/adresses").items() if "signsessiondata" in str(a))
    adresse = adresse if adresse.endswith("/token") else f"{adresse}/protocol/openid-connect/token"
    return CibleNationale("essai", adresse, "openid")


@pytest.fixture
def joue(halle, guichet, fil, edc, request):
    """Sign in, work, renew, exchange, leave; then every fault of the service."""
    LUS.clear()
    for temoin in ("valkey", "bavard"):
        request.getfixturevalue(temoin)
    with request.getfixturevalue("django_capture_on_commit_callbacks")(execute=True):
        guichet.arrive("alice CARD", "/patients/")
        acteur, cle = halle.acteur("A01"), guichet.cookie()
        (session,) = guichet.sessions()
        guichet.client.get("/patients/")
        guichet.client.get("/psc/etat")
        assert jetons_services.check_alive(acteur, cle)
        vieillit(session, 110)
        assert jetons_services.access_token(acteur, cle)
        assert identite_nationale.jeton_pour(acteur, "essai")
        guichet.client.get("/psc/sessions/")
        guichet.client.get("/psc/quitter")
        rests()
        guichet.client.post("/psc/disconnect")
    rests()
    deconnecter(halle.officine.pk, DeconnexionPsc.objects.get().pk)
    edc()
    for faute in FAUTES:
        guichet.client = halle.navigateur()
        guichet.psc.post("/anomalies", noms=[faute], fois=1)
        depart = guichet.leave()
        if depart.status_code == 302:
            guichet.back(guichet.choose(depart["Location"], "alice CARD"))
        guichet.psc.post("/anomalies", noms=[], fois=1)
    return fil


def rests():
    """What is kept while it is kept: the tables are read then, not once they are empty."""
    LUS.append(tables())


LUS: list[str] = []


def tables():
    """Every table as text: what is encrypted is not readable, what is bytes is in hexadecimal."""
    textes = []
    with connection.cursor() as curseur:
        for table in connection.introspection.table_names(curseur):
            curseur.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own tables
            textes += [ligne[0] for ligne in curseur.fetchall()]
    textes += [str(SessionStore().decode(s.session_data)) for s in Session.objects.all()]
    return "\n".join(textes)


def kept(valkey):
    """Every key of Valkey, its queues included: the messages of the tasks are there."""
    textes = []
    for cle in valkey.keys("*"):
        genre = valkey.type(cle)
        lus = {
            b"string": lambda c: [valkey.get(c)],
            b"list": lambda c: valkey.lrange(c, 0, -1),
            b"hash": lambda c: [x for paire in valkey.hgetall(c).items() for x in paire],
            b"set": lambda c: list(valkey.smembers(c)),
            b"zset": lambda c: valkey.zrange(c, 0, -1),
        }[genre](cle)
        textes += [cle.decode(), *((x or b"").decode("utf-8", "replace") for x in lus)]
    return "\n".join(textes)


def found(secrets, texte):
    """The secrets that are in a text, in clear or in hexadecimal, whole or by their middle."""
    return {
        s[:12]
        for s in secrets
        if s in texte or s.encode().hex() in texte or (len(s) > 40 and s[12:40] in texte)
    }


@pytest.mark.exigence("PSC-12", "SEC-08", "SEC-13")
@pytest.mark.cas("psc-59")
def test_no_secret_of_the_wire_is_in_a_log_a_page_a_queue_or_a_column(valkey, bavard, joue):
    assert SessionPsc.objects.exists()
    assert not JetonApi.objects.exists()
    assert len(joue.secrets) > 3 * len(FAUTES) // 2
    assert {"psc.ouvrir", "psc.terminer"} <= set(Audit.objects.values_list("acte", flat=True))
    queues = kept(valkey)
    assert "psc.deconnecter" in queues
    lieux = {
        "journaux": "\n".join(
            f"{r.getMessage()} {r.exc_text or ''} {r.args!r}" for r in bavard.get_records("setup")
        ),
        "pages": "\n".join(joue.pages),
        "valkey": queues,
        "base": "\n".join([*LUS, tables()]),
    }
    assert all(lieux.values())
    assert {lieu: found(joue.secrets, texte) for lieu, texte in lieux.items()} == {
        lieu: set() for lieu in lieux
    }


def test_the_search_would_find_them():
    """The test above cannot pass by looking away."""
    secret = "x" * 20 + "y" * 30
    assert found({secret}, f"avant {secret} après")
    assert found({secret}, f"\\x{secret.encode().hex()}")
    assert found({secret}, secret[12:45])
    assert not found({secret}, "rien")
