"""The relying party: each operation, each way it may end, and every gap of Authlib closed."""

import base64
import hashlib
import json
import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2 import client as authlib_client
from authlib.oidc.core import CodeIDToken

from psc.documents import MagasinMemoire
from psc.echanges import Cible, begin
from psc.jetons import validate_logout_token
from psc.metadonnees import is_allowed, parse_discovery
from psc.oauth import clock_offset
from psc.rules.retour import Retour
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)
from tests.psc import forge
from tests.psc.forge import CLIENT, EMETTEUR, MAINTENANT, SUB
from tests.psc.fournisseur import (
    JSON,
    OIDC,
    RETOUR,
    SECRET,
    Fournisseur,
    decouverte,
    erreur,
    formulaire,
)

CIBLE = Cible("https://api.exemple.test/token", "dmp")
VIDE = (200, JSON, b"")


@pytest.fixture
def service():
    return Fournisseur()


def arrive(service, client=None, **changes):
    """A whole attempt: the person came back with a code."""
    client = client or service.client()
    depart = begin(service.heure)
    service.nonce = depart.nonce
    retour = Retour(**{"etat": depart.etat, "code": "code-1", "emetteur": EMETTEUR, **changes})
    return client.finish(retour, depart)


def refus(classe, appel, *args):
    with pytest.raises(classe) as leve:
        appel(*args)
    return leve.value.code


def refus_arrivee(service, classe=InvalidReply, **changes):
    with pytest.raises(classe) as leve:
        arrive(service, **changes)
    return leve.value.code


# Discovery.


@pytest.mark.cas("psc-51")
def test_a_discovery_of_another_issuer_is_rejected_and_the_former_kept(service):
    magasin = MagasinMemoire()
    bon = service.client(magasin).metadonnees()
    service.decouverte = decouverte(issuer=EMETTEUR + "/autre")
    service.heure += 24 * 3600
    assert service.client(magasin).metadonnees() == bon
    assert len(service.sent("decouverte")) == 2
    assert refus(InvalidReply, service.client().metadonnees) == "psc_document"


@pytest.mark.cas("psc-52")
@pytest.mark.parametrize(
    "change",
    [
        {"token_endpoint": "https://mal.test/token"},
        {"token_endpoint": "http://auth.exemple.test/token"},
        {"token_endpoint": "https://auth.exemple.test:8443/token"},
        {"token_endpoint": "https://auth.exemple.test@mal.test/token"},
        {"token_endpoint": "https://auth.exemple.test.mal.test/token"},
        {"token_endpoint": "https://auth.exemple.test/token#x"},
        {"token_endpoint": "https://auth.exemple.test/a b"},
        {"token_endpoint": "https://[auth.exemple.test/token"},
        {"token_endpoint": None},
        {"jwks_uri": ["https://auth.exemple.test/certs"]},
        {"end_session_endpoint": "https://mal.test/logout"},
    ],
)
def test_an_endpoint_elsewhere_or_in_clear_rejects_the_document(service, change):
    service.decouverte = decouverte(**change)
    assert refus(InvalidReply, service.client().metadonnees) == "psc_document"


def test_the_page_of_a_browser_may_be_in_clear_on_this_machine_when_it_is_named_whole(service):
    ici, hotes = "http://127.0.0.1:8081/wallet/auth", {"auth.exemple.test", "http://127.0.0.1:8081"}

    def lire(**change):
        octets = json.dumps(decouverte(**change)).encode()
        return parse_discovery(octets, EMETTEUR, hotes)

    assert lire(authorization_endpoint=ici).autorisation == ici
    for refuse in (
        {"authorization_endpoint": ici.replace("8081", "8082")},
        {"authorization_endpoint": ici.replace("127.0.0.1", "mal.test")},
        {"authorization_endpoint": ici.replace("127.0.0.1:8081", "127.0.0.1:8081@mal.test")},
        {"authorization_endpoint": ici + "#x"},
        {"authorization_endpoint": ici, "token_endpoint": ici},
    ):
        with pytest.raises(InvalidReply):
            lire(**refuse)


def test_the_wallet_is_another_host_and_an_operation_may_be_absent(service):
    service.decouverte = decouverte(backchannel_authentication_endpoint=None)
    lues = service.client().metadonnees()
    assert lues.autorisation == "https://wallet.exemple.test/auth"
    assert (lues.ciba, lues.iss_au_retour) == ("", True)
    assert is_allowed("https://AUTH.exemple.test/x", {"auth.exemple.test"})


@pytest.mark.cas("psc-80")
@pytest.mark.parametrize(
    ("panne", "classe", "code"),
    [
        (Unavailable("reseau_injoignable", "x"), Unavailable, "psc_indisponible"),
        (Unavailable("tls_refuse", "x"), NotReady, "client_refuse"),
        (OutcomeUnknown("reseau_delai", "x"), OutcomeUnknown, "psc_sans_reponse"),
        (InvalidReply("reponse_trop_grosse", "x"), InvalidReply, "psc_illisible"),
        (NotReady("certificat_absent", "x"), NotReady, "certificat_absent"),
        ((503, "text/html", b"<html>"), Unavailable, "psc_indisponible"),
        ((500, JSON, b"{}"), Unavailable, "psc_indisponible"),
        ((429, JSON, b"{}"), Unavailable, "psc_indisponible"),
        ((302, "", b""), InvalidReply, "psc_redirection"),
        ((404, JSON, b"{}"), InvalidReply, "psc_document"),
        ((200, "text/html", b"<html>"), InvalidReply, "psc_document"),
    ],
)
def test_a_breakdown_at_the_start_is_told_by_its_class(service, panne, classe, code):
    service.gate["decouverte"] = [panne]
    assert refus(classe, service.client().authorization_url, begin(0)) == code


# The authorization address.


@pytest.mark.exigence("PSC-10")
@pytest.mark.cas("psc-60")
def test_the_browser_leaves_with_pkce_state_nonce_level_and_a_fresh_login(service):
    depart = begin(MAINTENANT)
    url = service.client().authorization_url(depart)
    assert url.startswith("https://wallet.exemple.test/auth?")
    defi = hashlib.sha256(depart.verifieur.encode()).digest()
    assert parse_qs(urlsplit(url).query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": [CLIENT],
        "redirect_uri": [RETOUR],
        "scope": ["openid scope_all"],
        "acr_values": ["eidas1"],
        "state": [depart.etat],
        "nonce": [depart.nonce],
        "code_challenge": [base64.urlsafe_b64encode(defi).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
        "prompt": ["login"],
        "max_age": ["0"],
    }
    assert depart.verifieur not in url
    assert depart.etat not in repr(depart)


def test_freshness_may_be_left_out_by_a_setting(service):
    url = service.client(prompt_login=False, age_max_s=None).authorization_url(begin(0))
    assert "prompt" not in url
    assert "max_age" not in url


def test_two_attempts_share_no_secret_and_each_is_long():
    un, deux = begin(0), begin(0)
    for nom, longueur in (("etat", 43), ("nonce", 43), ("verifieur", 64)):
        assert getattr(un, nom) != getattr(deux, nom)
        assert len(getattr(un, nom)) == longueur


# The way back.


@pytest.mark.exigence("PSC-10")
@pytest.mark.cas("psc-1")
def test_a_code_becomes_a_person_whom_every_check_accepted(service):
    authentifie = arrive(service)
    assert authentifie.identite.rpps == "99700123459"
    assert authentifie.preuve.sub == SUB
    jetons = authentifie.jetons
    assert (jetons.expire_s, jetons.renouvellement_expire_s) == (120, 1800)
    (requete,) = service.sent("jeton")
    forme = formulaire(requete)
    assert (forme["grant_type"], forme["code"]) == ("authorization_code", "code-1")
    assert forme["redirect_uri"] == RETOUR
    assert len(forme["code_verifier"]) == 64
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    assert requete.entetes["Authorization"] == f"Basic {basic}"
    assert "client_secret" not in forme
    for secret in (jetons.acces, jetons.renouvellement, jetons.identite):
        assert secret not in repr(authentifie)


@pytest.mark.cas("psc-33")
@pytest.mark.parametrize("iss", ["", "https://mal.test"])
def test_the_issuer_of_the_way_back_is_checked_before_any_token_is_asked(service, iss):
    """Authlib does not look at it."""
    assert refus_arrivee(service, Rejected, emetteur=iss) == "retour_emetteur"
    assert service.sent("jeton") == []


@pytest.mark.cas("psc-35")
def test_a_refusal_comes_back_without_a_request(service):
    code = refus_arrivee(service, Rejected, code="", erreur="access_denied")
    assert code == "retour_annule"
    assert service.sent("jeton") == []


@pytest.mark.cas("psc-53")
def test_a_code_is_exchanged_once_whatever_happens(service):
    service.gate["jeton"] = OutcomeUnknown("reseau_delai", "x")
    assert refus_arrivee(service, OutcomeUnknown) == "psc_sans_reponse"
    assert len(service.sent("jeton")) == 1


@pytest.mark.cas("psc-49")
def test_an_answer_without_identity_token_is_refused(service):
    """Authlib does not insist on one."""
    service.reponse = {"id_token": None}
    assert refus_arrivee(service) == "jeton_absent"


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\nb"},
        {"access_token": "é"},
        {"token_type": "mac"},
        {"token_type": None},
        {"id_token": 7},
        {"refresh_token": []},
    ],
)
def test_an_answer_off_the_protocol_is_refused(service, change):
    service.reponse = change
    assert refus_arrivee(service) == "psc_illisible"


@pytest.mark.parametrize("corps", [b"", b"<html>", b"[]", b"null"])
def test_an_answer_that_is_no_object_is_refused(service, corps):
    service.gate["jeton"] = [(200, JSON, corps)]
    assert refus_arrivee(service) == "psc_illisible"


@pytest.mark.parametrize(("dit", "lu"), [(None, 60), (0, 60), ("120", 60), (True, 60), (90.5, 90)])
def test_a_lifetime_that_is_not_said_is_short(service, dit, lu):
    service.reponse = {"expires_in": dit, "refresh_expires_in": 0, "token_type": "bearer"}
    jetons = arrive(service).jetons
    assert (jetons.expire_s, jetons.renouvellement_expire_s) == (lu, None)


@pytest.mark.exigence("PSC-10")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"nonce": "autre"}, "jeton_nonce", marks=pytest.mark.cas("psc-36")),
        pytest.param({"nonce": None}, "jeton_nonce", marks=pytest.mark.cas("psc-36")),
        pytest.param({"aud": "autre"}, "jeton_audience", marks=pytest.mark.cas("psc-37")),
        pytest.param({"acr": None}, "jeton_acr", marks=pytest.mark.cas("psc-46")),
        pytest.param({"auth_time": 9}, "jeton_authentification", marks=pytest.mark.cas("psc-60")),
        ({"at_hash": "x"}, "jeton_acces"),
        ({"exp": MAINTENANT - 60}, "jeton_expire"),
    ],
)
def test_a_false_identity_token_opens_nothing_and_userinfo_is_not_asked(service, change, code):
    service.membres = change
    assert refus_arrivee(service) == code
    assert service.sent("userinfo") == []


def test_what_authlib_alone_would_have_accepted():
    """The gaps of psc.md §5.2, seen in the library: why our checks are not a luxury."""
    registre = {"iss": {"value": EMETTEUR}}
    for change in ({"aud": "autre"}, {"acr": None}, {"auth_time": 9}, {"typ": "Logout"}):
        membres = forge.membres(**change)
        entete = {"alg": "RS256"}
        lu = CodeIDToken(membres, entete, registre, {"client_id": CLIENT, "max_age": 0})
        lu.validate(now=MAINTENANT, leeway=120)


@pytest.mark.cas("psc-45")
@pytest.mark.parametrize("ecart_s", [180.0, -180.0])
def test_when_our_clock_is_wrong_it_is_said_so(service, ecart_s):
    service.ecart_s = ecart_s
    service.membres = {"iat": int(MAINTENANT - ecart_s), "exp": int(MAINTENANT - ecart_s + 120)}
    assert refus_arrivee(service) == "horloge"


def test_a_token_that_is_over_by_itself_does_not_accuse_the_clock(service):
    service.ecart_s = 100
    service.membres = {"exp": MAINTENANT - 60}
    client = service.client()
    with pytest.raises(InvalidReply):
        arrive(service, client)
    assert client.ecart_s == pytest.approx(100, abs=1)


def test_a_service_that_gives_no_date_says_nothing_of_our_clock(service):
    service.ecart_s = None
    client = service.client()
    assert arrive(service, client).identite.rpps
    assert client.ecart_s is None


@pytest.mark.cas("psc-77")
def test_a_logout_token_is_verified_by_the_keys_of_the_client(service):
    jeton = forge.signe(forge.deconnexion())
    client = service.client()
    lu = validate_logout_token(
        jeton, client.reglages.pair, client.cles, MAINTENANT, lambda _jti: False
    )
    assert lu.sid == "s1"
    assert len(service.sent("jwks")) == 1


@pytest.mark.parametrize("date", ["", "hier", "Wed, 99 Nov 2026 00:00:00 GMT"])
def test_a_date_that_says_nothing_changes_nothing(date):
    assert clock_offset(0.0, date) is None


# UserInfo.


@pytest.mark.cas("psc-47")
def test_the_userinfo_of_another_subject_is_refused(service):
    """Authlib does not compare them."""
    service.membres = {"sub": "autre"}
    assert refus_arrivee(service) == "userinfo_sujet"


@pytest.mark.cas("psc-48")
def test_the_userinfo_of_another_identifier_is_refused(service):
    service.membres = {"SubjectNameID": "899700900022"}
    assert refus_arrivee(service) == "userinfo_identifiant"
    service.membres = {"SubjectNameID": None}
    assert arrive(service).identite.national == "899700123459"


@pytest.mark.cas("psc-48")
def test_two_identifiers_in_one_userinfo_are_refused(service):
    service.personne["preferred_username"] = "899700900022"
    service.membres = {"SubjectNameID": None}
    assert refus_arrivee(service) == "userinfo_identifiant"


@pytest.mark.cas("psc-57")
@pytest.mark.parametrize(
    ("panne", "classe", "code"),
    [
        ((200, JSON, b""), InvalidReply, "userinfo_illisible"),
        ((200, "text/html", b"<html>"), InvalidReply, "userinfo_illisible"),
        ((204, "", b""), InvalidReply, "userinfo_illisible"),
        ((200, JSON, {"sub": SUB, "SubjectRefPro": {"exercices": {}}}), InvalidReply, ""),
        ((500, JSON, b"{}"), Unavailable, "psc_indisponible"),
        ((401, JSON, {"error": "invalid_token"}), Rejected, "jeton_perime"),
        (InvalidReply("reponse_trop_grosse", "x"), InvalidReply, "psc_illisible"),
    ],
)
def test_a_userinfo_that_is_none_is_refused_cleanly(service, panne, classe, code):
    service.gate["userinfo"] = [panne]
    assert refus_arrivee(service, classe) == (code or "userinfo_illisible")


def test_the_size_and_the_time_of_every_reply_are_bounded(service):
    arrive(service)
    for requete in service.requetes:
        assert requete.taille_max_octets == 256 * 1024
        assert (requete.connexion_s, requete.lecture_s) == (3.0, 8.0)


def test_a_signed_userinfo_is_verified(service):
    signe = {**service.personne, "iss": EMETTEUR, "aud": CLIENT}
    jwt = "application/jwt; charset=utf-8"
    service.gate["userinfo"] = [(200, jwt, forge.signe(signe).encode())]
    assert arrive(service).identite.rpps == "99700123459"
    service.gate["userinfo"] = [(200, jwt, forge.signe(signe, nom="k2", kid="k1").encode())]
    assert refus_arrivee(service) == "jeton_signature"
    service.gate["userinfo"] = [(200, jwt, b"\xff.\xff.\xff")]
    assert refus_arrivee(service) == "jeton_illisible"


# Client authentication.


def test_a_secret_with_any_character_is_form_encoded_in_basic(service):
    """RFC 6749 §2.3.1; Authlib leaves it to its caller."""
    arrive(service, service.client(secret="a:b +/é"))
    (requete,) = service.sent("jeton")
    basic = base64.b64decode(requete.entetes["Authorization"].removeprefix("Basic ")).decode()
    assert basic == f"{CLIENT}:a%3Ab+%2B%2F%C3%A9"


def test_the_secret_may_go_in_the_form(service):
    arrive(service, service.client(authentification="client_secret_post"))
    (requete,) = service.sent("jeton")
    assert formulaire(requete)["client_secret"] == SECRET
    assert "Authorization" not in requete.entetes


def test_with_a_certificate_only_the_client_is_named(service):
    client = service.client(secret="", authentification="none")
    authentifie = arrive(service, client)
    client.introspect(authentifie.jetons.acces)
    client.revoke(authentifie.jetons.acces)
    client.ciba_start("99700123459", "47")
    for nom in ("jeton", "introspection", "revocation", "ciba"):
        for requete in service.sent(nom):
            assert formulaire(requete)["client_id"] == CLIENT
            assert "client_secret" not in formulaire(requete)
            assert "Authorization" not in requete.entetes


def test_the_secret_of_one_client_never_stays_in_the_library(service):
    """Authlib hands out one table of headers for the whole process, and writes the secret in it."""
    arrive(service)
    assert "Authorization" not in authlib_client.DEFAULT_HEADERS
    arrive(service, service.client(secret="", authentification="none"))
    assert "Authorization" not in service.sent("jeton")[-1].entetes


@pytest.mark.cas("psc-93")
@pytest.mark.parametrize(
    "panne",
    [
        erreur("invalid_client", 401),
        erreur("invalid_client", 400),
        erreur("unauthorized_client", 400),
        (401, "text/html", b"<html>"),
    ],
)
def test_a_client_that_is_not_known_is_for_the_titulaire(service, panne):
    service.gate["jeton"] = panne
    assert refus_arrivee(service, NotReady) == "client_refuse"


@pytest.mark.parametrize(
    "panne",
    [
        erreur("invalid_grant"),
        erreur("invalid_grant", error_description='accentué "é"'),
        erreur("invalid_request", 200),
        erreur({"a": 1}),
        (400, JSON, b"<html>"),
        (400, JSON, b"7"),
        (404, JSON, b"[" * 5000),
    ],
)
def test_an_error_however_written_is_a_refusal(service, panne):
    """Authlib raises ValueError for a description with an accent."""
    service.gate["jeton"] = panne
    assert refus_arrivee(service, Rejected) == "demande_refusee"


# Renewal.


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-67")
def test_a_renewal_gives_new_tokens_and_keeps_the_newest(service):
    client = service.client()
    avant = arrive(service, client)
    service.heure += 110
    apres = client.renew(avant.jetons, avant.preuve, MAINTENANT)
    forme = formulaire(service.sent("jeton")[-1])
    assert forme["refresh_token"] == avant.jetons.renouvellement
    assert apres.acces != avant.jetons.acces
    assert apres.renouvellement not in {"", avant.jetons.renouvellement}
    assert apres.recu_le == service.heure
    assert len(service.sent("userinfo")) == 1


def test_a_renewal_without_rotation_keeps_what_it_had(service):
    client = service.client()
    avant = arrive(service, client)
    service.reponse = {"refresh_token": None, "id_token": None, "session_state": None}
    apres = client.renew(avant.jetons, avant.preuve, MAINTENANT)
    assert apres.renouvellement == avant.jetons.renouvellement
    assert (apres.identite, apres.session_state) == (avant.jetons.identite, "s1")


def test_a_renewal_for_another_person_is_refused(service):
    client = service.client()
    avant = arrive(service, client)
    service.membres = {"sub": "autre"}
    assert refus(InvalidReply, client.renew, avant.jetons, avant.preuve, 0) == "jeton_sujet"
    service.membres = {"aud": "autre"}
    assert refus(InvalidReply, client.renew, avant.jetons, avant.preuve, 0) == "jeton_audience"


@pytest.mark.cas("psc-69", "psc-70")
@pytest.mark.parametrize(
    ("panne", "classe", "code"),
    [
        (erreur("invalid_grant"), Rejected, "session_terminee"),
        (Unavailable("reseau_injoignable", "x"), Unavailable, "psc_indisponible"),
        (OutcomeUnknown("reseau_delai", "x"), OutcomeUnknown, "psc_sans_reponse"),
        ((503, "", b""), Unavailable, "psc_indisponible"),
    ],
)
def test_the_end_of_a_session_is_told_from_a_breakdown(service, panne, classe, code):
    client = service.client()
    avant = arrive(service, client)
    service.gate["jeton"] = panne
    assert refus(classe, client.renew, avant.jetons, avant.preuve, MAINTENANT) == code


# The telephone.


@pytest.mark.cas("psc-83", "psc-84")
def test_a_telephone_is_called_by_the_identifier_and_answers(service):
    client = service.client()
    demande = client.ciba_start("99700123459", "07")
    forme = formulaire(service.sent("ciba")[0])
    assert forme == {
        "scope": "openid scope_all",
        "login_hint": "899700123459",
        "binding_message": "07",
        "acr_values": "eidas1",
        "channel": "MOBILE",
    }
    assert (demande.expire_s, demande.intervalle_s) == (120, 5)
    service.gate["jeton"] = [erreur("authorization_pending"), erreur("slow_down")]
    issues = [client.ciba_poll(demande) for _ in range(3)]
    assert [i.issue for i in issues] == ["en_attente", "ralentir", "approuvee"]
    assert issues[2].authentifie.identite.rpps == "99700123459"
    assert formulaire(service.sent("jeton")[0]) == {
        "grant_type": "urn:openid:params:grant-type:ciba",
        "auth_req_id": "demande-1",
    }
    assert "demande-1" not in repr(demande)


def test_without_an_interval_it_is_left_to_the_rule(service):
    service.gate["ciba"] = [(200, JSON, {"auth_req_id": "d", "expires_in": 120})]
    assert service.client().ciba_start("99700123459", "07").intervalle_s is None


@pytest.mark.cas("psc-85")
@pytest.mark.parametrize("fermeture", [(204, "", b""), (503, "", b"")])
@pytest.mark.parametrize(
    "autres", [[], [{"identifiant": "899700123459", "origine": "RPPS", "qualite": 2}]]
)
def test_another_person_s_answer_is_refused_and_closed(service, fermeture, autres, caplog):
    autre = Fournisseur(national="899700900022", otherIds=autres)
    autre.gate["deconnexion"] = fermeture
    client = autre.client()
    demande = client.ciba_start("99700123459", "07")
    assert refus(Rejected, client.ciba_poll, demande) == "ciba_autre_personne"
    (requete,) = autre.sent("deconnexion")
    assert set(formulaire(requete)) == {"id_token_hint"}
    assert ("fermeture_impossible" in caplog.text) == (fermeture[0] == 503)


@pytest.mark.cas("psc-86")
@pytest.mark.parametrize(
    ("code", "notre"),
    [
        ("access_denied", "ciba_refuse"),
        ("expired_token", "ciba_expire"),
        ("invalid_grant", "ciba_perdu"),
        ("invalid_request", "demande_refusee"),
    ],
)
def test_each_end_of_the_wait_has_its_code(service, code, notre):
    client = service.client()
    demande = client.ciba_start("99700123459", "07")
    service.gate["jeton"] = erreur(code)
    assert refus(Rejected, client.ciba_poll, demande) == notre


@pytest.mark.cas("psc-86")
def test_after_the_deadline_nothing_is_asked_any_more(service):
    client = service.client()
    demande = client.ciba_start("99700123459", "07")
    service.heure += 120
    assert refus(Rejected, client.ciba_poll, demande) == "ciba_expire"
    assert service.sent("jeton") == []


@pytest.mark.parametrize("panne", [(502, "", b""), OutcomeUnknown("reseau_delai", "x")])
def test_a_breakdown_while_waiting_is_a_wait(service, panne):
    client = service.client()
    demande = client.ciba_start("99700123459", "07")
    service.gate["jeton"] = panne
    sondage = client.ciba_poll(demande)
    assert (sondage.issue, sondage.panne) == ("en_attente", True)


def test_an_answer_older_than_the_request_is_refused(service):
    client = service.client()
    demande = client.ciba_start("99700123459", "07")
    service.membres = {"iat": MAINTENANT - 61}
    assert refus(InvalidReply, client.ciba_poll, demande) == "jeton_date"


@pytest.mark.cas("psc-91", "psc-92")
@pytest.mark.parametrize(
    ("panne", "classe", "code"),
    [
        (erreur("unknown_user_id"), Rejected, "ciba_inconnu"),
        (erreur("unauthorized_client"), NotReady, "ciba_coupe"),
        (erreur("invalid_client", 401), NotReady, "client_refuse"),
        (erreur("invalid_binding_message"), Rejected, "demande_refusee"),
        ((502, "", b""), Unavailable, "psc_indisponible"),
        ((200, JSON, {"auth_req_id": "", "expires_in": 120}), InvalidReply, "psc_illisible"),
        ((200, JSON, {"auth_req_id": "d"}), InvalidReply, "psc_illisible"),
        ((200, JSON, b"<html>"), InvalidReply, "psc_illisible"),
    ],
)
def test_each_refusal_of_the_first_call_has_its_code(service, panne, classe, code):
    service.gate["ciba"] = panne
    assert refus(classe, service.client().ciba_start, "99700123459", "07") == code


@pytest.mark.cas("psc-92")
def test_a_service_without_telephone_says_so(service):
    service.decouverte = decouverte(backchannel_authentication_endpoint=None)
    assert refus(NotReady, service.client().ciba_start, "99700123459", "07") == "ciba_coupe"


# Exchange, introspection, revocation, end.


def test_a_token_is_exchanged_at_the_target(service):
    client = service.client(secret="", authentification="none")
    service.reponse = {"expires_in": 14_400, "id_token": None}
    api = client.exchange("acces-0", CIBLE)
    (requete,) = service.sent("jeton")
    assert requete.url == CIBLE.jeton_url
    assert formulaire(requete) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "acces-0",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_issuer": "psc",
        "scope": "dmp",
        "client_id": CLIENT,
    }
    assert api.expire_s == 14_400


@pytest.mark.cas("psc-94")
@pytest.mark.parametrize("code", ["invalid_grant", "invalid_token"])
def test_an_expired_subject_is_told_from_a_refusal(service, code):
    client = service.client()
    service.gate["jeton"] = [erreur(code, 400), erreur("invalid_scope", 400)]
    assert refus(Rejected, client.exchange, "acces-0", CIBLE) == "jeton_perime"
    assert refus(Rejected, client.exchange, "acces-0", CIBLE) == "demande_refusee"


@pytest.mark.parametrize(("dit", "lu"), [(True, True), (False, False), ("true", False), (1, False)])
def test_a_token_is_active_when_the_service_says_true(service, dit, lu):
    service.gate["introspection"] = [(200, JSON, {"active": dit})]
    assert service.client().introspect("acces-0") is lu
    assert formulaire(service.sent("introspection")[0])["token"] == "acces-0"


def test_an_introspection_that_is_not_answered_is_no_answer(service):
    service.gate["introspection"] = [VIDE, erreur("invalid_client", 401)]
    client = service.client()
    assert refus(InvalidReply, client.introspect, "a") == "psc_illisible"
    assert refus(NotReady, client.introspect, "a") == "client_refuse"


def test_a_token_is_revoked_where_the_service_offers_it(service):
    service.client().revoke("renouvellement-1")
    assert formulaire(service.sent("revocation")[0])["token"] == "renouvellement-1"
    service.decouverte = decouverte(revocation_endpoint=None)
    service.client().revoke("renouvellement-2")
    assert len(service.sent("revocation")) == 1


@pytest.mark.cas("psc-74", "psc-75")
def test_a_session_is_ended_from_here_or_the_failure_is_told(service):
    client = service.client()
    client.end_session("jeton-identite")
    (requete,) = service.sent("deconnexion")
    assert formulaire(requete) == {"id_token_hint": "jeton-identite"}
    assert requete.url == f"{OIDC}/logout"
    service.gate["deconnexion"] = [(503, "", b""), erreur("invalid_request")]
    assert refus(Unavailable, client.end_session, "j") == "psc_indisponible"
    assert refus(Rejected, client.end_session, "j") == "demande_refusee"


@pytest.mark.cas("psc-74")
def test_a_browser_may_end_its_session_and_come_back_by_a_declared_address(service):
    url = service.client().end_session_url("jeton-identite", "etat-1")
    assert url.startswith(f"{OIDC}/logout?")
    assert parse_qs(urlsplit(url).query, strict_parsing=True) == {
        "id_token_hint": ["jeton-identite"],
        "post_logout_redirect_uri": ["https://officine.exemple.test/psc/bye"],
        "state": ["etat-1"],
    }


def test_a_service_without_an_end_of_session_is_a_wrong_document(service):
    service.decouverte = decouverte(end_session_endpoint=None)
    assert refus(InvalidReply, service.client().end_session, "j") == "psc_document"


# Secrets.


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-59")
@pytest.mark.parametrize(
    "panne",
    [
        None,
        ("jeton", erreur("invalid_grant")),
        ("jeton", (200, JSON, b"<html>")),
        ("jeton", OutcomeUnknown("reseau_delai", "x")),
        ("userinfo", (401, JSON, b"{}")),
        ("userinfo", (200, JSON, {"sub": "autre"})),
    ],
)
def test_nothing_secret_is_in_a_log_nor_in_an_error(service, panne, caplog):
    caplog.set_level(logging.DEBUG)
    if panne:
        service.gate[panne[0]] = panne[1]
    depart = begin(service.heure)
    service.nonce = depart.nonce
    texte = ""
    try:
        service.client().finish(Retour(depart.etat, "code-secret", "", EMETTEUR), depart)
    except TeleserviceError as erreur_levee:
        cause = erreur_levee
        while cause is not None:
            texte += repr(cause) + str(cause) + str(vars(cause))
            cause = cause.__cause__ or cause.__context__
    assert bool(texte) == bool(panne)
    tous = caplog.text + texte
    for secret in ("code-secret", depart.verifieur, depart.nonce, depart.etat, SECRET, "acces-"):
        assert secret not in tous


def test_a_client_keeps_nothing_of_the_person(service):
    client = service.client()
    authentifie = arrive(service, client)
    gardes = repr({n: vars(v) if hasattr(v, "__dict__") else v for n, v in vars(client).items()})
    assert authentifie.jetons.acces not in gardes
    assert replace(client.reglages, secret="autre-secret").secret not in repr(client.reglages)
    assert SECRET not in repr(client.reglages)
