"""Tokens of the simulator of Pro Santé Connect: who may ask, what is given once, what dies."""

import base64
import hashlib
import json
import uuid

import httpx
import pytest
from authlib.oauth2.base import OAuth2Error
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.simulators.client_psc import (
    ECHANGE,
    JETON_ACCES,
    RETOUR,
    Lie,
    peek,
    query,
)


@pytest.fixture
def jetons(service, autre_navigateur):
    """Alice's tokens."""
    essai = service.begin()
    return service.finish(essai, autre_navigateur.sign_in(essai))


@pytest.fixture
def confies(confiance, navigateur):
    """Alice's tokens, bound to the certificate."""
    essai = confiance.begin()
    return confiance.finish(essai, navigateur.sign_in(essai))


def refused(reponse, code, statut=400):
    """Assert an error of RFC 6749 §5.2, that no cache keeps."""
    assert (reponse.status_code, reponse.json()["error"]) == (statut, code)
    assert reponse.headers["content-type"] == "application/json"
    assert reponse.headers["cache-control"] == "no-store"
    return True


def is_alive(service, jeton):
    """Tell whether introspection finds the token active."""
    return service.send("introspection", token=jeton).json()["active"]


def code_of(adresse):
    return query(adresse)["code"]


def of_code(essai, adresse, **change):
    """Return the parameters of a token request."""
    params = {
        "grant_type": "authorization_code",
        "code": code_of(adresse),
        "redirect_uri": RETOUR,
        "code_verifier": essai.verificateur,
        **change,
    }
    return {nom: valeur for nom, valeur in params.items() if valeur is not None}


# Client authentication


@pytest.mark.parametrize("methode", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("secret", ["secret-de-test", "un secret / de test : +&é"])
def test_a_secret_proves_a_service_by_basic_and_by_form(
    methode, secret, service, psc, tls, navigateur
):
    psc.post("/clients", client_id="autre", secret=secret, retours=[RETOUR])
    # RFC 6749 §2.3.1 wants the secret form-encoded in Basic; Authlib leaves that to its caller.
    ecrit = str(httpx.QueryParams({"s": secret}))[2:] if methode.endswith("basic") else secret
    lie = Lie(psc, tls, "autre", secret=ecrit, methode=methode)
    essai = lie.begin()

    assert lie.finish(essai, navigateur.sign_in(essai))["token_type"] == "Bearer"
    lie.close()


@pytest.mark.parametrize(
    "nom", ["token", "introspection", "revocation", "backchannel_authentication"]
)
def test_a_wrong_secret_is_invalid_client_with_its_challenge(nom, service, psc, tls):
    lie = Lie(psc, tls, "service-secret", secret="faux")
    reponse = lie.send(nom, grant_type="authorization_code", token="x")

    refused(reponse, "invalid_client", 401)
    assert reponse.headers["www-authenticate"].startswith("Basic ")
    lie.close()


@pytest.mark.parametrize(
    ("params", "entetes", "code"),
    [
        ({"client_id": "personne"}, {}, "invalid_client"),
        ({}, {}, "invalid_client"),
        ({"client_id": "service-secret"}, {}, "invalid_client"),
        ({}, {"Authorization": "Basic !!!"}, "invalid_client"),
        ({}, {"Authorization": "Bearer x"}, "invalid_client"),
        (
            {"client_id": "service-secret", "client_secret": "secret-de-test"},
            {"Authorization": "Basic c2VydmljZS1zZWNyZXQ6c2VjcmV0LWRlLXRlc3Q="},
            "invalid_request",
        ),
        (
            {"client_id": "autre"},
            {"Authorization": "Basic c2VydmljZS1zZWNyZXQ6c2VjcmV0LWRlLXRlc3Q="},
            "invalid_request",
        ),
        (
            {
                "client_id": "service-secret",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": "e30.e30.",
            },
            {},
            "invalid_client",
        ),
    ],
)
def test_who_does_not_prove_itself_in_one_way_is_refused(params, entetes, code, service):
    url = service.point("token")
    reponse = service.http.post(
        url, data={"grant_type": "refresh_token", "refresh_token": "x", **params}, headers=entetes
    )

    refused(reponse, code, 401 if code == "invalid_client" else 400)


def test_a_certificate_proves_a_service_and_its_tokens_are_bound_to_it(
    confiance, confies, service, tls
):
    certificat = x509.load_pem_x509_certificate((tls / "psc-edc.pem").read_bytes())
    attendu = hashlib.sha256(certificat.public_bytes(Encoding.DER)).digest()
    cnf = peek(confies["access_token"])[1]["cnf"]["x5t#S256"]

    assert base64.urlsafe_b64decode(cnf + "=") == attendu
    assert confiance.userinfo_reply(confies["access_token"]).status_code == 200
    sans = service.userinfo_reply(confies["access_token"])
    assert (sans.status_code, sans.json()["error"]) == (401, "invalid_token")
    assert confiance.send("introspection", token=confies["access_token"]).json()["cnf"]
    assert confiance.oauth.refresh_token(confiance.point("token"), confies["refresh_token"])


@pytest.mark.parametrize("certificat", ["", "insi-auto", "refuse-autre-cn", "refuse-autre-ac"])
def test_no_certificate_or_another_is_invalid_client(certificat, confiance, psc, tls, navigateur):
    lie = Lie(psc, tls, "service-edc", certificat=certificat, methode="none")
    essai = lie.begin()
    adresse = navigateur.sign_in(essai)

    with pytest.raises(OAuth2Error) as refus:
        lie.finish(essai, adresse)
    assert refus.value.error == "invalid_client"
    assert confiance.finish(essai, adresse)["id_token"]
    lie.close()


def test_the_right_subject_by_another_authority_is_invalid_client(service, psc, tls):
    sujet = "CN=INSI-AUTO,OU=1752026005,O=COMPTOIR TEST,C=FR"
    psc.post("/clients", client_id="edc", methode="tls_client_auth", sujet=sujet)
    lies = [
        Lie(psc, tls, "edc", certificat=c, methode="none") for c in ("insi-auto", "refuse-autre-ac")
    ]
    bon, faux = (lie.send("introspection", token="x") for lie in lies)

    assert bon.json() == {"active": False}
    refused(faux, "invalid_client", 401)
    for lie in lies:
        lie.close()


def test_a_secret_is_not_taken_from_a_service_that_has_a_certificate(confiance, psc, tls):
    lie = Lie(
        psc, tls, "service-edc", certificat="psc-edc", secret="x", methode="client_secret_post"
    )

    refused(lie.send("introspection", token="x"), "invalid_client", 401)
    lie.close()


def test_tokens_bound_to_a_certificate_are_not_refreshed_with_another(confiance, confies, psc, tls):
    sujet = "CN=INSI-AUTO,OU=1752026005,O=COMPTOIR TEST,C=FR"
    psc.post("/clients", client_id="service-edc", methode="tls_client_auth", sujet=sujet)
    lie = Lie(psc, tls, "service-edc", certificat="insi-auto", methode="none")

    refused(
        lie.send("token", grant_type="refresh_token", refresh_token=confies["refresh_token"]),
        "invalid_grant",
    )
    lie.close()


# Form


def test_a_token_request_is_a_form_without_repetition_nor_address(service):
    url, entetes = service.point("token"), {"Content-Type": "application/x-www-form-urlencoded"}
    poster = service.http.post

    refused(poster(url, json={"grant_type": "refresh_token"}), "invalid_request")
    refused(poster(url, content="grant_type=a&grant_type=a", headers=entetes), "invalid_request")
    refused(poster(url + "?grant_type=a", content="", headers=entetes), "invalid_request")
    refused(poster(url, content=b"grant_type=%ff", headers=entetes), "invalid_request")
    assert service.http.get(url).status_code == 405


@pytest.mark.parametrize(
    ("genre", "code"),
    [
        ("", "invalid_request"),
        ("password", "unauthorized_client"),
        ("client_credentials", "unauthorized_client"),
        (ECHANGE, "unauthorized_client"),
        ("urn:autre", "unsupported_grant_type"),
    ],
)
def test_other_grants_are_refused(genre, code, service):
    refused(service.send("token", grant_type=genre), code)


# Code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:9/autre"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": "a" * 43}, "invalid_grant"),
        ({"code_verifier": "a" * 42}, "invalid_grant"),
        ({"code": "inconnu"}, "invalid_grant"),
    ],
)
def test_a_code_is_worth_nothing_without_what_goes_with_it(change, code, service, navigateur):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)

    refused(service.send("token", **of_code(essai, adresse, **change)), code)


def test_a_code_presented_wrongly_is_burnt(service, navigateur):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    refused(
        service.send("token", **of_code(essai, adresse, code_verifier="a" * 43)), "invalid_grant"
    )

    refused(service.send("token", **of_code(essai, adresse)), "invalid_grant")


def test_a_code_used_twice_takes_its_tokens_away(service, navigateur):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    jetons = service.finish(essai, adresse)
    assert is_alive(service, jetons["access_token"])

    refused(service.send("token", **of_code(essai, adresse)), "invalid_grant")
    assert not is_alive(service, jetons["access_token"])
    assert not is_alive(service, jetons["refresh_token"])


def test_a_code_of_another_service_is_refused(service, confiance, navigateur):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)

    refused(confiance.send("token", **of_code(essai, adresse)), "invalid_grant")


@pytest.mark.parametrize(("age", "bon"), [(58, True), (61, False)])
def test_a_code_lives_a_minute(age, bon, service, navigateur, psc):
    essai = service.begin()
    adresse = navigateur.sign_in(essai)
    psc.post("/horloge", decalage_s=age)
    reponse = service.send("token", **of_code(essai, adresse))

    assert reponse.status_code == 200 if bon else refused(reponse, "invalid_grant")


# Refresh


def refresh(service, jeton, **params):
    return service.send("token", grant_type="refresh_token", refresh_token=jeton, **params)


def test_a_refresh_gives_new_tokens_of_the_same_person_and_repeats_no_nonce(service, jetons):
    neufs = service.oauth.refresh_token(service.point("token"), jetons["refresh_token"])
    avant, apres = (peek(j["id_token"])[1] for j in (jetons, neufs))

    assert neufs["refresh_token"] != jetons["refresh_token"]
    assert neufs["access_token"] != jetons["access_token"]
    for nom in ("iss", "sub", "aud", "azp", "sid", "auth_time"):
        assert avant[nom] == apres[nom], nom
    assert "nonce" in avant
    assert "nonce" not in apres
    # The former access token lives until its own end.
    assert is_alive(service, jetons["access_token"])


def test_a_refresh_token_used_twice_takes_the_whole_grant_away(service, jetons):
    neufs = refresh(service, jetons["refresh_token"]).json()

    refused(refresh(service, jetons["refresh_token"]), "invalid_grant")
    refused(refresh(service, neufs["refresh_token"]), "invalid_grant")
    assert not is_alive(service, neufs["access_token"])


def test_a_refresh_keeps_the_session_alive_for_four_hours_at_most(service, jetons, psc):
    presente = jetons["refresh_token"]
    for age in range(1700, 14_400, 1700):
        psc.post("/horloge", decalage_s=age)
        reponse = refresh(service, presente)
        assert reponse.status_code == 200, age
        presente = reponse.json()["refresh_token"]
        assert abs(reponse.json()["refresh_expires_in"] - min(1800, 14_400 - age)) <= 2
    psc.post("/horloge", decalage_s=14_405)

    refused(refresh(service, presente), "invalid_grant")


def test_a_refresh_after_thirty_minutes_is_refused(service, jetons, psc):
    psc.post("/horloge", decalage_s=1801)

    refused(refresh(service, jetons["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize(
    ("quoi", "params", "code"),
    [
        ("access_token", {}, "invalid_grant"),
        ("id_token", {}, "invalid_grant"),
        ("refresh_token", {"scope": "openid"}, ""),
        ("refresh_token", {"scope": "openid scope_all email"}, "invalid_scope"),
    ],
)
def test_what_is_not_a_refresh_token_or_asks_for_more_is_refused(
    quoi, params, code, service, jetons
):
    reponse = refresh(service, jetons[quoi], **params)

    assert reponse.status_code == 200 if not code else refused(reponse, code)


def test_a_narrower_token_opens_less_and_the_next_one_everything_again(service, jetons):
    etroits = refresh(service, jetons["refresh_token"], scope="openid").json()
    document = service.userinfo_reply(etroits["access_token"]).json()
    sans_openid = refresh(service, etroits["refresh_token"], scope="scope_all").json()
    refus = service.userinfo_reply(sans_openid["access_token"])
    entiers = refresh(service, sans_openid["refresh_token"]).json()

    assert etroits["scope"] == "openid"
    assert set(document) == {"sub", "SubjectNameID", "preferred_username"}
    assert "scope_all" not in peek(etroits["access_token"])[1]["scope"].split()
    assert "id_token" not in sans_openid
    refused(refus, "insufficient_scope", 403)
    assert entiers["scope"] == "openid scope_all"
    assert "SubjectRefPro" in service.userinfo_reply(entiers["access_token"]).json()


def test_a_refresh_token_of_another_service_is_refused(service, confiance, jetons):
    refused(refresh(confiance, jetons["refresh_token"]), "invalid_grant")
    assert refresh(service, jetons["refresh_token"]).status_code == 200


# UserInfo


def test_an_access_token_lives_two_minutes(service, jetons, psc):
    psc.post("/horloge", decalage_s=118)
    assert service.userinfo_reply(jetons["access_token"]).status_code == 200
    psc.post("/horloge", decalage_s=121)
    reponse = service.userinfo_reply(jetons["access_token"])

    assert (reponse.status_code, reponse.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in reponse.headers["www-authenticate"]
    assert reponse.headers["www-authenticate"].startswith("Bearer realm=")


@pytest.mark.parametrize("quoi", ["refresh_token", "id_token"])
def test_only_an_access_token_opens_userinfo(quoi, service, jetons):
    assert service.userinfo_reply(jetons[quoi]).json()["error"] == "invalid_token"


def test_userinfo_takes_one_token_by_header_or_by_form(service, jetons):
    url, jeton = service.point("userinfo"), jetons["access_token"]
    poster, porteur = service.http.post, {"Authorization": f"Bearer {jeton}"}

    assert poster(url, data={"access_token": jeton}).status_code == 200
    assert poster(url, headers=porteur).status_code == 200
    refus = poster(url, data={"access_token": jeton}, headers=porteur)
    assert (refus.status_code, refus.json()["error"]) == (400, "invalid_request")
    refus = service.http.get(url, params={"access_token": jeton})
    assert (refus.status_code, refus.json()["error"]) == (400, "invalid_request")
    sans = service.http.get(url)
    assert (sans.status_code, sans.json()) == (401, {})
    assert sans.headers["www-authenticate"] == 'Bearer realm="esante-wallet"'
    assert service.http.get(url, headers={"Authorization": "Basic eDp4"}).status_code == 401


def test_userinfo_is_signed_for_who_declared_it(service, navigateur, psc, tls):
    psc.post("/clients", client_id="signe", secret="secret", retours=[RETOUR], userinfo_signe=True)
    lie = Lie(psc, tls, "signe", secret="secret")
    essai = lie.begin()
    jetons = lie.finish(essai, navigateur.sign_in(essai))
    reponse = lie.userinfo_reply(jetons["access_token"])
    cles = KeySet.import_key_set(lie.fetch_jwk_set())
    lu = jwt.decode(reponse.text, cles, algorithms=["RS256"]).claims

    assert reponse.headers["content-type"] == "application/jwt"
    assert (lu["iss"], lu["aud"]) == (lie.load_server_metadata()["issuer"], "signe")
    assert (lu["sub"], lu["SubjectNameID"]) == (peek(jetons["id_token"])[1]["sub"], "899700900014")
    lie.close()


# Introspection, revocation


def test_introspection_says_what_the_page_lists(service, jetons):
    acces = service.send("introspection", token=jetons["access_token"]).json()
    rafraichissement = service.send("introspection", token=jetons["refresh_token"]).json()

    assert set(acces) == {
        *("exp", "iat", "auth_time", "jti", "iss", "sub", "typ", "azp", "nonce", "session_state"),
        *("preferred_username", "email_verified", "acr", "scope", "sid", "client_id", "username"),
        *("active", "SubjectNameID", "authMode", "otherIds"),
    }
    assert (acces["typ"], acces["azp"], acces["acr"]) == ("Bearer", "service-secret", "eidas1")
    assert acces["SubjectNameID"] == "899700900014"
    assert rafraichissement["typ"] == "Refresh"
    assert "SubjectNameID" not in rafraichissement


@pytest.mark.parametrize("jeton", ["inconnu", "e30.e30.", "a.b.c"])
def test_an_unknown_token_is_inactive_and_nothing_else(jeton, service):
    reponse = service.send("introspection", token=jeton)

    assert (reponse.status_code, reponse.json()) == (200, {"active": False})
    refused(service.send("introspection"), "invalid_request")


def test_revoking_a_refresh_token_takes_the_grant_an_access_token_only_itself(service, jetons):
    reponse = service.send("revocation", token=jetons["access_token"])
    assert (reponse.status_code, reponse.content) == (200, b"")
    assert not is_alive(service, jetons["access_token"])
    neufs = refresh(service, jetons["refresh_token"]).json()
    service.send("revocation", token=neufs["refresh_token"], token_type_hint="access_token")

    assert not is_alive(service, neufs["access_token"])
    refused(refresh(service, neufs["refresh_token"]), "invalid_grant")


def test_revoking_an_unknown_token_is_fine_and_of_another_service_is_not(
    service, confiance, jetons
):
    assert service.send("revocation", token="inconnu").status_code == 200
    refused(service.send("revocation"), "invalid_request")
    refused(confiance.send("revocation", token=jetons["access_token"]), "invalid_grant")
    assert is_alive(service, jetons["access_token"])


# Exchange for a token of the API


def exchange(lie, psc, jeton, **change):
    params = {
        "grant_type": ECHANGE,
        "subject_token": jeton,
        "subject_token_type": JETON_ACCES,
        "subject_issuer": "psc",
        "scope": "openid dmp",
        **change,
    }
    url = psc.get("/adresses")["echange"]
    return lie.send_to(url, **{n: v for n, v in params.items() if v is not None})


def test_an_exchange_gives_four_hours_bound_to_the_certificate(confiance, confies, psc, tls):
    reponse = exchange(confiance, psc, confies["access_token"]).json()
    cles = KeySet.import_key_set(confiance.fetch_jwk_set())
    lu = jwt.decode(reponse["access_token"], cles, algorithms=["RS256"]).claims
    certificat = x509.load_pem_x509_certificate((tls / "psc-edc.pem").read_bytes())
    hexa = hashlib.sha256(certificat.public_bytes(Encoding.DER)).hexdigest()

    assert (reponse["expires_in"], reponse["refresh_expires_in"]) == (14_400, 1800)
    assert reponse["issued_token_type"] == JETON_ACCES
    assert base64.b64decode(lu["cnf"]["x5t#S256"]).decode() == hexa
    assert lu["iss"].endswith("/psc-simulateur/realms/signsessiondata")
    assert lu["aud"] == ["account", "service-edc"]
    assert (lu["SubjectNameID"], lu["sid"]) == ("899700900014", confies["session_state"])
    assert uuid.UUID(lu["sub"])
    assert lu["exp"] - lu["iat"] == 14_400
    assert peek(reponse["id_token"])[1]["auth_time"] == 0


@pytest.mark.donnees_partagees
def test_the_token_of_the_api_has_the_shape_of_the_published_one(confiance, confies, psc, partage):
    vrai = json.loads(
        (partage / "data/psc/genuine/token-exchange-reponse-decodee.json").read_text()
    )
    reponse = exchange(confiance, psc, confies["access_token"], scope=None).json()
    roles = {"realm_access", "resource_access"}

    assert set(vrai) <= set(reponse)
    assert set(peek(reponse["access_token"])[1]) == set(vrai["access_token"]["claims"]) - roles
    assert set(peek(reponse["id_token"])[1]) == set(vrai["id_token"]["claims"])
    assert reponse["scope"] == vrai["scope"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "inconnu"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"subject_issuer": "autre"}, "invalid_request"),
        ({"actor_token": "e30.e30."}, "invalid_request"),
        ({"scope": "scope_all"}, "invalid_scope"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
    ],
)
def test_an_exchange_is_refused_by_the_rfc(change, code, confiance, confies, psc):
    refused(exchange(confiance, psc, confies["access_token"], **change), code)


def test_an_expired_token_or_a_service_without_certificate_exchanges_nothing(
    confiance, confies, service, jetons, psc
):
    refused(exchange(service, psc, jetons["access_token"]), "invalid_client", 401)
    refused(exchange(confiance, psc, jetons["access_token"]), "invalid_request")
    refused(exchange(confiance, psc, confies["refresh_token"]), "invalid_request")
    psc.post("/horloge", decalage_s=121)
    refused(exchange(confiance, psc, confies["access_token"]), "invalid_request")


def test_a_token_of_the_api_outlives_the_session_and_refreshes_at_its_own_server(
    confiance, confies, psc
):
    api = exchange(confiance, psc, confies["access_token"]).json()
    url = psc.get("/adresses")["echange"]
    psc.post("/deconnexion", sid=confies["session_state"])

    assert confiance.userinfo_reply(api["access_token"]).status_code == 401
    params = {"grant_type": "refresh_token", "refresh_token": api["refresh_token"]}
    refused(confiance.send("token", **params), "invalid_grant")
    neufs = confiance.send_to(url, **params)
    assert neufs.status_code == 200
    psc.post("/horloge", decalage_s=3600)
    introspection = url + "/introspect"
    assert confiance.send_to(introspection, token=api["access_token"]).json()["active"] is True
    assert confiance.send_to(url.replace("/token", "/revoke"), token=api["access_token"]).is_success
    assert confiance.send_to(introspection, token=api["access_token"]).json()["active"] is False
