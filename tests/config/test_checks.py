"""Keys and addresses of one environment in another: refused at the start, by a stable id."""

import os
import subprocess
import sys

import pytest

from config import checks
from tests.config.certificats import certificat
from tests.conftest import RACINE

REEL = "OFFICINE RÉELLE"
QUALIF = "https://qualiflps.services-ps.ameli.fr/lps"
VRAIE = "https://services-ps.ameli.fr/lps"
LOCALE = "https://127.0.0.1:4443/lps"
COMMANDES = {
    "web": ["uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", "0"],
    "travailleur": ["celery", "-A", "config.celery", "worker", "-P", "threads", "-c", "1"],
    "beat": ["celery", "-A", "config.celery", "beat", "--schedule", "{}/b", "--pidfile", ""],
}


@pytest.fixture
def reglages(settings, tmp_path):
    """A production that is in order; a test puts one thing wrong."""
    settings.ENVIRONNEMENT = "production"
    settings.ADRESSE = "https://comptoir.exemple.fr"
    settings.INSI_URL = settings.EPU_URL = settings.APCV_URL = settings.ADRI_URL = VRAIE
    settings.VITALE_CERTIFICAT = ""
    settings.INSI_CERTIFICAT = settings.TLS_AC = settings.CPS_AC = certificat(tmp_path, REEL)
    settings.INSI_CERTIFICAT_AUTO = ""
    assert codes() == []
    return settings


def codes():
    messages = [
        *checks.check_addresses(),
        *checks.check_certificates(),
        *checks.check_secrets(),
    ]
    return [m.id for m in messages]


@pytest.mark.exigence("OPS-14")
@pytest.mark.parametrize(
    ("environnement", "permise"),
    [("simulateur", LOCALE), ("bac_a_sable", QUALIF), ("production", VRAIE)],
)
@pytest.mark.parametrize("url", [LOCALE, "https://localhost/x", "https://[::1]:9/x", QUALIF, VRAIE])
def test_e003_an_address_serves_its_environment_only(environnement, permise, url):
    meme = {LOCALE: {LOCALE, "https://localhost/x", "https://[::1]:9/x"}}.get(permise, {permise})
    assert (checks.address_problem(environnement, url) == "") is (url in meme)


@pytest.mark.parametrize("nom", ["INSI_URL", "EPU_URL", "APCV_URL", "ADRI_URL"])
def test_e003_names_the_service(reglages, nom):
    setattr(reglages, nom, LOCALE)
    erreurs = checks.check_addresses()
    assert [m.id for m in erreurs] == ["config.E003"]
    assert "adresse refusée en « production »" in erreurs[0].msg


def test_a_service_without_address_is_not_a_crossing(reglages):
    reglages.INSI_URL = ""
    assert codes() == []


@pytest.mark.parametrize(
    "nom",
    ["INSI_CERTIFICAT", "INSI_CERTIFICAT_AUTO", "VITALE_CERTIFICAT", "TLS_AC", "CPS_AC"],
)
def test_e001_a_file_that_is_absent_or_is_no_certificate(reglages, tmp_path, nom):
    setattr(reglages, nom, str(tmp_path / "absent.pem"))
    assert codes() == ["config.E001"]
    (tmp_path / "faux.pem").write_text("pas un certificat")
    setattr(reglages, nom, str(tmp_path / "faux.pem"))
    assert codes() == ["config.E001"]


def test_e002_a_test_certificate_never_serves_production(reglages, tmp_path):
    reglages.INSI_CERTIFICAT = certificat(tmp_path)
    assert codes() == ["config.E002"]


@pytest.mark.parametrize(
    ("environnement", "url"), [("simulateur", LOCALE), ("bac_a_sable", QUALIF)]
)
def test_e002_a_real_certificate_never_serves_a_test_environment(
    reglages, tmp_path, environnement, url
):
    reglages.ENVIRONNEMENT = environnement
    reglages.INSI_URL = reglages.EPU_URL = reglages.APCV_URL = reglages.ADRI_URL = url
    reglages.TLS_AC = reglages.CPS_AC = certificat(tmp_path)
    assert codes() == ["config.E002"]
    reglages.INSI_CERTIFICAT = reglages.TLS_AC
    assert codes() == []


@pytest.mark.parametrize(
    ("nom", "vide"),
    [
        ("CLES_CHIFFREMENT", []),
        ("CLE_EMPREINTE", ""),
        ("CLE_AGENT_PEM", ""),
        ("CLES_SCEAU", []),
    ],
)
def test_e004_production_has_its_keys(reglages, nom, vide):
    setattr(reglages, nom, vide)
    assert codes() == ["config.E004"]
    reglages.ENVIRONNEMENT = "simulateur"
    assert "config.E004" not in codes()


def test_e004_production_is_served_over_tls(reglages):
    reglages.ADRESSE = "http://comptoir.exemple.fr"
    assert codes() == ["config.E004"]


@pytest.mark.parametrize(("jours", "attendu"), [(31, []), (29, ["config.W001"])])
def test_w001_warns_thirty_days_before_the_end(reglages, tmp_path, jours, attendu):
    reglages.INSI_CERTIFICAT = certificat(tmp_path, REEL, jours)
    assert codes() == attendu


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize("processus", COMMANDES)
def test_no_process_of_the_product_starts_on_a_crossing(processus, tmp_path):
    args = [morceau.format(tmp_path) for morceau in COMMANDES[processus]]
    sorti = subprocess.run(
        [sys.executable, "-m", *args],
        cwd=RACINE,
        env={**os.environ, "COMPTOIR_INSI_URL": VRAIE},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert sorti.returncode == 1
    assert "config.E003 : INSi : adresse refusée en « simulateur »" in sorti.stderr


@pytest.mark.exigence("SEC-09")
def test_no_command_runs_on_a_crossing():
    sorti = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "ERROR"],
        cwd=RACINE,
        env={**os.environ, "COMPTOIR_EPU_URL": QUALIF},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorti.returncode == 1
    assert "(config.E003) Ordonnance Numérique" in sorti.stderr
