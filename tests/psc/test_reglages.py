"""Settings: typed, complete, of the right environment, or the start stops with a sentence."""

from datetime import timedelta

import pytest

from config.checks import stop_on_error
from psc.checks import check_psc, issuer_problem
from psc.reglages import environnement, is_complete, missing, read_limites, read_reglages
from psc.services.acces import psc_client

BAS = "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"
PROD = "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet"
LOCAL = "https://127.0.0.1:8443/auth/realms/esante-wallet"


@pytest.fixture
def regle(settings):
    """A simulator's settings, whole."""
    settings.PSC_ACTIF = True
    settings.PSC_EMETTEUR = LOCAL
    settings.PSC_HOTES = ["127.0.0.1:8443", "LOCALHOST:8444"]
    settings.PSC_CLIENT_ID = "comptoir"
    settings.PSC_CLIENT_SECRET = "secret-du-client"
    settings.PSC_REDIRECTION = "http://127.0.0.1:8000/psc/callback"
    settings.PSC_APRES_DECONNEXION = "http://127.0.0.1:8000/psc/bye"
    return settings


def codes():
    return [message.id for message in check_psc()]


def test_whole_settings_pass_and_make_a_client(regle):
    assert codes() == []
    assert environnement() == "simulateur"
    reglages = psc_client().reglages
    assert (reglages.pair.emetteur, reglages.pair.client_id) == (LOCAL, "comptoir")
    assert reglages.hotes == {"127.0.0.1:8443", "localhost:8444"}
    assert (reglages.secret, reglages.authentification) == (
        "secret-du-client",
        "client_secret_basic",
    )
    assert (reglages.pair.algorithmes, reglages.pair.marge_s) == (("RS256",), 30)
    assert reglages.pair.acr == {"eidas1", "eidas2", "eidas3"}
    assert (reglages.prompt_login, reglages.age_max_s) == (True, 0)
    assert "secret-du-client" not in repr(reglages)


def test_switched_off_nothing_is_checked_and_nothing_is_needed(settings):
    assert settings.PSC_ACTIF is False
    assert codes() == []


def test_with_a_certificate_no_secret_leaves(regle, tls):
    regle.PSC_AUTHENTIFICATION = "certificat"
    assert missing() == ["COMPTOIR_PSC_CERTIFICAT", "COMPTOIR_PSC_CLE"]
    regle.PSC_CERTIFICAT = str(tls / "insi-manu.pem")
    regle.PSC_CLE = str(tls / "insi-manu.key")
    assert is_complete()
    assert (read_reglages().secret, read_reglages().authentification) == ("", "none")


@pytest.mark.parametrize(
    "nom",
    [
        "PSC_EMETTEUR",
        "PSC_CLIENT_ID",
        "PSC_CLIENT_SECRET",
        "PSC_REDIRECTION",
        "PSC_APRES_DECONNEXION",
    ],
)
def test_what_is_missing_is_named_and_stops_the_start(regle, nom):
    setattr(regle, nom, "")
    assert codes() == ["psc.E001"]
    with pytest.raises(SystemExit, match=f"psc.E001 : COMPTOIR_{nom} est vide"):
        stop_on_error()


@pytest.mark.cas("psc-82")
@pytest.mark.parametrize(
    ("env", "emetteur", "bon"),
    [
        ("production", PROD, True),
        ("production", BAS, False),
        ("production", LOCAL, False),
        ("bac_a_sable", BAS, True),
        ("bac_a_sable", PROD, False),
        ("bac_a_sable", LOCAL, False),
        ("simulateur", LOCAL, True),
        ("simulateur", BAS, False),
        ("simulateur", PROD, False),
    ],
)
def test_the_issuer_of_another_environment_stops_the_start(regle, env, emetteur, bon):
    assert (issuer_problem(env, emetteur) == "") is bon
    regle.ENVIRONNEMENT = env
    regle.PSC_EMETTEUR = emetteur
    regle.PSC_HOTES = [emetteur.split("/")[2]]
    regle.PSC_REDIRECTION = regle.PSC_APRES_DECONNEXION = "https://officine.exemple.test/psc"
    assert codes() == ([] if bon else ["psc.E003"])


def test_addresses_are_https_and_on_an_allowed_host(regle):
    regle.PSC_HOTES = ["127.0.0.1"]
    assert codes() == ["psc.E002"]
    regle.PSC_HOTES = ["127.0.0.1:8443"]
    regle.PSC_EMETTEUR = LOCAL.replace("https", "http")
    assert codes() == ["psc.E002"]
    regle.PSC_EMETTEUR = LOCAL
    regle.PSC_REDIRECTION = "javascript:alert(1)"
    assert codes() == ["psc.E002"]
    regle.ENVIRONNEMENT = "production"
    regle.PSC_EMETTEUR = PROD
    regle.PSC_HOTES = ["auth.esw.esante.gouv.fr", "http://127.0.0.1:8081"]
    assert codes() == ["psc.E002", "psc.E002", "psc.E002"]
    regle.PSC_HOTES = ["auth.esw.esante.gouv.fr"]
    regle.PSC_REDIRECTION = "http://officine.exemple.test/psc"
    assert codes() == ["psc.E002", "psc.E002"]


@pytest.mark.cas("psc-39")
@pytest.mark.parametrize("algorithmes", [["HS256"], ["RS256", "none"], []])
def test_an_algorithm_that_can_be_forged_stops_the_start(regle, algorithmes):
    regle.PSC_ALGORITHMES = algorithmes
    assert codes() == ["psc.E004"]


def test_sessions_in_the_cookie_stop_the_start(regle):
    regle.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert codes() == ["psc.E005"]


@pytest.mark.cas("psc-93")
def test_a_certificate_that_is_over_or_unreadable_stops_the_start(regle, tls, monkeypatch):
    from psc import checks

    regle.PSC_AUTHENTIFICATION = "certificat"
    regle.PSC_CLE = str(tls / "insi-manu.key")
    regle.PSC_CERTIFICAT = str(tls / "absent.pem")
    assert codes() == ["psc.E006"]
    regle.PSC_CERTIFICAT = str(tls / "insi-manu.pem")
    assert codes() == []
    fin = checks.read_certificate(regle.PSC_CERTIFICAT).expire_le
    for reste, attendu in ((timedelta(days=-1), "psc.E006"), (timedelta(days=59), "psc.W001")):
        monkeypatch.setattr(checks.timezone, "now", lambda reste=reste: fin - reste)
        assert codes() == [attendu]


@pytest.mark.exigence("PSC-11")
def test_the_life_of_a_session_is_only_ever_lowered(regle, monkeypatch):
    import runpy

    from tests.conftest import RACINE

    regle.PSC_DUREE_MAX_S, regle.PSC_INACTIVITE_MAX_S = 3600, 600
    limites = read_limites()
    assert (limites.duree, limites.inactivite) == (timedelta(hours=1), timedelta(minutes=10))
    for nom, trop in (("PSC_DUREE_MAX_S", "14401"), ("PSC_INACTIVITE_MAX_S", "1801")):
        with monkeypatch.context() as env:
            env.setenv(f"COMPTOIR_{nom}", trop)
            with pytest.raises(SystemExit, match=nom):
                runpy.run_path(str(RACINE / "config/settings.py"))
