"""One relying party, two providers: our simulator, and one that nobody here wrote (psc.md §6.1).

Every test is played against both, by the same code of the product. What cannot be the same is at
the end, each difference with its reason and looked at on both sides.
"""

import ssl
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from psc.echanges import Cible, begin
from psc.jetons import Attente, is_same_certificate, validate_id_token, validate_logout_token
from psc.rules.situation import IdentifiantsOfficine, choose
from psc.rules.userinfo import parse_userinfo
from teleservices.errors import NotReady, TeleserviceError
from tests.psc.pairs import (
    ALICE,
    AUTRE_SECRET,
    BRUNO,
    GENS,
    PAR_CERTIFICAT,
    PAR_SECRET,
    Fournisseurs,
    arrive,
    changed,
    come_back,
    document,
)
from tests.simulators.client_psc import FIN, RETOUR, peek
from tests.simulators.test_psc_deconnexion import Ecoute

pytestmark = [pytest.mark.cas("psc-98"), pytest.mark.exigence("PSC-10")]
OFFICINE = IdentifiantsOfficine("0B0330011")
PERSONNE = "01010101010"


@pytest.fixture(scope="module")
def fournisseurs(tls, tmp_path_factory):
    """Both providers, and the door where they say that a session is over."""
    ecoute = Ecoute()
    fournisseurs = Fournisseurs(tls, tmp_path_factory.mktemp("pairs"), ecoute)
    yield fournisseurs
    fournisseurs.stop()
    ecoute.close()


@pytest.fixture(params=["simulateur", "independant"])
def pair(request, fournisseurs, partage):
    """A provider gone back to its start."""
    pair = fournisseurs.get(request.param, partage)
    pair.begin()
    yield pair
    pair.end()


@pytest.fixture
def client(pair):
    """A relying party that has a secret."""
    return pair.client()


@pytest.fixture
def visiteur(pair):
    """Someone at a browser."""
    return pair.visitor()


def refus(appel, *args):
    with pytest.raises(TeleserviceError) as leve:
        appel(*args)
    return leve.value.code


def is_dead(client, authentifie):
    """Nothing is left of a session: neither token, and none can be had."""
    jetons = authentifie.jetons
    return (
        not client.introspect(jetons.acces)
        and refus(client.userinfo, jetons.acces, authentifie.preuve) == "jeton_perime"
        and refus(client.renew, jetons, authentifie.preuve, jetons.recu_le) == "session_terminee"
    )


# Discovery.


def test_the_document_at_the_name_of_the_ans_gives_every_operation(client, pair):
    lu = client.metadonnees()
    assert lu.emetteur == pair.decouverte.removesuffix("/.well-known/wallet-openid-configuration")
    assert lu.emetteur.endswith("/auth/realms/esante-wallet")
    oidc = f"{lu.emetteur}/protocol/openid-connect"
    assert lu.autorisation.endswith("/auth")
    assert not lu.autorisation.startswith(oidc)
    assert (lu.jetons, lu.userinfo) == (f"{oidc}/token", f"{oidc}/userinfo")
    assert (lu.jwks, lu.introspection) == (f"{oidc}/certs", f"{oidc}/token/introspect")
    assert lu.revocation == f"{oidc}/revoke"
    # Ours is at the browsers' door, which may be without TLS for a demonstration.
    assert urlsplit(lu.deconnexion).path == urlsplit(f"{oidc}/logout").path
    assert lu.ciba == f"{oidc}/ext/ciba/auth"
    assert lu.iss_au_retour


# The code flow.

SITUATIONS = {
    ALICE: ("99700900014", "automatique"),
    BRUNO: ("99700900022", "automatique"),
    "899700900030": ("99700900030", "automatique"),
    "899700900048": ("99700900048", "non_rattachee"),
    "899700900055": ("99700900055", "automatique"),
    "899700900063": ("99700900063", "sans_activite"),
    "d2c6b2a4-83a1-4d4b-94e8-73982a9600a1": ("99700900071", "non_rattachee"),
    "30B0330011/CPE0001": ("", "sans_activite"),
}


@pytest.mark.exigence("PSC-03")
@pytest.mark.cas("psc-1", "psc-2", "psc-3", "psc-4", "psc-5", "psc-6", "psc-7", "psc-8")
@pytest.mark.parametrize("national", GENS)
def test_each_professional_signs_in_and_is_who_the_document_says(
    national, client, visiteur, partage
):
    authentifie = arrive(client, visiteur, national)
    identite = authentifie.identite
    assert identite == parse_userinfo(document(partage, national))
    assert authentifie.preuve.sub == identite.sub
    assert authentifie.preuve.national == identite.national == national
    assert authentifie.preuve.acr == "eidas1"
    assert abs(authentifie.preuve.authentifie_le - time.time()) < 30
    choix = choose(identite.exercices, OFFICINE)
    assert (identite.rpps, choix.issue) == SITUATIONS[national]
    if choix.retenue:
        assert choix.retenue.activite.finess == OFFICINE.finess


@pytest.mark.parametrize("authentification", ["client_secret_basic", "client_secret_post", "none"])
def test_each_authentication_of_the_client_is_believed(authentification, pair, visiteur):
    client = pair.client(authentification)
    authentifie = arrive(client, visiteur)
    jetons = authentifie.jetons
    assert 60 <= jetons.expire_s <= 120
    neufs = client.renew(jetons, authentifie.preuve, jetons.recu_le)
    assert neufs.acces != jetons.acces
    assert client.introspect(neufs.acces)
    assert client.userinfo(neufs.acces, authentifie.preuve) == authentifie.identite


def test_the_way_back_says_its_issuer_and_the_state_that_left(client, visiteur):
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    assert (retour.etat, retour.erreur) == (depart.etat, "")
    assert retour.emetteur == client.metadonnees().emetteur
    faux = replace(retour, emetteur=retour.emetteur + "/autre")
    assert refus(client.finish, faux, depart) == "retour_emetteur"
    assert refus(client.finish, replace(retour, emetteur=""), depart) == "retour_emetteur"
    assert client.finish(retour, depart).identite.national == ALICE


@pytest.mark.cas("psc-30")
def test_a_code_serves_once_and_a_second_time_takes_its_tokens_away(client, visiteur):
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    authentifie = client.finish(retour, depart)
    assert refus(client.finish, retour, depart) == "demande_refusee"
    assert is_dead(client, authentifie)


def test_a_code_is_worth_nothing_after_a_minute(pair, client, visiteur):
    depart = begin(pair.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    pair.pass_by(76)
    assert refus(client.finish, retour, depart) == "demande_refusee"


def test_a_code_is_worth_nothing_without_its_verifier_nor_to_another_service(
    pair, client, visiteur
):
    autre = pair.client(client_id=AUTRE_SECRET)
    for qui, change in ((client, {"verifieur": "v" * 64}), (autre, {})):
        depart = begin(time.time())
        retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
        assert refus(qui.finish, retour, replace(depart, **change)) == "demande_refusee"


def test_a_code_is_worth_nothing_with_another_way_back(pair, client, visiteur):
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    autre = pair.client(redirection=RETOUR + "/")
    assert refus(autre.finish, retour, depart) == "demande_refusee"


@pytest.mark.cas("psc-36")
def test_a_real_token_with_the_nonce_of_another_attempt_is_refused(client, visiteur):
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    faux = replace(depart, nonce=begin(0).nonce)
    assert refus(client.finish, retour, faux) == "jeton_nonce"


@pytest.mark.parametrize("faits", [{"secret": "faux"}, {"client_id": "inconnu"}])
def test_a_service_that_does_not_prove_itself_is_refused(faits, pair, client, visiteur):
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    for authentification in ("client_secret_basic", "client_secret_post"):
        faux = pair.client(authentification, **faits)
        with pytest.raises(NotReady) as leve:
            faux.finish(retour, depart)
        assert leve.value.code == "client_refuse"


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://mal.invalid/"},
        {"redirect_uri": RETOUR + "/"},
        {"redirect_uri": RETOUR + "?x=1"},
        {"redirect_uri": FIN},
        {"client_id": "inconnu"},
    ],
)
def test_an_undeclared_address_or_service_is_a_page_and_sends_nowhere(change, client, visiteur):
    page = visiteur.page(changed(client.authorization_url(begin(0)), **change))
    assert page.status_code == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"response_type": "inconnu"}, "retour_refuse"),
        ({"scope": "scope_all"}, "retour_refuse"),
        ({"code_challenge_method": "plain"}, "retour_refuse"),
        ({"code_challenge": "court"}, "retour_refuse"),
        ({"prompt": "none login"}, "retour_refuse"),
        ({"max_age": "-1"}, "retour_refuse"),
        ({"request": "e30.e30."}, "retour_refuse"),
        ({"request_uri": "https://mal.invalid/"}, "retour_refuse"),
    ],
)
def test_a_wrong_request_comes_back_as_an_error_with_its_state(change, code, client, visiteur):
    depart = begin(0)
    retour = come_back(visiteur.leave(changed(client.authorization_url(depart), **change)))
    assert (retour.etat, retour.code) == (depart.etat, "")
    assert refus(client.finish, retour, depart) == code


# Who is asked again.


@pytest.mark.cas("psc-35")
def test_who_cancels_comes_back_without_a_code(client, visiteur):
    depart = begin(0)
    page = visiteur.page(client.authorization_url(depart))
    retour = come_back(visiteur.click(page, annuler="oui"))
    assert (retour.erreur, retour.etat) == ("access_denied", depart.etat)
    assert refus(client.finish, retour, depart) == "retour_annule"


def test_nobody_is_asked_with_prompt_none(pair, client, visiteur):
    sans = pair.client(prompt_login=False, age_max_s=None)
    depart = begin(time.time())
    adresse = changed(sans.authorization_url(depart), prompt="none")
    retour = come_back(visiteur.leave(adresse))
    assert refus(sans.finish, retour, depart) == "retour_recommencer"
    arrive(client, visiteur)
    retour = come_back(visiteur.leave(adresse))
    assert sans.finish(retour, depart).identite.national == ALICE


@pytest.mark.cas("psc-60")
def test_a_browser_that_holds_a_session_is_asked_again_and_may_be_another(pair, client, visiteur):
    arrive(client, visiteur)
    # As the product asks, on a shared workstation: the page, whoever was there.
    assert arrive(client, visiteur, BRUNO).identite.national == BRUNO
    # Without it the session answers in silence; a freshness that was wanted is then not proved.
    pair.pass_by(100)
    sans = pair.client(prompt_login=False, age_max_s=None)
    depart = begin(pair.time())
    retour = come_back(visiteur.leave(sans.authorization_url(depart)))
    assert refus(client.finish, retour, depart) == "jeton_authentification"


def test_the_age_of_a_sign_in_decides_who_is_asked(pair, client, visiteur):
    arrive(client, visiteur)
    pair.pass_by(200)
    jeune, vieux = (pair.client(prompt_login=False, age_max_s=s) for s in (600, 100))
    depart = begin(pair.time())
    retour = come_back(visiteur.leave(jeune.authorization_url(depart)))
    authentifie = jeune.finish(retour, depart)
    assert 190 < pair.time() - authentifie.preuve.authentifie_le < 230
    # `arrive` wants the page.
    assert abs(arrive(vieux, visiteur).preuve.authentifie_le - pair.time()) < 30


# Tokens.


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-67", "psc-69")
def test_a_renewal_turns_the_token_and_the_former_one_ends_everything(client, visiteur):
    authentifie = arrive(client, visiteur)
    anciens = authentifie.jetons
    neufs = client.renew(anciens, authentifie.preuve, anciens.recu_le)
    assert neufs.renouvellement != anciens.renouvellement
    assert client.introspect(neufs.renouvellement)
    derniers = client.renew(neufs, authentifie.preuve, anciens.recu_le)
    assert refus(client.renew, neufs, authentifie.preuve, anciens.recu_le) == "session_terminee"
    assert is_dead(client, replace(authentifie, jetons=derniers))


def test_an_access_token_lives_two_minutes_and_a_renewal_thirty(pair, client, visiteur):
    authentifie = arrive(client, visiteur)
    jetons = authentifie.jetons
    pair.pass_by(136)
    assert not client.introspect(jetons.acces)
    assert refus(client.userinfo, jetons.acces, authentifie.preuve) == "jeton_perime"
    neufs = client.renew(jetons, authentifie.preuve, jetons.recu_le)
    assert client.userinfo(neufs.acces, authentifie.preuve) == authentifie.identite
    pair.pass_by(1816)
    assert refus(client.renew, neufs, authentifie.preuve, jetons.recu_le) == "session_terminee"


def test_a_narrower_renewal_opens_less_and_the_next_one_everything_again(pair, client, visiteur):
    authentifie = arrive(client, visiteur)
    jetons, preuve = authentifie.jetons, authentifie.preuve
    etroits = pair.client(scope="openid").renew(jetons, preuve, jetons.recu_le)
    identite = client.userinfo(etroits.acces, preuve)
    assert (identite.national, identite.exercices, identite.nom) == (ALICE, (), "")
    entiers = client.renew(etroits, preuve, jetons.recu_le)
    assert client.userinfo(entiers.acces, preuve) == authentifie.identite


def test_a_renewal_is_for_the_service_that_signed_in(pair, client, visiteur):
    authentifie = arrive(client, visiteur)
    autre = pair.client(client_id=AUTRE_SECRET)
    jetons = authentifie.jetons
    assert refus(autre.renew, jetons, authentifie.preuve, jetons.recu_le) == "session_terminee"


def test_a_revoked_access_token_opens_nothing(client, visiteur):
    authentifie = arrive(client, visiteur)
    jetons = authentifie.jetons
    client.revoke(jetons.acces)
    assert not client.introspect(jetons.acces)
    assert refus(client.userinfo, jetons.acces, authentifie.preuve) == "jeton_perime"
    client.revoke("inconnu")


def test_a_revoked_renewal_takes_everything_with_it(client, visiteur):
    authentifie = arrive(client, visiteur)
    client.revoke(authentifie.jetons.renouvellement)
    assert is_dead(client, authentifie)


def test_what_is_not_a_token_is_inactive_and_opens_nothing(client, visiteur):
    authentifie = arrive(client, visiteur)
    assert not client.introspect("inconnu")
    for faux in ("inconnu", "e30.e30.", authentifie.jetons.identite):
        assert refus(client.userinfo, faux, authentifie.preuve) == "jeton_perime"
    renouvellement = authentifie.jetons.renouvellement
    assert refus(client.userinfo, renouvellement, authentifie.preuve) == "jeton_perime"


@pytest.mark.cas("psc-47")
def test_the_access_token_of_another_is_not_that_of_the_proof(pair, client, visiteur):
    alice, bruno = arrive(client, visiteur), arrive(client, pair.visitor(), BRUNO)
    assert refus(client.userinfo, bruno.jetons.acces, alice.preuve) == "userinfo_sujet"


@pytest.mark.cas("psc-37", "psc-46")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": AUTRE_SECRET}, "jeton_audience"),
        ({"emetteur": "https://mal.invalid"}, "jeton_emetteur"),
        ({"acr": frozenset({"eidas3"})}, "jeton_acr"),
        ({"algorithmes": ("ES256",)}, "jeton_algorithme"),
    ],
)
def test_a_real_token_meant_otherwise_is_refused(change, code, client, visiteur):
    authentifie = arrive(client, visiteur)
    recu = authentifie.jetons
    attente = Attente(time.time(), recu.recu_le, jeton_acces=recu.acces)
    notre, jeton = client.reglages.pair, authentifie.jetons.identite
    assert validate_id_token(jeton, notre, client.cles, attente).sub == authentifie.preuve.sub
    autre = replace(notre, **change)
    assert refus(validate_id_token, jeton, autre, client.cles, attente) == code


# The end.


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-74")
def test_a_browser_ends_its_session_and_comes_back_with_its_state(client, visiteur):
    authentifie = arrive(client, visiteur)
    adresse = client.end_session_url(authentifie.jetons.identite, "etat-de-fin")
    assert visiteur.leave(adresse) == f"{FIN}?state=etat-de-fin"
    assert is_dead(client, authentifie)
    sans = changed(client.authorization_url(begin(0)), prompt=None, max_age=None)
    assert visiteur.page(sans).status_code == 200


def test_a_session_ends_by_an_old_hint_and_once_over_the_way_back_is_the_same(
    pair, client, visiteur
):
    authentifie = arrive(client, visiteur)
    pair.pass_by(1200)
    neufs = client.renew(authentifie.jetons, authentifie.preuve, authentifie.jetons.recu_le)
    adresse = client.end_session_url(authentifie.jetons.identite, "etat-de-fin")
    for _ in range(2):
        assert visiteur.leave(adresse) == f"{FIN}?state=etat-de-fin"
    assert is_dead(client, replace(authentifie, jetons=neufs))


def test_the_end_in_a_browser_is_for_every_service_of_the_session(pair, client, visiteur):
    authentifie = arrive(client, visiteur)
    autre = pair.client(client_id=AUTRE_SECRET, prompt_login=False, age_max_s=None)
    depart = begin(pair.time())
    commun = autre.finish(come_back(visiteur.leave(autre.authorization_url(depart))), depart)
    ailleurs = arrive(client, pair.visitor())
    visiteur.leave(autre.end_session_url(commun.jetons.identite, "x"))
    assert is_dead(client, authentifie)
    assert is_dead(autre, commun)
    assert client.introspect(ailleurs.jetons.acces)


@pytest.mark.parametrize(
    "change",
    [
        {"post_logout_redirect_uri": "https://mal.invalid/"},
        {"post_logout_redirect_uri": RETOUR},
        {"id_token_hint": "pas-un-jeton"},
        {"client_id": AUTRE_SECRET},
    ],
)
def test_a_wrong_end_is_a_page_and_ends_nothing(change, client, visiteur):
    authentifie = arrive(client, visiteur)
    adresse = client.end_session_url(authentifie.jetons.identite, "etat-de-fin")
    assert visiteur.page(changed(adresse, **change)).status_code == 400
    assert client.introspect(authentifie.jetons.acces)


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-77", "psc-78")
def test_the_end_is_told_to_the_service_by_a_token_that_is_believed_once(pair, client, visiteur):
    authentifie = arrive(client, visiteur)
    visiteur.leave(client.end_session_url(authentifie.jetons.identite, "etat-de-fin"))
    jeton = pair.told(authentifie.preuve.sid)
    vus = []

    def deja_vu(jti):
        vus.append(jti)
        return vus.count(jti) > 1

    attente = (client.reglages.pair, client.cles, time.time(), deja_vu)
    fin = validate_logout_token(jeton, *attente)
    assert fin.sub == authentifie.preuve.sub
    assert fin.sid == authentifie.preuve.sid != ""
    assert refus(validate_logout_token, jeton, *attente) == "jeton_rejoue"
    autre = replace(client.reglages.pair, client_id=AUTRE_SECRET)
    assert refus(validate_logout_token, jeton, autre, *attente[1:]) == "jeton_audience"
    tard = (*attente[:2], time.time() + 1200, deja_vu)
    assert refus(validate_logout_token, jeton, *tard) in {"jeton_date", "jeton_expire"}
    assert len(vus) == 2
    # Neither is the other: a logout token opens nothing, an identity token closes nothing.
    attendu = Attente(time.time(), authentifie.jetons.recu_le)
    assert refus(validate_id_token, jeton, *attente[:2], attendu) == "jeton_genre"
    identite = authentifie.jetons.identite
    assert refus(validate_logout_token, identite, *attente) == "jeton_genre"


# The telephone.


@pytest.mark.exigence("PSC-08")
@pytest.mark.cas("psc-83", "psc-84", "psc-87")
@pytest.mark.parametrize("authentification", ["client_secret_basic", "none"])
def test_a_telephone_rings_with_the_number_and_approves_once(authentification, pair):
    client = pair.client(authentification)
    demande = client.ciba_start(ALICE[1:], "47", "CARD")
    appel = pair.call("47")
    assert (appel["identifiant"], appel["canal"]) == (ALICE, "CARD")
    assert demande.expire_s == 120
    assert client.ciba_poll(demande).issue == "en_attente"
    pair.press("47", "approuver")
    pair.pass_by(6)
    authentifie = client.ciba_poll(demande).authentifie
    assert authentifie.identite.national == authentifie.preuve.national == ALICE
    assert authentifie.preuve.acr == "eidas1"
    jetons = client.renew(authentifie.jetons, authentifie.preuve, demande.debut)
    assert client.userinfo(jetons.acces, authentifie.preuve) == authentifie.identite
    pair.pass_by(6)
    assert refus(client.ciba_poll, demande) == "ciba_perdu"


@pytest.mark.cas("psc-86")
def test_a_refusal_on_the_telephone_is_told_once(pair, client):
    demande = client.ciba_start(BRUNO[1:], "12")
    pair.press("12", "refuser")
    assert refus(client.ciba_poll, demande) == "ciba_refuse"
    pair.pass_by(6)
    assert refus(client.ciba_poll, demande) == "ciba_perdu"


@pytest.mark.cas("psc-86")
def test_a_request_that_nobody_answers_expires_there_too(pair):
    client = pair.client(horloge=time.time)
    demande = client.ciba_start(ALICE[1:], "12")
    pair.pass_by(130)
    assert refus(client.ciba_poll, demande) == "ciba_expire"


@pytest.mark.cas("psc-91")
def test_a_telephone_rings_for_nobody_unknown(client):
    assert refus(client.ciba_start, PERSONNE, "12") == "ciba_inconnu"


@pytest.mark.parametrize("numero", ["", "4", "047", "ab", "4\u0664"])
def test_a_number_that_is_not_two_digits_rings_nowhere(numero, pair, client):
    assert refus(client.ciba_start, ALICE[1:], numero) == "demande_refusee"
    assert pair.processus.get("/telephones") == []


@pytest.mark.cas("psc-85")
def test_a_request_is_for_who_made_it(pair, client):
    autre = pair.client(client_id=AUTRE_SECRET)
    demande = client.ciba_start(ALICE[1:], "12")
    pair.press("12", "approuver")
    assert refus(autre.ciba_poll, demande) == "ciba_perdu"
    inconnue = replace(demande, identifiant="inconnue")
    assert refus(client.ciba_poll, inconnue) == "ciba_perdu"
    # Approved by the person called, but not by the one that we wanted.
    assert refus(client.ciba_poll, replace(demande, rpps=BRUNO[1:])) == "ciba_autre_personne"


# The certificate.


@pytest.mark.exigence("PSC-14")
@pytest.mark.cas("psc-93")
@pytest.mark.parametrize("certificat", ["", "insi-auto", "refuse-autre-ac"])
def test_without_its_certificate_a_service_is_refused_everywhere(certificat, pair, visiteur):
    juste, faux = pair.client("none"), pair.client("none", certificat=certificat)
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(juste.authorization_url(depart)))
    assert refus(faux.finish, retour, depart) == "client_refuse"
    authentifie = arrive(juste, visiteur)
    jetons, preuve = authentifie.jetons, authentifie.preuve
    assert refus(faux.renew, jetons, preuve, depart.debut) == "client_refuse"
    assert refus(faux.introspect, jetons.acces) == "client_refuse"
    assert refus(faux.ciba_start, ALICE[1:], "12") == "client_refuse"
    # The token is bound: stolen, it opens nothing elsewhere.
    assert refus(faux.userinfo, jetons.acces, preuve) == "jeton_perime"
    assert juste.userinfo(jetons.acces, preuve) == authentifie.identite


@pytest.mark.exigence("PSC-14")
def test_a_secret_is_not_taken_from_a_service_that_has_a_certificate(pair, visiteur):
    juste = pair.client("none")
    faux = pair.client("client_secret_post", client_id=PAR_CERTIFICAT, certificat="psc-edc")
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(juste.authorization_url(depart)))
    assert refus(faux.finish, retour, depart) == "client_refuse"


@pytest.mark.exigence("PSC-14")
@pytest.mark.cas("psc-96")
def test_what_a_token_is_bound_to_is_our_certificate_in_the_writing_of_the_rfc(pair, tls, visiteur):
    client = pair.client("none")
    authentifie = arrive(client, visiteur)
    reponse = client._oauth().introspect_token(
        client.metadonnees().introspection, token=authentifie.jetons.acces
    )
    (empreinte,) = reponse.json()["cnf"].values()
    notre, autre = (
        ssl.PEM_cert_to_DER_cert((tls / f"{nom}.pem").read_text())
        for nom in ("psc-edc", "insi-auto")
    )
    assert is_same_certificate(empreinte, notre)
    assert not is_same_certificate(empreinte, autre)


# What cannot be the same (psc.md §6.1, end). Each is looked at on both sides.


def differs(pair, simulateur, independant):
    """What is awaited of each."""
    return {"simulateur": simulateur, "independant": independant}[pair.nom]


def test_difference_what_keycloak_alone_says_of_its_tokens(pair, client, visiteur):
    """An access token is a JWT there, opaque here; we read neither."""
    jetons = arrive(client, visiteur).jetons
    assert jetons.acces.count(".") == differs(pair, 2, 0)
    assert bool(jetons.session_state) is differs(pair, True, False)
    assert jetons.renouvellement_expire_s == differs(pair, 1800, None)
    membres = peek(jetons.identite)[1]
    assert (membres.get("typ"), membres.get("azp")) == differs(
        pair, ("ID", PAR_SECRET), (None, None)
    )


def test_difference_a_logout_token_is_named_by_its_header_or_by_a_claim(pair, client, visiteur):
    """Keycloak writes a claim « typ », the standard writes the header: both are believed."""
    authentifie = arrive(client, visiteur)
    visiteur.leave(client.end_session_url(authentifie.jetons.identite, "x"))
    entete, membres = peek(pair.told(authentifie.preuve.sid))
    assert (entete["typ"], membres.get("typ")) == differs(
        pair, ("JWT", "Logout"), ("logout+jwt", None)
    )
    assert ("exp" in membres) is differs(pair, False, True)


def test_difference_a_hint_alone_ends_a_session_at_keycloak_only(pair, client, visiteur):
    """Elsewhere the end is asked in the browser that holds the session; we are told it is not."""
    authentifie = arrive(client, visiteur)
    if differs(pair, simulateur=True, independant=False):
        client.end_session(authentifie.jetons.identite)
        assert is_dead(client, authentifie)
    else:
        assert refus(client.end_session, authentifie.jetons.identite) == "demande_refusee"
        assert client.introspect(authentifie.jetons.acces)


@pytest.mark.cas("psc-60")
def test_difference_who_comes_second_in_a_browser_ends_the_first_session_or_not(
    pair, client, visiteur
):
    """No page of the ANS says it. Where it ends, the service is told, and the product follows."""
    alice = arrive(client, visiteur)
    bruno = arrive(client, visiteur, BRUNO)
    assert alice.preuve.sid != bruno.preuve.sid
    assert client.introspect(bruno.jetons.acces)
    assert client.introspect(alice.jetons.acces) is differs(pair, True, False)
    if differs(pair, simulateur=False, independant=True):
        jeton = pair.told(alice.preuve.sid)
        attente = (client.reglages.pair, client.cles, time.time(), lambda _jti: False)
        assert validate_logout_token(jeton, *attente).sub == alice.preuve.sub


def test_difference_the_pace_of_the_polls_is_said_or_not(pair, client):
    """Without `interval` it is five seconds (CIBA, §7.3); the independent one never slows down."""
    demande = client.ciba_start(ALICE[1:], "12")
    assert demande.intervalle_s == differs(pair, 1, None)
    issues = [client.ciba_poll(demande).issue for _ in range(2)]
    assert issues == ["en_attente", differs(pair, "ralentir", "en_attente")]


def test_difference_a_wrong_verifier_burns_a_code_or_not(pair, client, visiteur):
    """Our simulator is the stricter: whoever presents a code burns it."""
    depart = begin(time.time())
    retour = come_back(visiteur.sign_in(client.authorization_url(depart)))
    faux = replace(depart, verifieur="v" * 64)
    assert refus(client.finish, retour, faux) == "demande_refusee"
    if differs(pair, simulateur=True, independant=False):
        assert refus(client.finish, retour, depart) == "demande_refusee"
    else:
        assert client.finish(retour, depart).identite.national == ALICE


def test_difference_revoking_an_access_token_takes_its_grant_or_not(pair, client, visiteur):
    """Both are allowed (RFC 7009 §2.1); the product revokes when it is over with a session."""
    authentifie = arrive(client, visiteur)
    client.revoke(authentifie.jetons.acces)
    assert client.introspect(authentifie.jetons.renouvellement) is differs(pair, True, False)


def test_difference_a_token_is_exchanged_at_keycloak_only(pair, visiteur):
    """RFC 8693 is not in the independent provider: it refuses the grant, and we say so."""
    client = pair.client("none")
    authentifie = arrive(client, visiteur)
    adresse = pair.processus.get("/adresses").get("echange", client.metadonnees().jetons)
    cible = Cible(adresse, "dmp")
    if differs(pair, simulateur=True, independant=False):
        assert client.exchange(authentifie.jetons.acces, cible).acces
    else:
        assert refus(client.exchange, authentifie.jetons.acces, cible) == "demande_refusee"
