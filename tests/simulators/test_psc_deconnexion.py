"""End of session of the simulator: by the browser, by a server, told to the services."""

import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.simulators.client_psc import FIN, RETOUR, Lie, peek, query, target, title

EVENEMENT = "http://schemas.openid.net/event/backchannel-logout"


class Ecoute:
    """The server of a service: it takes logout tokens, and answers `statut`."""

    def __init__(self):
        self.recus = queue.Queue()
        self.statut = 200
        ecoute = self

        class Guichet(BaseHTTPRequestHandler):
            def log_message(self, *_args):
                pass

            def do_POST(self):
                corps = self.rfile.read(int(self.headers["Content-Length"])).decode()
                genre = self.headers["Content-Type"]
                ecoute.recus.put((self.path, genre, parse_qs(corps), dict(self.headers)))
                self.send_response(ecoute.statut)
                self.send_header("Location", "/ailleurs")
                self.end_headers()

        self.serveur = ThreadingHTTPServer(("127.0.0.1", 0), Guichet)
        self.adresse = f"http://127.0.0.1:{self.serveur.server_port}/psc/backchannel-logout"
        threading.Thread(target=self.serveur.serve_forever, daemon=True).start()

    def take(self):
        """Return the logout token of the next delivery."""
        chemin, genre, corps, _ = self.recus.get(timeout=20)
        assert (chemin, genre) == ("/psc/backchannel-logout", "application/x-www-form-urlencoded")
        (jeton,) = corps.pop("logout_token")
        assert corps == {}
        return jeton

    def close(self):
        self.serveur.shutdown()
        self.serveur.server_close()


@pytest.fixture
def ecoute():
    """A service that listens."""
    ecoute = Ecoute()
    yield ecoute
    ecoute.close()


@pytest.fixture
def prevenu(service, psc, tls, ecoute):
    """A declared service that is told of the end of a session."""
    psc.post(
        "/clients",
        client_id="prevenu",
        secret="s",
        retours=[RETOUR],
        apres_deconnexion=[FIN],
        deconnexion_serveur=ecoute.adresse,
    )
    lie = Lie(psc, tls, "prevenu", secret="s")
    yield lie
    lie.close()


def sign_in(lie, navigateur, choix="alice CARD"):
    essai = lie.begin()
    return lie.finish(essai, navigateur.sign_in(essai, choix))


def logout_url(lie, jetons, **change):
    url = lie.create_logout_url(FIN, jetons["id_token"], "etat-de-retour")["url"]
    morceaux = urlsplit(url)
    params = {**dict(parse_qsl(morceaux.query)), **change}
    params = {nom: valeur for nom, valeur in params.items() if valeur}
    return morceaux._replace(query=urlencode(params)).geturl()


def is_over(lie, jetons):
    refus = lie.send("token", grant_type="refresh_token", refresh_token=jetons["refresh_token"])
    return refus.status_code == 400 and refus.json()["error"] == "invalid_grant"


# Asked by the service


def test_the_browser_comes_back_with_the_state_and_everything_is_dead(service, navigateur):
    jetons = sign_in(service, navigateur)
    reponse = navigateur.open(logout_url(service, jetons))

    assert target(reponse).partition("?")[0] == FIN
    assert query(target(reponse)) == {"state": "etat-de-retour"}
    assert "KEYCLOAK_IDENTITY=;" in reponse.headers["set-cookie"]
    assert is_over(service, jetons)
    assert service.userinfo_reply(jetons["access_token"]).status_code == 401
    assert navigateur.open(service.begin().adresse).status_code == 200
    # A second time there is nothing to end, and the way back is the same.
    assert target(navigateur.open(logout_url(service, jetons))).startswith(FIN)


def test_a_server_ends_a_session_by_the_hint_alone_at_both_doors(service, navigateur):
    for porte in ("authorization", "token"):
        jetons = sign_in(service, navigateur)
        hote = urlsplit(service.point(porte)).netloc
        url = urlsplit(service.point("end_session"))._replace(netloc=hote).geturl()
        reponse = service.http.post(url, data={"id_token_hint": jetons["id_token"]})

        assert reponse.status_code == 200
        assert is_over(service, jetons)


def test_an_expired_hint_or_one_of_a_former_key_still_ends_the_session(service, navigateur, psc):
    psc.post("/anomalies", noms=["expire_90"])
    jetons = sign_in(service, navigateur)
    psc.post("/cles", geste="tourner")
    psc.post("/cles", geste="retirer")

    assert target(navigateur.open(logout_url(service, jetons))).startswith(FIN)
    assert is_over(service, jetons)


@pytest.mark.parametrize(
    "change",
    [
        {"post_logout_redirect_uri": FIN + "/"},
        {"post_logout_redirect_uri": RETOUR},
        {"post_logout_redirect_uri": "https://evil.invalid/"},
        {"id_token_hint": "e30.e30.x"},
        {"id_token_hint": "pas-un-jeton"},
        {"client_id": "autre"},
    ],
)
def test_a_wrong_request_is_a_page_and_ends_nothing(change, service, navigateur):
    jetons = sign_in(service, navigateur)
    reponse = navigateur.open(logout_url(service, jetons, **change))

    assert reponse.status_code == 400
    assert "location" not in reponse.headers
    assert not is_over(service, jetons)


def test_an_access_token_or_a_forged_one_is_no_hint(service, navigateur, psc):
    psc.post("/anomalies", noms=["hs256_cle_publique"])
    jetons = sign_in(service, navigateur)

    for faux in (jetons["access_token"], jetons["id_token"], jetons["refresh_token"]):
        assert navigateur.open(logout_url(service, jetons, id_token_hint=faux)).status_code == 400
    assert not is_over(service, jetons)


def test_without_a_hint_the_person_is_asked_once(service, navigateur, autre_navigateur):
    jetons = sign_in(service, navigateur)
    url = logout_url(service, jetons, id_token_hint="", client_id="service-secret")
    page = navigateur.open(url)

    assert (page.status_code, title(page)) == (200, "Se déconnecter")
    assert autre_navigateur.submit(page, confirmer="oui").status_code == 303
    assert not is_over(service, jetons)
    page = navigateur.open(url)
    retour = target(navigateur.submit(page, confirmer="oui"))
    assert (retour.partition("?")[0], query(retour)) == (FIN, {"state": "etat-de-retour"})
    assert is_over(service, jetons)


def test_a_confirmation_of_another_browser_is_asked_again(service, navigateur, autre_navigateur):
    jetons, siens = sign_in(service, navigateur), sign_in(service, autre_navigateur, "bruno CARD")
    page = navigateur.open(service.point("end_session"))
    reponse = autre_navigateur.submit(page, confirmer="oui")

    assert (reponse.status_code, title(reponse)) == (200, "Se déconnecter")
    assert not is_over(service, jetons)
    assert not is_over(service, siens)


def test_a_browser_without_session_is_told_so(service, navigateur):
    page = navigateur.open(service.point("end_session"))

    assert (page.status_code, title(page)) == (200, "Vous êtes déconnecté")


# Told to the services


def test_the_logout_token_is_signed_and_says_which_session(prevenu, navigateur, ecoute, psc):
    jetons = sign_in(prevenu, navigateur)
    navigateur.open(logout_url(prevenu, jetons))
    jeton = ecoute.take()
    cles = KeySet.import_key_set(prevenu.fetch_jwk_set())
    lu = jwt.decode(jeton, cles, algorithms=["RS256"])
    identite = peek(jetons["id_token"])[1]

    assert lu.header["typ"] == "JWT"
    assert set(lu.claims) == {"iat", "jti", "iss", "aud", "sub", "typ", "sid", "events"}
    assert lu.claims["typ"] == "Logout"
    assert lu.claims["events"] == {EVENEMENT: {}}
    for nom in ("iss", "aud", "sub", "sid"):
        assert lu.claims[nom] == identite[nom], nom


def test_every_service_of_the_session_is_told_and_the_others_are_not(
    prevenu, service, navigateur, autre_navigateur, ecoute, psc
):
    jetons = sign_in(prevenu, navigateur)
    essai = service.begin()
    communs = service.finish(essai, target(navigateur.open(essai.adresse)))
    autres = sign_in(prevenu, autre_navigateur, "bruno MOBILE")
    assert communs["session_state"] == jetons["session_state"]
    service.http.post(service.point("end_session"), data={"id_token_hint": communs["id_token"]})

    assert peek(ecoute.take())[1]["sid"] == jetons["session_state"]
    assert is_over(prevenu, jetons)
    assert not is_over(prevenu, autres)
    assert ecoute.recus.empty()


def sent(psc):
    """Return the deliveries once each has its outcome."""
    limite = time.monotonic() + 20
    while any(envoi["statut"] is None for envoi in psc.get("/envois")):
        assert time.monotonic() < limite
    return psc.get("/envois")


def test_the_op_ends_a_session_by_itself_once_and_notes_the_answer(
    prevenu, navigateur, ecoute, psc
):
    ecoute.statut = 302
    jetons = sign_in(prevenu, navigateur)
    (session,) = psc.get("/sessions")
    assert (session["sid"], session["vivante"]) == (jetons["session_state"], True)
    for _ in range(2):
        psc.post("/deconnexion", sid=session["sid"])
    ecoute.take()

    assert [envoi["statut"] for envoi in sent(psc)] == [302]
    assert ecoute.recus.empty()
    assert is_over(prevenu, jetons)


def test_a_service_that_is_away_does_not_keep_a_session_open(prevenu, navigateur, ecoute, psc):
    jetons = sign_in(prevenu, navigateur)
    ecoute.close()
    psc.post("/deconnexion", sid=jetons["session_state"])

    assert [envoi["statut"] for envoi in sent(psc)] == ["ConnectionRefusedError"]
    assert is_over(prevenu, jetons)


CHANGES = {
    "typ_logout_jwt": lambda h, c: h["typ"] == "logout+jwt",
    "sub_seul": lambda h, c: "sid" not in c and "sub" in c,
    "sans_sujet": lambda h, c: not {"sid", "sub"} & set(c),
    "sans_evenement": lambda h, c: "events" not in c,
    "avec_nonce": lambda h, c: len(c.get("nonce", "")) > 20,
    "logout_aud_autre": lambda h, c: c["aud"] != "prevenu",
    "logout_iss_autre": lambda h, c: c["iss"].endswith("-autre"),
    "logout_iat_ancien": lambda h, c: 1190 < time.time() - c["iat"] < 1260,
    "typ_id": lambda h, c: c["typ"] == "ID",
}


@pytest.mark.parametrize("nom", CHANGES)
def test_a_logout_token_is_wrong_in_one_place(nom, prevenu, navigateur, ecoute, psc):
    jetons = sign_in(prevenu, navigateur)
    psc.post("/anomalies", noms=[nom])
    psc.post("/deconnexion", sid=jetons["session_state"])
    jeton = ecoute.take()
    jwt.decode(jeton, KeySet.import_key_set(prevenu.fetch_jwk_set()), algorithms=["RS256"])

    assert CHANGES[nom](*peek(jeton))
    assert sum(bool(juge(*peek(jeton))) for juge in CHANGES.values()) == 1
    assert psc.get("/envois")[0]["anomalies"] == [nom]


def test_a_logout_token_comes_twice_or_unsigned(prevenu, navigateur, ecoute, psc):
    jetons = sign_in(prevenu, navigateur)
    psc.post("/anomalies", noms=["rejoue", "logout_alg_none"])
    psc.post("/deconnexion", sid=jetons["session_state"])
    premier, second = ecoute.take(), ecoute.take()

    assert premier == second
    assert peek(premier)[0]["alg"] == "none"
    with pytest.raises(JoseError):
        jwt.decode(premier, KeySet.import_key_set(prevenu.fetch_jwk_set()), algorithms=["RS256"])
