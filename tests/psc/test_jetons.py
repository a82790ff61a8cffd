"""Tokens: one good, and each way of being false refused by its own code."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psc.cles import parse_jwks, select
from psc.errors import CODES, error_of
from psc.jetons import (
    Attente,
    Pair,
    is_same_certificate,
    validate_id_token,
    validate_logout_token,
    validate_userinfo,
)
from teleservices.errors import InvalidReply, TeleserviceError
from tests.psc import forge
from tests.psc.forge import ACCES, CLIENT, EMETTEUR, MAINTENANT, NONCE, SUB, membres, signe

PAIR = Pair(EMETTEUR, CLIENT)
ATTENTE = Attente(MAINTENANT, MAINTENANT - 5, NONCE, 0, ACCES)


class ClesEcrites:
    """The keys of one set, never asked again."""

    def __init__(self, *cles):
        self.cles = parse_jwks(forge.jwks(*cles))

    def find(self, kid, alg):
        """The key, or « jeton_cle »."""
        cle = select(self.cles, kid, alg)
        if cle is None:
            raise error_of("jeton_cle")
        return cle


CLES = ClesEcrites()


def valide(jeton, attente=ATTENTE, pair=PAIR, cles=CLES):
    return validate_id_token(jeton, pair, cles, attente)


def refus(jeton, attente=ATTENTE, pair=PAIR, cles=CLES):
    with pytest.raises(InvalidReply) as leve:
        valide(jeton, attente, pair, cles)
    assert jeton[:20] not in str(leve.value) + leve.value.message_fr
    return leve.value.code


@pytest.mark.exigence("PSC-10")
@pytest.mark.cas("psc-1")
def test_a_good_token_is_believed():
    lu = valide(signe())
    assert (lu.sub, lu.acr, lu.authentifie_le) == (SUB, "eidas1", MAINTENANT - 2)
    assert (lu.sid, lu.national) == ("s1", "899700123459")


@pytest.mark.cas("psc-39")
@pytest.mark.exigence("PSC-10")
@pytest.mark.parametrize(
    "jeton",
    [
        forge.sans_signature(),
        forge.symetrique(b"secret-du-client"),
        forge.symetrique(forge.publique_pem()),
        forge.symetrique(forge.publique_pem(), kid=""),
        forge.signe_pss(membres()),
        signe(alg="RS512"),
        signe(alg=["RS256"]),
        signe(alg="rs256"),
    ],
    ids=["none", "secret", "public key", "no kid", "PS256 not allowed", "RS512", "list", "case"],
)
def test_an_algorithm_that_is_not_pinned_is_refused(jeton):
    assert refus(jeton) == "jeton_algorithme"


@pytest.mark.parametrize("alg", ["HS256", "none", "RS512", ""])
def test_no_setting_can_pin_an_algorithm_that_can_be_forged(alg):
    with pytest.raises(ValueError, match="PSC_ALGS"):
        replace(PAIR, algorithmes=("RS256", alg))
    with pytest.raises(ValueError, match="PSC_ALGS"):
        replace(PAIR, algorithmes=())


def test_the_other_asymmetric_algorithms_may_be_added():
    pair = replace(PAIR, algorithmes=("PS256", "ES256"))
    cles = ClesEcrites(forge.jwk("k1", alg="PS256"), forge.jwk_ec("e1"))
    assert valide(forge.signe_pss(membres()), pair=pair, cles=cles).sub == SUB
    assert valide(forge.signe_ec(membres()), pair=pair, cles=cles).sub == SUB
    assert refus(signe(), pair=pair, cles=cles) == "jeton_algorithme"


@pytest.mark.cas("psc-42")
def test_a_signature_of_another_key_under_a_known_name_is_refused():
    assert refus(signe(nom="k2", kid="k1")) == "jeton_signature"
    assert refus(signe(nom="k2")) == "jeton_cle"


def test_a_token_changed_after_it_was_signed_is_refused():
    entete, corps, sceau = signe().split(".")
    autre = forge.b64(json.dumps(membres(sub="autre")).encode())
    assert refus(f"{entete}.{autre}.{sceau}") == "jeton_signature"
    assert refus(f"{entete}.{corps}.") == "jeton_signature"
    assert refus(f"{entete}.{corps}.{sceau[:-4]}") == "jeton_signature"


def test_keys_that_a_token_brings_along_are_ignored():
    porte = {"jwk": forge.jwk("k2"), "jku": "https://mal.test/k", "x5u": "https://mal.test/x"}
    assert refus(signe(nom="k2", kid="k1", **porte)) == "jeton_signature"
    assert valide(signe(**porte, x5c=["A" * 900])).sub == SUB


def test_no_name_is_enough_where_there_is_one_key_only():
    assert valide(signe(kid=None)).sub == SUB
    deux = ClesEcrites(forge.jwk("k1"), forge.jwk("k2"))
    assert refus(signe(kid=None), cles=deux) == "jeton_cle"
    assert refus(signe(kid=7)) == "jeton_illisible"


@pytest.mark.parametrize("entete", [{"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}])
def test_a_critical_header_is_never_understood(entete):
    assert refus(signe(**entete)) == "jeton_illisible"


@pytest.mark.parametrize(
    "jeton",
    [
        "",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "é.b.c",
        "." * 40_000,
        f"{forge.b64(b'[]')}.e30.e30",
        f"{forge.b64(b'[' * 9000)}.e30.e30",
        f"{forge.b64(b'{}')}.e30.e30",
        f"{forge.b64(b'7')}.e30.e30",
    ],
)
def test_what_is_no_token_is_refused(jeton):
    with pytest.raises(InvalidReply) as leve:
        valide(jeton)
    assert leve.value.code == "jeton_illisible"


@pytest.mark.parametrize("corps", [b"[]", b"", b"7", b'{"sub":"a","sub":"b"}', b"\xff"])
def test_a_signed_body_that_is_no_object_is_refused(corps):
    assert refus(signe(corps)) == "jeton_illisible"


CLAIMS = [
    ({"iss": EMETTEUR + "/"}, "jeton_emetteur"),
    ({"iss": None}, "jeton_emetteur"),
    ({"iss": "https://auth.exemple.test"}, "jeton_emetteur"),
    ({"aud": None}, "jeton_audience"),
    ({"aud": []}, "jeton_audience"),
    ({"azp": "autre"}, "jeton_audience"),
    ({"sub": None}, "jeton_sujet"),
    ({"sub": ""}, "jeton_sujet"),
    ({"sub": 7}, "jeton_illisible"),
    ({"sub": "a\ud800"}, "jeton_illisible"),
    ({"sid": ["s"]}, "jeton_illisible"),
    ({"sid": "s" * 256}, "jeton_illisible"),
    ({"exp": None}, "jeton_date"),
    ({"iat": None}, "jeton_date"),
    ({"exp": "demain"}, "jeton_date"),
    ({"exp": True}, "jeton_date"),
    ({"exp": float("inf")}, "jeton_date"),
    ({"exp": float("nan")}, "jeton_date"),
    ({"exp": 10**13}, "jeton_date"),
    ({"nbf": MAINTENANT + 31}, "jeton_date"),
    ({"iat": MAINTENANT - 66}, "jeton_date"),
    ({"auth_time": "hier"}, "jeton_date"),
    ({"typ": "Bearer"}, "jeton_genre"),
    ({"typ": "Logout"}, "jeton_genre"),
    ({"events": {}}, "jeton_genre"),
    ({"at_hash": "x"}, "jeton_acces"),
    ({"at_hash": 7}, "jeton_acces"),
]


@pytest.mark.exigence("PSC-10")
@pytest.mark.parametrize(("change", "code"), CLAIMS)
def test_each_claim_that_is_false_is_refused_by_its_code(change, code):
    assert refus(signe(membres(**change))) == code


@pytest.mark.cas("psc-36")
@pytest.mark.parametrize("nonce", ["autre", None, "", 7, "\ud800"])
def test_a_nonce_that_is_not_the_one_sent_is_refused(nonce):
    assert refus(signe(membres(nonce=nonce))) == "jeton_nonce"


def test_where_no_nonce_was_sent_none_is_asked():
    sans = replace(ATTENTE, nonce=None)
    assert valide(signe(membres(nonce=None)), sans).sub == SUB
    assert valide(signe(membres(nonce="repris")), sans).sub == SUB


@pytest.mark.cas("psc-37")
def test_the_audience_of_another_with_our_azp_is_refused():
    """Authlib 1.9 accepts it."""
    assert refus(signe(membres(aud="autre"))) == "jeton_audience"
    assert refus(signe(membres(aud=["autre"]))) == "jeton_audience"


@pytest.mark.cas("psc-38")
def test_several_audiences_need_our_azp():
    assert valide(signe(membres(aud=[CLIENT, "autre"]))).sub == SUB
    assert refus(signe(membres(aud=[CLIENT, "autre"], azp=None))) == "jeton_audience"
    assert refus(signe(membres(aud=[CLIENT, "autre"], azp="autre"))) == "jeton_audience"
    assert valide(signe(membres(aud=[CLIENT], azp=None))).sub == SUB


@pytest.mark.cas("psc-43")
def test_thirty_seconds_of_leeway_and_no_more():
    assert valide(signe(membres(exp=MAINTENANT - 25))).sub == SUB
    assert refus(signe(membres(exp=MAINTENANT - 30))) == "jeton_expire"
    assert refus(signe(membres(exp=MAINTENANT - 90))) == "jeton_expire"


@pytest.mark.cas("psc-44", "psc-45")
@pytest.mark.parametrize("avance_s", [31, 180, 600])
def test_a_token_of_the_future_says_that_our_clock_is_wrong(avance_s):
    assert refus(signe(membres(iat=MAINTENANT + avance_s, exp=MAINTENANT + 900))) == "horloge"
    assert "horloge" in CODES["horloge"].message
    assert valide(signe(membres(iat=MAINTENANT + 30))).sub == SUB


@pytest.mark.cas("psc-46")
@pytest.mark.parametrize("acr", [None, "eidas0", "0", "", 1, ["eidas1"]])
def test_a_level_that_is_not_accepted_is_refused(acr):
    assert refus(signe(membres(acr=acr))) == "jeton_acr"


@pytest.mark.cas("psc-46")
@pytest.mark.parametrize("acr", ["eidas1", "eidas2", "eidas3"])
def test_each_level_of_eidas_is_accepted(acr):
    assert valide(signe(membres(acr=acr))).acr == acr


@pytest.mark.cas("psc-60")
@pytest.mark.parametrize("quand", [None, 0, MAINTENANT - 66])
def test_a_session_taken_up_again_is_not_a_fresh_authentication(quand):
    assert refus(signe(membres(auth_time=quand))) == "jeton_authentification"


def test_freshness_is_asked_only_where_it_was_asked_for():
    sans = replace(ATTENTE, age_max_s=None)
    assert valide(signe(membres(auth_time=0)), sans).authentifie_le is None
    vieux = signe(membres(auth_time=MAINTENANT - 9000))
    assert valide(vieux, sans).authentifie_le == MAINTENANT - 9000
    assert valide(vieux, replace(ATTENTE, age_max_s=9000)).sub == SUB


def test_the_digest_of_the_access_token_needs_the_access_token():
    assert refus(signe(), replace(ATTENTE, jeton_acces="")) == "jeton_acces"
    assert refus(signe(), replace(ATTENTE, jeton_acces="autre")) == "jeton_acces"
    sans = signe(membres(at_hash=None))
    assert valide(sans, replace(ATTENTE, jeton_acces="autre")).sub == SUB


@pytest.mark.cas("psc-50")
def test_a_logout_token_is_no_identity_token():
    assert refus(signe(forge.deconnexion())) == "jeton_genre"
    assert refus(signe(membres(), typ="logout+jwt")) == "jeton_genre"


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "azp", "exp", "iat", "nonce", "acr", "sub", "typ"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3)),
        min_size=1,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_claim_changed_at_random_never_names_another_person(changes):
    try:
        lu = valide(signe(membres(**changes)))
    except TeleserviceError:
        return
    assert lu.sub == changes.get("sub", SUB)


# Logout tokens.


class Vus:
    """Identifiers already seen, in memory."""

    def __init__(self):
        self.vus = set()

    def __call__(self, jti):
        if jti in self.vus:
            return True
        self.vus.add(jti)
        return False


def deconnecte(jeton, vus=None, pair=PAIR):
    return validate_logout_token(jeton, pair, CLES, MAINTENANT, vus or Vus())


@pytest.mark.cas("psc-77")
@pytest.mark.parametrize("entete", [{}, {"typ": "logout+jwt"}])
def test_a_logout_token_ends_a_session(entete):
    lu = deconnecte(signe(forge.deconnexion(), **entete))
    assert (lu.sid, lu.sub, lu.jti) == ("s1", SUB, "j1")


def test_the_standard_form_needs_no_claim_typ():
    assert deconnecte(signe(forge.deconnexion(typ=None), typ="logout+jwt")).sid == "s1"


@pytest.mark.cas("psc-79")
def test_a_logout_token_may_name_the_person_only():
    lu = deconnecte(signe(forge.deconnexion(sid=None)))
    assert (lu.sid, lu.sub) == ("", SUB)


@pytest.mark.cas("psc-78")
@pytest.mark.parametrize(
    ("jeton", "code"),
    [
        (signe(forge.deconnexion(nonce="n")), "jeton_genre"),
        (signe(forge.deconnexion(nonce="")), "jeton_genre"),
        (signe(membres()), "jeton_genre"),
        (signe(forge.deconnexion(typ="ID"), typ="logout+jwt"), "jeton_genre"),
        (signe(forge.deconnexion(typ=None)), "jeton_genre"),
        (signe(forge.deconnexion(aud="autre")), "jeton_audience"),
        (signe(forge.deconnexion(iss="https://mal.test")), "jeton_emetteur"),
        (signe(forge.deconnexion(events=None)), "jeton_evenement"),
        (signe(forge.deconnexion(events={})), "jeton_evenement"),
        (signe(forge.deconnexion(events={forge.deconnexion()["jti"]: {}})), "jeton_evenement"),
        (signe(forge.deconnexion(events=["x"])), "jeton_evenement"),
        (signe(forge.deconnexion(iat=MAINTENANT - 1200)), "jeton_date"),
        (signe(forge.deconnexion(iat=MAINTENANT + 1200)), "jeton_date"),
        (signe(forge.deconnexion(iat=None)), "jeton_date"),
        (signe(forge.deconnexion(exp=MAINTENANT - 31)), "jeton_expire"),
        (signe(forge.deconnexion(jti=None)), "jeton_sujet"),
        (signe(forge.deconnexion(sub=None, sid=None)), "jeton_sujet"),
        (forge.sans_signature(forge.deconnexion()), "jeton_algorithme"),
        (forge.symetrique(forge.publique_pem(), forge.deconnexion()), "jeton_algorithme"),
        (signe(forge.deconnexion(), nom="k2", kid="k1"), "jeton_signature"),
    ],
)
def test_a_logout_token_that_is_false_is_refused_and_marks_nothing(jeton, code):
    vus = Vus()
    with pytest.raises(InvalidReply) as leve:
        deconnecte(jeton, vus)
    assert (leve.value.code, vus.vus) == (code, set())


@pytest.mark.cas("psc-78")
def test_a_logout_token_serves_once():
    vus, jeton = Vus(), signe(forge.deconnexion(exp=MAINTENANT + 60))
    assert deconnecte(jeton, vus).sid == "s1"
    with pytest.raises(InvalidReply) as leve:
        deconnecte(jeton, vus)
    assert leve.value.code == "jeton_rejoue"


# Signed UserInfo.


def test_a_signed_userinfo_is_read_when_it_is_for_us():
    lu = validate_userinfo(signe({"iss": EMETTEUR, "aud": CLIENT, "sub": SUB}), PAIR, CLES)
    assert lu["sub"] == SUB
    for faux in ({"iss": EMETTEUR, "aud": "autre"}, {"aud": CLIENT}):
        with pytest.raises(InvalidReply):
            validate_userinfo(signe({**faux, "sub": SUB}), PAIR, CLES)
    with pytest.raises(InvalidReply):
        validate_userinfo(forge.sans_signature(membres()), PAIR, CLES)


# The key set.


@pytest.mark.parametrize(
    "ecarte",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"kid": 7},
        {"alg": 7},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "n": "AQAB"},
        {"n": "é"},
        {"n": 7},
        {"e": None},
        {"n": "A" * 2000},
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ],
)
def test_a_key_that_may_not_verify_is_left_out(ecarte):
    cles = parse_jwks(forge.jwks(forge.jwk("k1"), forge.jwk("k2", **ecarte), 7))
    assert [cle.kid for cle in cles] == ["k1"]


def test_a_short_key_is_left_out():
    court = forge.jwk("court", 1024)
    assert [c.kid for c in parse_jwks(forge.jwks(forge.jwk("k1"), court))] == ["k1"]


@pytest.mark.parametrize(
    "octets", [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [7]}']
)
def test_a_set_without_any_key_of_use_is_no_set(octets):
    with pytest.raises(InvalidReply) as leve:
        parse_jwks(octets)
    assert leve.value.code == "psc_document"


def test_a_key_bound_to_another_algorithm_or_family_is_not_taken():
    cles = parse_jwks(forge.jwks(forge.jwk("k1", alg="PS256"), forge.jwk_ec("e1")))
    assert select(cles, "k1", "RS256") is None
    assert select(cles, "e1", "RS256") is None
    assert select(cles, "e1", "HS256") is None
    assert select(cles, "k1", "PS256").kid == "k1"


def test_two_keys_of_one_name_are_none():
    cles = parse_jwks(forge.jwks(forge.jwk("k1"), forge.jwk("k2", kid="k1")))
    assert select(cles, "k1", "RS256") is None


# The certificate bound to a token.


@pytest.mark.cas("psc-96")
def test_both_writings_of_a_certificate_s_digest_are_one_certificate():
    der = b"certificat d'essai"
    ans = base64.b64encode(hashlib.sha256(der).hexdigest().encode()).decode()
    norme = forge.b64(hashlib.sha256(der).digest())
    assert ans.endswith("=")
    for empreinte in (ans, norme, norme + "="):
        assert is_same_certificate(empreinte, der)
        assert not is_same_certificate(empreinte, b"autre")
    assert not is_same_certificate("", der)
    assert not is_same_certificate("é\ud800", der)


@pytest.mark.donnees_partagees
@pytest.mark.cas("psc-96")
def test_the_digest_of_the_genuine_token_is_written_in_the_way_of_the_ans(partage):
    lu = json.loads((partage / "data/psc/genuine/token-exchange-reponse-decodee.json").read_text())
    empreinte = lu["access_token"]["claims"]["cnf"]["x5t#S256"]
    hexa = base64.b64decode(empreinte).decode()
    assert len(bytes.fromhex(hexa)) == 32
    assert not is_same_certificate(empreinte, b"")


def test_each_code_has_a_sentence_and_a_next_step():
    for code, ligne in CODES.items():
        assert ligne.message.endswith("."), code
        assert ligne.geste.endswith("."), code
        erreur = error_of(code)
        assert erreur.code == code
        assert "veuillez" not in erreur.message_fr.lower()
