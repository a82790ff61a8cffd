"""Cookies, headers and the life of a session, under the settings of production really loaded."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import RACINE

pytestmark = [pytest.mark.exigence("SEC-10")]
# Each answer that a browser keeps or shows.
REPONSES = [
    *("page", "sans_jeton", "d_ailleurs", "connexion", "dedans", "sortie", "apres"),
    *("autre_nom", "localhost", "sonde", "statique", "absente"),
]


@pytest.fixture(scope="module")
def vu(django_db_setup):
    """What a process under the production settings answered to a browser."""
    from cryptography.fernet import Fernet

    cles = {"CLES_CHIFFREMENT", "CLE_EMPREINTE", "CLE_AGENT", "CLES_SCEAU", "CLE_SECRETE"}
    manquent = {
        f"COMPTOIR_{nom}": Fernet.generate_key().decode()
        for nom in cles
        if not {f"COMPTOIR_{nom}", f"COMPTOIR_{nom}_FILE"} & set(os.environ)
    }
    sorti = subprocess.run(
        [sys.executable, "-m", "tests.config.en_production"],
        cwd=RACINE,
        env=os.environ
        | manquent
        | {
            "COMPTOIR_ENVIRONNEMENT": "production",
            "COMPTOIR_ADRESSE": "https://comptoir.exemple.fr",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert sorti.returncode == 0, sorti.stderr
    return json.loads(sorti.stdout.splitlines()[-1])


def test_it_is_production(vu):
    assert vu["environnement"] == "production"
    assert not vu["debug"]
    assert vu["poste_automatique"] == ""


@pytest.mark.parametrize("nom", REPONSES)
def test_every_answer_asks_for_tls_for_two_years_and_for_all_that_is_under(vu, nom):
    entetes = vu[nom]["entetes"]
    assert entetes["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert entetes["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in entetes["content-security-policy"]
    assert "unsafe" not in entetes["content-security-policy"]
    assert "ws://127.0.0.1" in entetes["content-security-policy"]
    assert "wss://comptoir.exemple.fr" in entetes["content-security-policy"]
    assert "access-control-allow-origin" not in entetes
    assert (entetes.get("cache-control") == "no-store") is (nom != "statique")


@pytest.mark.parametrize("nom", ["page", "connexion", "sortie", "poste"])
def test_a_cookie_is_held_to_this_host_to_https_and_out_of_scripts(vu, nom):
    cookies = vu[nom]["cookies"]
    assert cookies
    for cookie in cookies:
        assert cookie.startswith(("__Host-comptoir_session=", "__Host-comptoir_poste="))
        attributs = {a.strip().split("=")[0].lower(): a.strip() for a in cookie.split(";")[1:]}
        assert {"secure", "path", "samesite"} <= set(attributs)
        assert attributs["path"] == "Path=/"
        assert attributs["samesite"] == "SameSite=Lax"
        assert "domain" not in attributs
        assert "httponly" in attributs or 'session=""' in cookie
        assert len(cookie) < 4096


def test_a_sign_in_gives_another_key_and_a_sign_out_ends_it_on_the_server(vu):
    nom = "__Host-comptoir_session"
    avant, apres = (vu[etape]["temoins"][nom] for etape in ("page", "connexion"))
    assert vu["connexion"]["statut"] == 302
    assert avant != apres
    assert len(apres) >= 32
    assert vu["dedans"]["statut"] == 200
    assert vu["sortie"]["temoins"][nom] == ""
    assert not vu["session_restante"]
    assert vu["apres"]["statut"] == 302
    assert vu["apres"]["entetes"]["location"].startswith("/connexion/")


def test_a_form_from_elsewhere_or_without_its_token_opens_nothing(vu):
    assert vu["sans_jeton"]["statut"] == vu["d_ailleurs"]["statut"] == 403


def test_the_product_answers_to_its_address_and_the_probe_to_the_machine(vu):
    assert vu["autre_nom"]["statut"] == vu["localhost"]["statut"] == 400
    assert vu["sonde"]["statut"] in {200, 503}


def test_what_is_for_developers_is_not_there(vu):
    assert vu["absente"]["statut"] == 404
    assert vu["vitrine"]["statut"] in {302, 404}


def test_a_session_asks_again_after_half_a_day(vu):
    assert vu["duree_s"] == 12 * 3600
