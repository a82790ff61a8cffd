"""The proxy e-Santé of the simulator, after the OpenAPI document of the ANS."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

DEMANDE = {
    "nationalId": "899700900014",
    "bindingMessage": "47",
    "clientId": "service-edc",
    "channel": "MOBILE",
}


class Poste:
    """A software behind the proxy: one cookie jar."""

    def __init__(self, confiance, psc):
        self.http = confiance.http
        self.psc = psc
        self.base = psc.get("/adresses")["proxy"]
        self.reponse = None

    def ask(self, methode, chemin, **options):
        return self.http.request(methode, self.base + chemin, **options)

    def connect(self, geste, **change):
        """Ask, answer on the phone, return the answer."""
        fil = threading.Thread(target=self._connect, args=({**DEMANDE, **change},))
        fil.start()
        while not (appels := self.psc.get("/telephones")):
            assert fil.is_alive(), self.reponse
        self.psc.post("/telephone", ref=appels[0]["ref"], geste=geste)
        fil.join(20)
        return self.reponse

    def _connect(self, demande):
        self.reponse = self.ask("POST", "/connect", json=demande)


@pytest.fixture
def poste(confiance, psc):
    return Poste(confiance, psc)


def test_a_connection_waits_for_the_phone_and_gives_a_session(poste, psc):
    reponse = poste.connect("approuver")
    (session,) = psc.get("/sessions")

    assert reponse.status_code == 200
    assert reponse.json()["session_state"] == session["sid"]
    assert reponse.cookies["proxy_session_id"] == reponse.json()["proxy_session_id"]
    relais = poste.ask("POST", "/send/dmp/documents", content=b"abc").json()
    assert (relais["SubjectNameID"], relais["service"], relais["octets"]) == (
        *("899700900014", "dmp"),
        3,
    )


def test_a_connection_that_is_open_is_not_asked_again(poste, psc):
    poste.connect("approuver")
    reponse = poste.ask("POST", "/connect", json=DEMANDE)

    assert (reponse.status_code, reponse.content) == (304, b"")
    assert psc.get("/telephones") == []
    assert len(psc.get("/sessions")) == 1


def test_a_disconnection_ends_both_sessions_once(poste, psc):
    poste.connect("approuver")
    temoin = dict(poste.http.cookies)
    assert poste.ask("DELETE", "/disconnect").status_code == 200

    assert [s["vivante"] for s in psc.get("/sessions")] == [False]
    poste.http.cookies.clear()
    for nom, valeur in temoin.items():
        poste.http.cookies.set(nom, valeur)
    assert poste.ask("DELETE", "/disconnect").status_code == 401
    assert poste.ask("GET", "/send/dmp/documents").status_code == 401


def test_a_proxy_session_lives_four_hours(poste, psc):
    poste.connect("approuver")
    psc.post("/horloge", decalage_s=14_390)
    assert poste.ask("GET", "/send/dmp/documents").status_code == 200
    psc.post("/horloge", decalage_s=14_410)

    assert poste.ask("GET", "/send/dmp/documents").status_code == 401


def test_a_refusal_on_the_phone_and_a_mood_are_503(poste, psc):
    assert poste.connect("refuser").status_code == 503
    psc.humeur("faute", code="indisponible", operation="proxy", fois=1)

    assert poste.ask("POST", "/connect", json=DEMANDE).status_code == 503
    assert poste.ask("GET", "/send/dmp/documents").status_code == 401


@pytest.mark.parametrize(
    ("change", "statut"),
    [
        ({"nationalId": None}, 400),
        ({"clientId": 3}, 400),
        ({"bindingMessage": "7"}, 400),
        ({"bindingMessage": ""}, 400),
        ({"channel": "SMS"}, 400),
        ({"nationalId": "899700999999"}, 404),
        ({"clientId": "personne"}, 404),
    ],
)
def test_what_is_missing_or_unknown_rings_no_phone(change, statut, poste, psc):
    reponse = poste.ask("POST", "/connect", json={**DEMANDE, **change})

    assert reponse.status_code == statut
    assert set(reponse.json()) == {"code", "message", "metadata"}
    assert psc.get("/telephones") == []
    assert poste.ask("POST", "/connect", content=b"[]").status_code == 400


def test_the_traces_say_each_step(poste):
    debut = datetime.now(UTC) - timedelta(seconds=1)
    poste.connect("refuser")
    poste.connect("approuver")
    poste.ask("POST", "/connect", json=DEMANDE)
    poste.ask("GET", "/send/dmp/documents")
    poste.ask("DELETE", "/disconnect")
    lues = poste.ask("GET", "/traces", params={"start": debut.isoformat()}).json()

    assert [ligne["type"] for ligne in lues] == [
        *("CONNECT_FAILURE", "CONNECT_SUCCESS", "CONNECT_REPLAY", "SEND", "DISCONNECT"),
    ]
    assert {ligne["IdRPPS"] for ligne in lues} == {"899700900014"}
    assert lues[3]["dn"].startswith("CN=COMPTOIR-PSC,")
    assert poste.ask("GET", "/traces").status_code == 400
    assert poste.ask("GET", "/traces", params={"start": "hier"}).status_code == 400


@pytest.mark.donnees_partagees
def test_statuses_and_members_are_those_of_the_contract(poste, partage):
    contrat = json.loads((partage / "data/psc/genuine/openapi-proxy-esante.json").read_text())
    connexion = contrat["paths"]["/connect"]["post"]["responses"]
    session = contrat["components"]["schemas"]["session"]["properties"]

    assert {"200", "304", "400", "404", "503"} <= set(connexion)
    assert set(poste.connect("approuver").json()) == set(session)
