"""Pro Santé Connect of the simulator: discovery, authorization, the choice page, identity.

The relying party is Authlib with joserfc; expectations come from the RFCs and from psc.md.
"""

import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conftest import RACINE
from tests.simulators.client_psc import FIN, RETOUR, Lie, Navigateur, peek, query, target, title

# Discovery


@pytest.mark.donnees_partagees
def test_discovery_has_the_members_of_the_genuine_document(service, partage):
    vrai = json.loads((partage / "data/psc/genuine/discovery-esante-wallet.json").read_text())
    ici = service.load_server_metadata()

    assert set(ici) == set(vrai)
    assert set(ici["mtls_endpoint_aliases"]) == set(vrai["mtls_endpoint_aliases"])
    adresses = {n for n, v in vrai.items() if isinstance(v, str)}
    for nom in set(vrai) - adresses - {"mtls_endpoint_aliases"}:
        lu, attendu = ici[nom], vrai[nom]
        assert (sorted(lu) if isinstance(lu, list) else lu) == (
            sorted(attendu) if isinstance(attendu, list) else attendu
        ), nom
    for nom in adresses - {"authorization_endpoint"}:
        fin = urlsplit(vrai[nom]).path
        assert ici[nom] == ici["issuer"].removesuffix("/auth/realms/esante-wallet") + fin, nom


def test_browsers_have_another_host_than_servers(service):
    lu = service.load_server_metadata()
    serveur, portail = urlsplit(lu["issuer"]), urlsplit(lu["authorization_endpoint"])

    assert serveur.netloc != portail.netloc
    assert portail.path == "/psc-simulateur/wallet/auth"
    assert serveur.path == "/psc-simulateur/auth/realms/esante-wallet"
    essai = service.begin().adresse.replace(portail.netloc, serveur.netloc)
    assert service.http.get(essai).status_code == 404
    jeton = service.point("token").replace(serveur.netloc, portail.netloc)
    assert service.http.post(jeton).status_code == 404


def test_the_standard_name_leads_to_an_address_that_must_not_be_used(service, navigateur):
    lu = service.http.get(
        service.load_server_metadata()["issuer"] + "/.well-known/openid-configuration"
    )
    adresse = lu.json()["authorization_endpoint"]

    assert adresse.endswith("/protocol/openid-connect/auth")
    assert service.http.get(adresse).status_code == 400


def test_keys_are_named_by_their_thumbprint_and_one_is_for_encryption(service):
    cles = service.fetch_jwk_set()["keys"]

    assert [(c["use"], c["alg"]) for c in cles] == [("sig", "RS256"), ("enc", "RSA-OAEP")]
    for cle, lue in zip(cles, KeySet.import_key_set({"keys": cles}).keys, strict=True):
        assert lue.thumbprint() == cle["kid"]
        assert set(cle) == {"kid", "kty", "alg", "use", "n", "e"}


# Signing in


def test_a_titulaire_signs_in_and_authlib_believes_it(service, navigateur):
    essai = service.begin(prompt="login", max_age="0")
    adresse = navigateur.sign_in(essai)
    retour = query(adresse)
    jetons = service.finish(essai, adresse)
    identite = service.parse_id_token(jetons, essai.nonce, leeway=30)

    assert set(retour) == {"state", "session_state", "iss", "code"}
    assert (retour["state"], retour["iss"]) == (
        essai.state,
        service.load_server_metadata()["issuer"],
    )
    assert identite["sub"] == "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:899700900014"
    assert (identite["acr"], identite["typ"], identite["azp"]) == ("eidas1", "ID", "service-secret")
    assert (jetons["expires_in"], jetons["refresh_expires_in"]) == (120, 1800)
    assert set(jetons) - {"expires_at"} == {
        *("access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type"),
        *("id_token", "not-before-policy", "session_state", "scope"),
    }


@pytest.mark.donnees_partagees
def test_the_tokens_have_the_shape_of_the_published_ones(service, navigateur, partage):
    donnees = partage / "data/psc"
    voulu = json.loads((donnees / "synthetic/id-token-decode.json").read_text())
    acces = json.loads((donnees / "genuine/access-token-decode-2021.json").read_text())
    essai = service.begin()
    jetons = service.finish(essai, navigateur.sign_in(essai))
    entete, claims = peek(jetons["id_token"])
    entete_acces, claims_acces = peek(jetons["access_token"])

    assert set(entete) == set(voulu["header"]) == set(entete_acces)
    assert set(claims) == {*voulu["claims"], "otherIds"}
    assert {n: type(v) for n, v in voulu["claims"].items()} == {
        n: type(v) for n, v in claims.items() if n != "otherIds"
    }
    assert claims["exp"] - claims["iat"] == 120
    assert set(claims_acces) == {*acces["claims"], "sid"}
    assert claims_acces["scope"] == acces["claims"]["scope"]
    assert peek(jetons["refresh_token"])[0]["alg"] == "HS256"
    assert peek(jetons["refresh_token"])[1]["typ"] == "Refresh"


PERSONNES = {
    "alice": "pharmacien-titulaire",
    "bruno": "pharmacien-adjoint-deux-officines",
    "chloe": "preparateur-officine",
    "david": "infirmier-non-pharmacien",
    "elise": "pharmacien-deux-exercices-officine-et-hopital",
    "farid": "pharmacien-remplacant-sans-activite",
    "gaelle": "pharmacien-identifiant-psi-uuid",
    "hugo": "employe-officine-carte-etablissement",
}


@pytest.mark.donnees_partagees
@pytest.mark.parametrize("cle", PERSONNES)
def test_userinfo_is_the_document_of_the_specification(cle, service, navigateur, partage):
    voulu = json.loads((partage / f"data/psc/synthetic/userinfo-{PERSONNES[cle]}.json").read_text())
    essai = service.begin()
    jetons = service.finish(essai, navigateur.sign_in(essai, f"{cle} {voulu['authMode']}"))
    reponse = service.userinfo_reply(jetons["access_token"])

    assert reponse.json() == voulu
    assert reponse.headers["content-type"] == "application/json;charset=UTF-8"
    assert reponse.headers["cache-control"] == "no-store"


@pytest.mark.donnees_partagees
def test_every_document_has_the_members_of_the_genuine_ones(psc, service, navigateur, partage):
    vrai = json.loads(
        (partage / "data/psc/genuine/userinfo-carte-medecin-2-activites.json").read_text()
    )
    activite = vrai["SubjectRefPro"]["exercices"][0]["activities"][0]
    for personne in psc.get("/personnes"):
        essai = service.begin(prompt="login")
        choix = f"{personne['cle']} {personne['moyens'][0]}"
        jetons = service.finish(essai, navigateur.sign_in(essai, choix))
        document = service.userinfo_reply(jetons["access_token"]).json()
        assert document["authMode"] == personne["moyens"][0]
        for exercice in document["SubjectRefPro"]["exercices"]:
            for lue in exercice["activities"]:
                assert set(activite) <= set(lue), personne["cle"]


def test_the_means_is_the_one_that_was_clicked(service, navigateur):
    for moyen in ("CARD", "MOBILE"):
        essai = service.begin(prompt="login")
        jetons = service.finish(essai, navigateur.sign_in(essai, f"alice {moyen}"))
        assert service.userinfo_reply(jetons["access_token"]).json()["authMode"] == moyen


# The choice page


def test_the_page_says_it_is_fictitious_runs_no_script_and_cannot_be_framed(service, navigateur):
    page = navigateur.open(service.begin().adresse)

    assert "identités fictives" in page.text
    assert "<script" not in page.text
    assert "&lt;B&gt;NOE&lt;/B&gt;" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Secure"} <= {c.strip() for c in cookie.split(";")}


def test_cancelling_is_access_denied(service, navigateur):
    essai = service.begin()
    page = navigateur.open(essai.adresse)
    retour = query(target(navigateur.submit(page, annuler="oui")))

    assert (retour["error"], retour["state"]) == ("access_denied", essai.state)
    assert retour["iss"] == service.load_server_metadata()["issuer"]
    assert "code" not in retour


@pytest.mark.parametrize("choix", ["personne CARD", "chloe CARD", "alice", ""])
def test_someone_unknown_or_without_that_means_goes_nowhere(choix, service, navigateur):
    page = navigateur.open(service.begin().adresse)

    assert navigateur.choose(page, choix).status_code == 400


def test_a_page_serves_once_and_in_its_browser_only(service, navigateur, autre_navigateur):
    page = navigateur.open(service.begin().adresse)

    assert autre_navigateur.choose(page, "alice CARD").status_code == 400
    assert navigateur.choose(page, "alice CARD").status_code == 303
    assert navigateur.choose(page, "alice CARD").status_code == 400


def test_a_page_left_open_for_eleven_minutes_is_stale(service, navigateur, psc):
    page = navigateur.open(service.begin().adresse)
    psc.post("/horloge", decalage_s=660)

    assert navigateur.choose(page, "alice CARD").status_code == 400


# What is refused on the page: nothing goes back to the service


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": RETOUR + "/"},
        {"redirect_uri": RETOUR + "?a=1"},
        {"redirect_uri": RETOUR.upper()},
        {"redirect_uri": "https://evil.invalid/"},
        {"redirect_uri": FIN},
        {"redirect_uri": ""},
        {"client_id": "personne"},
        {"client_id": ""},
    ],
)
def test_an_undeclared_address_or_service_is_an_error_page(change, service, navigateur):
    reponse = navigateur.open(service.begin().replace(**change))

    assert reponse.status_code == 400
    assert "location" not in reponse.headers
    assert title(reponse) == "Connexion impossible"


@pytest.mark.parametrize("nom", ["state", "client_id", "redirect_uri", "nonce", "scope"])
def test_a_repeated_parameter_is_an_error_page(nom, service, navigateur):
    essai = service.begin()

    assert navigateur.open(f"{essai.adresse}&{nom}=x").status_code == 400


# What is refused to the service


COURT = "a" * 21


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": ""}, "invalid_request"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "scope_all"}, "invalid_scope"),
        ({"scope": "openid scope_all tout"}, "invalid_scope"),
        ({"acr_values": ""}, "invalid_request"),
        ({"acr_values": "eidas2"}, "invalid_request"),
        ({"acr_values": "eidas1 eidas2"}, "invalid_request"),
        ({"acr_values": "", "acr": "eidas1"}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"state": COURT}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"nonce": COURT}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": COURT}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "autre"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "tout"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.invalid/r"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_each_refusal_is_an_error_of_the_rfc(change, code, service, navigateur):
    essai = service.begin()
    retour = query(target(navigateur.open(essai.replace(**change))))

    assert retour["error"] == code
    assert retour.get("state", "") == change.get("state", essai.state)
    assert retour["iss"] == service.load_server_metadata()["issuer"]


def test_a_nonce_serves_once(service, navigateur):
    essai = service.begin()
    navigateur.sign_in(essai)
    retour = query(target(navigateur.open(essai.adresse)))

    assert retour["error"] == "invalid_request"


# The session of the browser


def signed_in(service, navigateur, **change):
    """Return the answer to one more authorization of a browser that signed in before."""
    return navigateur.open(service.begin(**change).adresse)


def test_a_kept_session_answers_without_asking(service, navigateur, psc):
    essai = service.begin()
    premier = peek(service.finish(essai, navigateur.sign_in(essai))["id_token"])[1]
    psc.post("/horloge", decalage_s=300)
    essai = service.begin(prompt="none")
    jetons = service.finish(essai, target(navigateur.open(essai.adresse)))
    second = peek(jetons["id_token"])[1]

    assert second["sid"] == premier["sid"]
    assert 298 <= second["iat"] - second["auth_time"] <= 302
    assert premier["iat"] - premier["auth_time"] <= 1


@pytest.mark.parametrize(
    ("change", "demande"),
    [
        ({}, False),
        ({"prompt": "login"}, True),
        ({"prompt": "select_account"}, True),
        ({"max_age": "0"}, True),
        ({"max_age": "299"}, True),
        ({"max_age": "400"}, False),
    ],
)
def test_prompt_and_max_age_decide_who_is_asked_again(change, demande, service, navigateur, psc):
    navigateur.sign_in(service.begin())
    psc.post("/horloge", decalage_s=300)
    reponse = signed_in(service, navigateur, **change)

    assert reponse.status_code == (200 if demande else 303)


def test_prompt_none_with_an_old_sign_in_is_login_required(service, navigateur, psc):
    navigateur.sign_in(service.begin())
    psc.post("/horloge", decalage_s=300)
    reponse = signed_in(service, navigateur, prompt="none", max_age="60")

    assert query(target(reponse))["error"] == "login_required"


def test_a_session_that_was_not_kept_asks_again(service, navigateur):
    navigateur.sign_in(service.begin(), garder=False)

    assert signed_in(service, navigateur).status_code == 200


@pytest.mark.parametrize(("age", "vivante"), [(1790, True), (1810, False)])
def test_a_session_dies_after_thirty_minutes_without_use(age, vivante, service, navigateur, psc):
    navigateur.sign_in(service.begin())
    psc.post("/horloge", decalage_s=age)

    assert signed_in(service, navigateur).status_code == (303 if vivante else 200)


def test_a_session_dies_after_four_hours_whatever_happens(service, navigateur, psc):
    navigateur.sign_in(service.begin())
    for age in range(1500, 14_400, 1500):
        psc.post("/horloge", decalage_s=age)
        assert signed_in(service, navigateur).status_code == 303
    psc.post("/horloge", decalage_s=14_410)

    assert signed_in(service, navigateur).status_code == 200


def test_another_person_of_the_same_browser_gets_a_session_of_their_own(service, navigateur):
    sids = []
    for choix in ("alice CARD", "bruno MOBILE", "bruno MOBILE"):
        essai = service.begin(prompt="login")
        sids.append(peek(service.finish(essai, navigateur.sign_in(essai, choix))["id_token"])[1])

    assert sids[0]["sid"] != sids[1]["sid"] == sids[2]["sid"]
    assert sids[1]["preferred_username"] == "899700900022"


# Pushed requests


def test_a_pushed_request_is_checked_then_serves_once(service, navigateur):
    essai = service.begin()
    pousses = query(essai.adresse)
    reponse = service.send("pushed_authorization_request", **pousses)
    adresse = essai.adresse.partition("?")[0]
    court = {"client_id": "service-secret", "request_uri": reponse.json()["request_uri"]}
    page = navigateur.http.get(adresse, params=court)

    assert (reponse.status_code, reponse.json()["expires_in"]) == (201, 60)
    jetons = service.finish(essai, target(navigateur.choose(page, "alice CARD")))
    assert service.parse_id_token(jetons, essai.nonce)["sub"]
    assert navigateur.http.get(adresse, params=court).status_code == 400
    refus = service.send("pushed_authorization_request", **{**pousses, "acr_values": "eidas2"})
    assert (refus.status_code, refus.json()["error"]) == (400, "invalid_request")


# Rotation


def test_a_new_key_is_fetched_and_the_former_one_is_dropped(service, navigateur, psc):
    essai = service.begin()
    anciens = service.finish(essai, navigateur.sign_in(essai))
    service.parse_id_token(anciens, essai.nonce)
    nouvelle = psc.post("/cles", geste="tourner")["active"]
    autre = service.begin()
    jetons = service.finish(autre, target(navigateur.open(autre.adresse)))

    assert peek(jetons["id_token"])[0]["kid"] == nouvelle
    service.parse_id_token(jetons, autre.nonce)
    connues = KeySet.import_key_set(service.fetch_jwk_set(force=True))
    jwt.decode(anciens["id_token"], connues, algorithms=["RS256"])
    psc.post("/cles", geste="retirer")
    restantes = service.fetch_jwk_set(force=True)["keys"]
    assert [c["kid"] for c in restantes if c["use"] == "sig"] == [nouvelle]


# The process


def test_it_does_not_start_where_people_are_real(tls):
    fait = subprocess.run(
        [sys.executable, "-m", "simulators.psc", "--tls", str(tls)],
        cwd=RACINE,
        env={"COMPTOIR_ENVIRONNEMENT": "production"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert fait.returncode == 1
    assert "ne démarre pas en production" in fait.stderr


def test_the_declared_services_of_the_start_are_those_of_the_options(tls, tmp_path):
    from tests.simulators.client_nu import Simulateur

    processus = Simulateur(
        *("psc", tmp_path, tls, "--portail-http", "--retour", RETOUR),
        *("--apres-deconnexion", FIN, "--secret", "s", "--ciba-intervalle", "2"),
    )
    try:
        clients = {c["client_id"]: c for c in processus.get("/clients")}
        assert set(clients) == {"comptoir-communautaire", "comptoir-confiance"}
        assert clients["comptoir-confiance"]["methode"] == "tls_client_auth"
        assert all("secret" not in c and c["retours"] == [RETOUR] for c in clients.values())
        lie = Lie(processus, tls, "comptoir-confiance", certificat="psc-edc", methode="none")
        navigateur = Navigateur(tls)
        essai = lie.begin()
        assert essai.adresse.startswith("http://127.0.0.1:")
        jetons = lie.finish(essai, navigateur.sign_in(essai, "rousseau CARD"))
        document = lie.userinfo_reply(jetons["access_token"]).json()
        assert document["SubjectNameID"] == "810100000032"
        lie.close()
        navigateur.close()
    finally:
        processus.stop()
