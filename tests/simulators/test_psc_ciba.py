"""CIBA of the simulator: the phone rings, the service polls, each end has its code."""

import pytest
from authlib.oauth2.base import OAuth2Error

from tests.simulators.client_psc import CIBA, Lie, peek
from tests.simulators.test_psc_jetons import refused

ALICE = "899700900014"
DEMANDE = {
    "scope": "openid scope_all",
    "login_hint": ALICE,
    "binding_message": "47",
    "acr_values": "eidas1",
    "channel": "MOBILE",
}


class Temps:
    """Lets time pass in the simulator, without waiting."""

    def __init__(self, psc):
        self.psc = psc
        self.total = 0

    def pass_by(self, secondes):
        self.total += secondes
        self.psc.post("/horloge", decalage_s=self.total)


@pytest.fixture
def temps(psc, service):
    """The clock of a simulator gone back to its start."""
    return Temps(psc)


def start(lie, **change):
    params = {n: v for n, v in {**DEMANDE, **change}.items() if v is not None}
    return lie.send("backchannel_authentication", **params)


def poll(lie, identifiant):
    return lie.send("token", grant_type=CIBA, auth_req_id=identifiant)


def ring(psc):
    (appel,) = psc.get("/telephones")
    return appel


def test_the_phone_shows_the_number_and_its_approval_signs_in(confiance, psc, temps):
    recu = start(confiance).json()
    appel = ring(psc)
    refused(poll(confiance, recu["auth_req_id"]), "authorization_pending")
    psc.post("/telephone", ref=appel["ref"], geste="approuver")
    temps.pass_by(recu["interval"])
    jetons = confiance.oauth.fetch_token(
        confiance.point("token"), grant_type=CIBA, auth_req_id=recu["auth_req_id"]
    )
    identite = confiance.parse_id_token(jetons, None)

    assert set(recu) == {"auth_req_id", "expires_in", "interval"}
    assert (recu["expires_in"], recu["interval"]) == (120, 5)
    assert (appel["numero"], appel["identifiant"], appel["canal"]) == ("47", ALICE, "MOBILE")
    assert appel["service"] == "service-edc"
    assert identite["preferred_username"] == ALICE
    assert "nonce" not in identite
    document = confiance.userinfo_reply(jetons["access_token"]).json()
    assert (document["SubjectNameID"], document["authMode"]) == (ALICE, "MOBILE")
    assert psc.get("/telephones") == []


def test_a_request_serves_once(service, psc, temps):
    recu = start(service).json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver")

    assert poll(service, recu["auth_req_id"]).status_code == 200
    temps.pass_by(6)
    refused(poll(service, recu["auth_req_id"]), "invalid_grant")


def test_a_refusal_on_the_phone_is_access_denied_then_nothing(service, psc, temps):
    recu = start(service, channel="CARD").json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="refuser")

    with pytest.raises(OAuth2Error) as refus:
        service.oauth.fetch_token(
            service.point("token"), grant_type=CIBA, auth_req_id=recu["auth_req_id"]
        )
    assert refus.value.error == "access_denied"
    temps.pass_by(6)
    refused(poll(service, recu["auth_req_id"]), "invalid_grant")


@pytest.mark.parametrize(("demande", "duree"), [(None, 120), ("30", 30), ("900", 120)])
def test_a_request_without_answer_expires(demande, duree, service, psc, temps):
    recu = start(service, requested_expiry=demande).json()
    assert recu["expires_in"] == duree
    temps.pass_by(duree - 2)
    refused(poll(service, recu["auth_req_id"]), "authorization_pending")
    temps.pass_by(3)

    refused(poll(service, recu["auth_req_id"]), "expired_token")
    assert psc.get("/telephones") == []


def test_an_approval_that_is_fetched_too_late_has_expired(service, psc, temps):
    recu = start(service).json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver")
    temps.pass_by(121)

    refused(poll(service, recu["auth_req_id"]), "expired_token")


def test_polling_too_fast_slows_down_by_five_seconds(service, psc, temps):
    identifiant = start(service).json()["auth_req_id"]
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver")
    autre = start(service).json()["auth_req_id"]
    codes = []
    for attente in (0, 1, 6, 20):
        temps.pass_by(attente)
        reponse = poll(service, autre)
        codes.append(reponse.json()["error"])
    assert codes == [
        "authorization_pending",
        "slow_down",
        "slow_down",
        "authorization_pending",
    ]

    assert poll(service, identifiant).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
        ({"login_hint": None}, "invalid_request"),
        ({"id_token_hint": "e30.e30."}, "invalid_request"),
        ({"login_hint_token": "x"}, "invalid_request"),
        ({"login_hint": "99700900014"}, "unknown_user_id"),
        ({"login_hint": "899700999999"}, "unknown_user_id"),
        ({"login_hint": "899700900196"}, "unknown_user_id"),
        ({"login_hint": "899700900030", "channel": "CARD"}, "unknown_user_id"),
        ({"binding_message": None}, "invalid_binding_message"),
        ({"binding_message": "4"}, "invalid_binding_message"),
        ({"binding_message": "047"}, "invalid_binding_message"),
        ({"binding_message": "ab"}, "invalid_binding_message"),
        ({"binding_message": "٤٧"}, "invalid_binding_message"),
        ({"acr_values": None}, "invalid_request"),
        ({"acr_values": "eidas3"}, "invalid_request"),
        ({"channel": "SMS"}, "invalid_request"),
        ({"requested_expiry": "0"}, "invalid_request"),
    ],
)
def test_a_request_is_refused_by_its_code_and_no_phone_rings(change, code, service, psc):
    refused(start(service, **change), code)
    assert psc.get("/telephones") == []


def test_a_service_without_ciba_is_unauthorized(service, psc, tls):
    psc.post("/clients", client_id="sans", secret="s", ciba=False)
    lie = Lie(psc, tls, "sans", secret="s")

    refused(start(lie), "unauthorized_client")
    lie.close()


def test_a_request_is_only_for_who_made_it(service, confiance, psc):
    recu = start(service).json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver")

    refused(poll(confiance, recu["auth_req_id"]), "invalid_grant")
    refused(poll(service, "inconnu"), "invalid_grant")
    refused(service.send("token", grant_type=CIBA), "invalid_request")
    assert poll(service, recu["auth_req_id"]).status_code == 200


def test_another_person_may_answer_the_phone(service, psc):
    recu = start(service).json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver", autre="bruno")
    jetons = poll(service, recu["auth_req_id"]).json()

    assert peek(jetons["id_token"])[1]["preferred_username"] == "899700900022"
    assert service.userinfo_reply(jetons["access_token"]).json()["given_name"] == "BRUNO"


def test_two_requests_ring_apart_and_a_phone_answers_once(service, psc):
    premier, second = (start(service, binding_message=n).json() for n in ("11", "22"))
    appels = {a["numero"]: a["ref"] for a in psc.get("/telephones")}
    psc.post("/telephone", ref=appels["22"], geste="approuver")

    refused(poll(service, premier["auth_req_id"]), "authorization_pending")
    assert poll(service, second["auth_req_id"]).status_code == 200
    assert (
        psc.http.post("/telephone", json={"ref": appels["22"], "geste": "refuser"}).status_code
        == 404
    )
    assert (
        psc.http.post("/telephone", json={"ref": appels["11"], "geste": "peut-être"}).status_code
        == 422
    )


def test_the_interval_may_be_absent_and_then_is_five(service, psc, temps):
    psc.post("/reglages", ciba_intervalle_s=1)
    assert start(service).json()["interval"] == 1
    psc.post("/anomalies", noms=["sans_intervalle"])
    recu = start(service).json()

    assert set(recu) == {"auth_req_id", "expires_in"}
    refused(poll(service, recu["auth_req_id"]), "authorization_pending")
    temps.pass_by(2)
    refused(poll(service, recu["auth_req_id"]), "slow_down")


def test_a_session_of_the_phone_refreshes_as_another(service, psc):
    recu = start(service).json()
    psc.post("/telephone", ref=ring(psc)["ref"], geste="approuver")
    jetons = poll(service, recu["auth_req_id"]).json()
    neufs = service.oauth.refresh_token(service.point("token"), jetons["refresh_token"])

    assert neufs["session_state"] == jetons["session_state"]


def test_the_journal_says_what_was_asked_and_keeps_what_opens(service, psc):
    recu = start(service).json()
    poll(service, recu["auth_req_id"])
    demande, sondage = psc.journal()[-2:]

    assert (demande["operation"], demande["resultat"]) == ("ciba", "200")
    assert demande["parametres"]["binding_message"] == "47"
    assert demande["parametres"]["login_hint"] == ALICE
    assert (sondage["operation"], sondage["resultat"]) == ("jeton", "authorization_pending")
    assert recu["auth_req_id"] not in str(psc.journal())
