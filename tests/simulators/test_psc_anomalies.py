"""What the simulator of Pro Santé Connect does wrong on demand: that thing, and nothing else."""

import base64
import hmac
import time
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from authlib.oauth2.base import OAuth2Error
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from simulators.psc.anomalies import ILLEGALES, LEGALES
from tests.simulators.client_psc import peek, query, target
from tests.simulators.test_psc_ciba import DEMANDE, poll
from tests.simulators.test_psc_jetons import exchange, of_code, refused

EVENEMENT = "http://schemas.openid.net/event/backchannel-logout"


def arm(psc, *noms, fois=1):
    psc.post("/anomalies", noms=list(noms), fois=fois)


def sign_in(lie, navigateur, **change):
    """Return (attempt, tokens)."""
    essai = lie.begin(**change)
    return essai, lie.finish(essai, navigateur.sign_in(essai))


def test_what_is_armed_exists_plays_once_and_is_forgotten(service, navigateur, psc):
    assert psc.http.post("/anomalies", json={"noms": ["personne"]}).status_code == 422
    arm(psc, "nonce_faux", "userinfo_500")
    essai, jetons = sign_in(service, navigateur)
    assert peek(jetons["id_token"])[1]["nonce"] != essai.nonce
    assert psc.get("/anomalies")["armees"] == {"userinfo_500": 1}
    psc.post("/oublier")

    assert psc.get("/anomalies")["armees"] == {}


def test_the_journal_names_what_was_played(service, navigateur, psc):
    arm(psc, "aud_autre", "sans_rotation")
    sign_in(service, navigateur)
    entree = psc.journal()[-1]

    assert (entree["operation"], entree["anomalies"]) == ("jeton", ["sans_rotation", "aud_autre"])


# Identity token: claims


MAINTENANT = time.time
CLAIMS = {
    "nonce_faux": lambda c, e: c.get("nonce", e.nonce) != e.nonce,
    "nonce_absent": lambda c, e: "nonce" not in c,
    "iss_faux": lambda c, e: c["iss"].endswith("-autre"),
    "sub_autre": lambda c, e: c["sub"] and c["preferred_username"] not in c["sub"],
    "sub_vide": lambda c, e: c["sub"] == "",
    "aud_autre": lambda c, e: c["aud"] not in ("service-secret", ["service-secret", c["aud"][-1]]),
    "aud_liste": lambda c, e: isinstance(c["aud"], list) and c.get("azp") == "service-secret",
    "aud_liste_sans_azp": lambda c, e: isinstance(c["aud"], list) and "azp" not in c,
    "azp_autre": lambda c, e: c.get("azp", "service-secret") != "service-secret",
    "expire_25": lambda c, e: 25 <= MAINTENANT() - c["exp"] < 60,
    "expire_90": lambda c, e: 90 <= MAINTENANT() - c["exp"] < 125,
    "iat_futur": lambda c, e: c["iat"] > MAINTENANT() + 500,
    "iat_ancien": lambda c, e: c["iat"] < MAINTENANT() - 3500,
    "nbf_futur": lambda c, e: c.get("nbf", 0) > MAINTENANT() + 500,
    "acr_absent": lambda c, e: "acr" not in c,
    "acr_eidas0": lambda c, e: c.get("acr") == "eidas0",
    "acr_eidas3": lambda c, e: c.get("acr") == "eidas3",
    "auth_time_ancien": lambda c, e: 0 < c.get("auth_time", 0) < MAINTENANT() - 3500,
    "auth_time_absent": lambda c, e: "auth_time" not in c,
    "auth_time_zero": lambda c, e: c.get("auth_time") == 0,
    "at_hash_faux": lambda c, e: c["at_hash"] == "AAAAAAAAAAAAAAAAAAAAAA",
    "typ_bearer": lambda c, e: c.get("typ") == "Bearer",
    "evenement": lambda c, e: EVENEMENT in c.get("events", {}),
    "subject_name_id_autre": lambda c, e: c["SubjectNameID"] != c["preferred_username"],
    "sans_typ": lambda c, e: "typ" not in c,
    "sans_noms": lambda c, e: not {"given_name", "family_name", "otherIds"} & set(c),
}


@pytest.mark.parametrize("nom", CLAIMS)
def test_an_identity_token_is_wrong_in_one_place_and_well_signed(nom, service, navigateur, psc):
    arm(psc, nom)
    essai, jetons = sign_in(service, navigateur)
    jwt.decode(
        jetons["id_token"], KeySet.import_key_set(service.fetch_jwk_set()), algorithms=["RS256"]
    )
    claims = peek(jetons["id_token"])[1]

    assert [autre for autre, juge in CLAIMS.items() if juge(claims, essai)] == [nom]


def test_a_logout_token_is_given_for_an_identity(service, navigateur, psc):
    arm(psc, "logout_token_rendu")
    _, jetons = sign_in(service, navigateur)

    assert peek(jetons["id_token"])[1]["typ"] == "Logout"
    assert EVENEMENT in peek(jetons["id_token"])[1]["events"]


# Identity token: signature


ENTETES = {
    "alg_none": lambda h: h["alg"] == "none",
    "hs256_secret": lambda h: h["alg"] == "HS256",
    "hs256_cle_publique": lambda h: h["alg"] == "HS256",
    "signature_fausse": lambda h: h["alg"] == "RS256",
    "kid_inconnu": lambda h: h["kid"].startswith("inconnu-"),
    "cle_retiree": lambda h: len(h["kid"]) == 43,
    "cle_embarquee": lambda h: "jwk" in h,
    "crit": lambda h: h["crit"] == ["urn:sim:inconnu"],
}


@pytest.mark.parametrize("nom", ENTETES)
def test_a_forged_token_is_not_believed_by_authlib(nom, service, navigateur, psc):
    arm(psc, nom)
    essai, jetons = sign_in(service, navigateur)

    assert ENTETES[nom](peek(jetons["id_token"])[0])
    with pytest.raises((JoseError, ValueError)):
        service.parse_id_token(jetons, essai.nonce)


@pytest.mark.parametrize(
    "nom",
    [
        "iss_faux",
        "nonce_faux",
        "nonce_absent",
        "iat_futur",
        "at_hash_faux",
        "expire_90",
        "azp_autre",
    ],
)
def test_a_wrong_claim_that_authlib_checks_is_not_believed(nom, service, navigateur, psc):
    arm(psc, nom)
    essai, jetons = sign_in(service, navigateur)

    with pytest.raises(JoseError):
        service.parse_id_token(jetons, essai.nonce, leeway=30)


def test_hs256_is_really_signed_by_the_secret_or_by_the_public_key(service, navigateur, psc):
    arm(psc, "hs256_secret")
    jeton = sign_in(service, navigateur)[1]["id_token"]
    jwt.decode(jeton, OctKey.import_key("secret-de-test"), algorithms=["HS256"])
    arm(psc, "hs256_cle_publique")
    essai = service.begin()
    jeton = service.finish(essai, target(navigateur.open(essai.adresse)))["id_token"]
    cle = KeySet.import_key_set(service.fetch_jwk_set()).keys[0]
    clair, _, signature = jeton.rpartition(".")
    # joserfc refuses such a secret, rightly: the check is by hand.
    forge = hmac.digest(cle.as_pem(private=False), clair.encode(), "sha256")
    assert base64.urlsafe_b64encode(forge).rstrip(b"=").decode() == signature


def test_a_token_without_kid_is_well_signed(service, navigateur, psc):
    arm(psc, "sans_kid")
    jeton = sign_in(service, navigateur)[1]["id_token"]
    cle = KeySet.import_key_set(service.fetch_jwk_set()).keys[0]

    assert "kid" not in peek(jeton)[0]
    jwt.decode(jeton, cle, algorithms=["RS256"])


def test_a_retired_key_is_the_one_that_was_published(service, navigateur, psc):
    avant = KeySet.import_key_set(service.fetch_jwk_set()).keys[0]
    psc.post("/cles", geste="tourner")
    psc.post("/cles", geste="retirer")
    arm(psc, "cle_retiree")
    jeton = sign_in(service, navigateur)[1]["id_token"]

    assert peek(jeton)[0]["kid"] == avant.kid
    jwt.decode(jeton, avant, algorithms=["RS256"])
    assert avant.kid not in {c["kid"] for c in service.fetch_jwk_set(force=True)["keys"]}


# Token response


@pytest.mark.parametrize(
    ("nom", "juge"),
    [
        ("sans_id_token", lambda j: "id_token" not in j),
        ("sans_access_token", lambda j: "access_token" not in j),
        ("token_type_mac", lambda j: j["token_type"] == "mac"),
        ("expires_in_zero", lambda j: j["expires_in"] == 0),
        ("bearer_minuscule", lambda j: j["token_type"] == "bearer"),
        ("sans_refresh_expires_in", lambda j: "refresh_expires_in" not in j),
        ("membre_en_plus", lambda j: "urn:sim:inconnu" in j),
    ],
)
def test_a_token_response_is_odd(nom, juge, service, navigateur, psc):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    arm(psc, nom)

    assert juge(service.send("token", **of_code(essai, adresse)).json())


def test_refresh_without_rotation_and_with_its_nonce(service, navigateur, psc):
    essai, jetons = sign_in(service, navigateur)
    arm(psc, "sans_rotation", "nonce_repete")
    for _ in range(2):
        neufs = service.send(
            "token", grant_type="refresh_token", refresh_token=jetons["refresh_token"]
        ).json()
        assert "access_token" in neufs
        jetons.setdefault("nonces", []).append(peek(neufs["id_token"])[1].get("nonce"))

    assert jetons["nonces"] == [essai.nonce, None]
    assert neufs["refresh_token"] != jetons["refresh_token"]


# Way back


@pytest.mark.parametrize(
    ("nom", "juge"),
    [
        ("iss_absent", lambda p, e: "iss" not in dict(p)),
        ("iss_autre", lambda p, e: dict(p)["iss"] == "https://autre.invalid"),
        ("state_altere", lambda p, e: dict(p)["state"] != e.state),
        ("state_absent", lambda p, e: "state" not in dict(p)),
        ("state_double", lambda p, e: [v for n, v in p if n == "state"] == [e.state] * 2),
        ("code_double", lambda p, e: len([v for n, v in p if n == "code"]) == 2),
        ("sans_session_state", lambda p, e: "session_state" not in dict(p)),
        ("erreur_balisage", lambda p, e: "<script>" in dict(p)["error_description"]),
        ("erreur_temporaire", lambda p, e: dict(p)["error"] == "temporarily_unavailable"),
    ],
)
def test_the_way_back_is_altered(nom, juge, service, navigateur, psc):
    arm(psc, nom)
    essai = service.begin()
    paires = parse_qsl(urlsplit(navigateur.sign_in(essai)).query)

    assert juge(paires, essai)
    if nom.startswith("erreur"):
        assert {n for n, _ in paires} == {"state", "iss", "error", "error_description"}


def test_prompt_login_may_be_ignored_and_the_sign_in_is_then_old(service, navigateur, psc):
    sign_in(service, navigateur)
    psc.post("/horloge", decalage_s=300)
    arm(psc, "prompt_ignore")
    essai = service.begin(prompt="login", max_age="0")
    claims = peek(service.finish(essai, target(navigateur.open(essai.adresse)))["id_token"])[1]

    assert claims["iat"] - claims["auth_time"] >= 299


# UserInfo


@pytest.mark.parametrize(
    ("nom", "statut", "juge"),
    [
        ("userinfo_401", 401, lambda r: r.json()["error"] == "invalid_token"),
        ("userinfo_500", 500, lambda r: r.json()["error"] == "server_error"),
        ("userinfo_html", 200, lambda r: r.headers["content-type"] == "text/html"),
        ("userinfo_vide", 200, lambda r: r.content == b""),
        ("userinfo_1mio", 200, lambda r: len(r.content) > 1_048_576 and r.json()["sub"]),
        ("userinfo_sub_autre", 200, lambda r: not r.json()["sub"].endswith("899700900014")),
        ("userinfo_subject_autre", 200, lambda r: r.json()["SubjectNameID"] != "899700900014"),
        ("autre_personne", 200, lambda r: r.json()["given_name"] != "ALICE"),
        ("exercices_objet", 200, lambda r: r.json()["SubjectRefPro"]["exercices"] == {}),
        ("listes_de_1000", 200, lambda r: len(r.json()["SubjectRole"]) == 1000),
        ("autre_graphie", 200, lambda r: "otherIDs" in r.json() and "otherIds" not in r.json()),
        ("membre_inconnu", 200, lambda r: "nouveauMembre" in r.json()),
        ("sans_auth_mode", 200, lambda r: "authMode" not in r.json()),
        ("userinfo_jwt", 200, lambda r: peek(r.text)[1]["aud"] == "service-secret"),
        ("userinfo_jwt_aud_autre", 200, lambda r: peek(r.text)[1]["aud"] != "service-secret"),
    ],
)
def test_userinfo_is_odd_once(nom, statut, juge, service, navigateur, psc):
    _, jetons = sign_in(service, navigateur)
    arm(psc, nom)
    reponse, apres = (service.userinfo_reply(jetons["access_token"]) for _ in range(2))

    assert reponse.status_code == statut
    assert juge(reponse)
    assert apres.json()["SubjectNameID"] == "899700900014"


def test_a_signed_userinfo_may_be_forged(service, navigateur, psc):
    _, jetons = sign_in(service, navigateur)
    arm(psc, "userinfo_jwt_faux")
    reponse = service.userinfo_reply(jetons["access_token"])

    with pytest.raises((JoseError, ValueError)):
        jwt.decode(
            reponse.text, KeySet.import_key_set(service.fetch_jwk_set()), algorithms=["RS256"]
        )


# Discovery, keys


@pytest.mark.parametrize(
    ("nom", "juge"),
    [
        ("emetteur_autre", lambda d: d["issuer"].endswith("-autre")),
        ("hote_interdit", lambda d: d["token_endpoint"].startswith("https://autre.invalid/")),
        ("http", lambda d: d["token_endpoint"].startswith("http://127.0.0.1")),
        ("decouverte_500", lambda d: d["error"] == "server_error"),
    ],
)
def test_discovery_is_wrong(nom, juge, service, psc):
    adresse = psc.get("/adresses")["decouverte"]
    arm(psc, nom)

    assert juge(service.http.get(adresse).json())
    assert service.http.get(adresse).json() == service.load_server_metadata()


def test_keys_are_away(service, psc):
    url = service.load_server_metadata()["jwks_uri"]
    arm(psc, "cles_500")
    assert service.http.get(url).status_code == 500
    arm(psc, "cles_vides")
    assert service.http.get(url).json() == {"keys": []}
    assert len(service.http.get(url).json()["keys"]) == 2


# Exchange


def test_the_certificate_of_an_api_token_in_its_other_forms(confiance, navigateur, psc):
    _, jetons = sign_in(confiance, navigateur)
    lies = peek(jetons["access_token"])[1]["cnf"]["x5t#S256"]
    arm(psc, "cnf_rfc8705", "sans_issued_token_type")
    reponse = exchange(confiance, psc, jetons["access_token"]).json()
    assert peek(reponse["access_token"])[1]["cnf"]["x5t#S256"] == lies
    assert "issued_token_type" not in reponse
    arm(psc, "cnf_autre", "cnf_rfc8705")
    reponse = exchange(confiance, psc, jetons["access_token"]).json()

    assert peek(reponse["access_token"])[1]["cnf"]["x5t#S256"] != lies


# Clock


@pytest.mark.parametrize("derive", [-180, 180])
def test_a_wrong_clock_is_in_the_tokens_and_in_the_date(derive, service, navigateur, psc):
    psc.post("/horloge", derive_s=derive)
    essai = service.begin()
    jetons = service.send("token", **of_code(essai, navigateur.sign_in(essai)))
    claims = peek(jetons.json()["id_token"])[1]
    date = parsedate_to_datetime(jetons.headers["date"]).timestamp()

    assert abs(claims["iat"] - time.time() - derive) < 5
    assert abs(date - time.time() - derive) < 5
    assert len(jetons.headers.get_list("date")) == 1
    assert service.userinfo_reply(jetons.json()["access_token"]).status_code == 200


# Moods


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("jeton", "temporarily_unavailable"),
        ("ciba", "server_error"),
        ("introspection", "invalid_client"),
        ("revocation", "unsupported_token_type"),
        ("userinfo", "insufficient_scope"),
        ("decouverte", "server_error"),
        ("cles", "server_error"),
    ],
)
def test_any_code_is_answered_on_demand(operation, code, service, psc):
    psc.humeur("faute", code=code, operation=operation, fois=1)
    adresses = service.load_server_metadata() if operation != "decouverte" else None
    psc.humeur("faute", code=code, operation=operation, fois=1)
    if operation == "decouverte":
        reponse = service.http.get(psc.get("/adresses")["decouverte"])
    elif operation == "cles":
        reponse = service.http.get(adresses["jwks_uri"])
    elif operation == "userinfo":
        reponse = service.userinfo_reply("x")
    else:
        noms = {"jeton": "token", "ciba": "backchannel_authentication"}
        reponse = service.send(noms.get(operation, operation), token="x")

    assert reponse.json()["error"] == code
    assert psc.get("/etat")["humeur"] == {"nom": "normal"}


def test_a_code_is_sent_back_by_the_browser_too(service, navigateur, psc):
    psc.humeur("faute", code="temporarily_unavailable", operation="autorisation", fois=1)
    essai = service.begin()
    retour = query(target(navigateur.open(essai.adresse)))

    assert (retour["error"], retour["state"]) == ("temporarily_unavailable", essai.state)


def test_slow_down_may_come_without_a_reason(service, psc):
    recu = service.send("backchannel_authentication", **DEMANDE).json()
    psc.humeur("faute", code="slow_down", operation="jeton", fois=1)

    refused(poll(service, recu["auth_req_id"]), "slow_down")
    refused(poll(service, recu["auth_req_id"]), "authorization_pending")


def test_a_lost_answer_burns_the_code(service, navigateur, psc):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    psc.humeur("reponse_perdue", operation="jeton", fois=1)
    with pytest.raises(httpx.TransportError):
        service.finish(essai, adresse)

    with pytest.raises(OAuth2Error) as refus:
        service.finish(essai, adresse)
    assert refus.value.error == "invalid_grant"
    perdue = next(e for e in psc.journal() if e["operation"] == "jeton")
    assert (perdue["resultat"], perdue["reponse_envoyee"]) == ("200", False)


def test_a_doubled_exchange_of_a_code_is_refused_as_a_replay(service, navigateur, psc):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    psc.humeur("doublon", operation="jeton", fois=1)

    with pytest.raises(OAuth2Error) as refus:
        service.finish(essai, adresse)
    assert refus.value.error == "invalid_grant"


@pytest.mark.parametrize("operation", ["jeton", "userinfo", "autorisation", "cles"])
def test_it_is_down_and_comes_back(operation, service, navigateur, psc):
    service.load_server_metadata()
    psc.humeur("panne_503", operation=operation)
    essai = service.begin()
    if operation == "autorisation":
        reponse = navigateur.open(essai.adresse)
    elif operation == "jeton":
        reponse = service.send("token", **of_code(essai, navigateur.sign_in(essai)))
    elif operation == "userinfo":
        reponse = service.userinfo_reply("x")
    else:
        reponse = service.http.get(service.load_server_metadata()["jwks_uri"])
    psc.humeur("normal")

    assert reponse.status_code == 503
    assert sign_in(service, navigateur, prompt="login")[1]["id_token"]


def test_odd_but_legal_is_always_believed_by_authlib(service, navigateur, psc):
    psc.humeur("bizarre")
    for _ in range(8):
        essai, jetons = sign_in(service, navigateur, prompt="login")
        identite = service.parse_id_token(jetons, essai.nonce, leeway=30)
        assert identite["sub"].endswith("899700900014")
        assert service.userinfo_reply(jetons["access_token"]).is_success
    jouees = {nom for e in psc.journal() for nom in e.get("anomalies", [])}

    assert jouees
    assert jouees <= {nom for noms in LEGALES.values() for nom in noms}


def test_one_oddity_is_asked_by_the_mood(service, navigateur, psc):
    psc.humeur("bizarre", variante="acr_eidas0", operation="jeton", fois=1)
    claims = [peek(sign_in(service, navigateur, prompt="login")[1]["id_token"])[1] for _ in "ab"]

    assert [c["acr"] for c in claims] == ["eidas0", "eidas1"]


def test_no_name_stands_twice_in_the_catalogue():
    noms = [n for table in (LEGALES, ILLEGALES) for dedans in table.values() for n in dedans]

    assert len(noms) == len(set(noms))
