"""`make reset`: only in the simulator, after a question, and nothing is deleted."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config.lanceur.dossiers import folder_elsewhere
from config.lanceur.pile import pile_de_donnees
from tests.conftest import RACINE
from tests.lanceur.lancement import environnement

QUESTION = "Oublier les données de démonstration ? (oui/non) "


@pytest.fixture
def donnees():
    """Data with one thing in them, in a folder whose parent root alone may cross, as /root is."""
    dossier = Path(tempfile.mkdtemp(prefix="lanceur-"))
    donnees = dossier / "comptoir"
    donnees.mkdir()
    (donnees / "temoin").write_text("x")
    yield donnees
    shutil.rmtree(dossier)


def reset(donnees, reponse="", **autres):
    return subprocess.run(
        [sys.executable, "-m", "config.lanceur", "reset"],
        cwd=RACINE,
        env=environnement(donnees, **autres),
        input=reponse,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def anciens(donnees):
    return sorted(donnees.parent.glob("comptoir.old-*"))


@pytest.mark.parametrize("environ", ["bac_a_sable", "production"])
def test_it_is_refused_outside_the_simulator_even_with_oui(donnees, environ):
    sorti = reset(donnees, "oui\n", COMPTOIR_ENVIRONNEMENT=environ, OUI="1")
    assert sorti.returncode == 1
    assert sorti.stderr == "« make reset » n'existe que dans l'environnement « simulateur ».\n"
    assert (donnees / "temoin").exists()


def test_the_environment_may_come_from_a_file(donnees, tmp_path):
    (tmp_path / "env").write_text("production\n")
    sorti = reset(donnees, OUI="1", COMPTOIR_ENVIRONNEMENT_FILE=str(tmp_path / "env"))
    assert sorti.returncode == 1
    assert (donnees / "temoin").exists()


@pytest.mark.parametrize("reponse", ["non\n", "\n", "o\n", ""])
def test_anything_but_oui_changes_nothing(donnees, reponse):
    sorti = reset(donnees, reponse)
    assert (sorti.returncode, sorti.stdout) == (0, f"{QUESTION}Rien n'est changé.\n")
    assert (donnees / "temoin").exists()
    assert anciens(donnees) == []


@pytest.mark.parametrize(
    ("reponse", "autres"), [("oui\n", {}), (" OUI \n", {}), ("", {"OUI": "1"})]
)
def test_oui_moves_the_data_aside(donnees, reponse, autres):
    sorti = reset(donnees, reponse, **autres)
    assert sorti.returncode == 0
    assert not donnees.exists()
    (ancien,) = anciens(donnees)
    assert (ancien / "temoin").read_text() == "x"
    assert f"Données mises de côté dans {ancien.name}." in sorti.stdout
    assert (QUESTION in sorti.stdout) is not bool(autres)


def test_nothing_to_forget_is_said(tmp_path):
    sorti = reset(tmp_path / "absent", OUI="1")
    assert (sorti.returncode, sorti.stdout) == (0, "Rien à oublier.\n")
    assert not (tmp_path / "absent").exists()


def test_while_it_runs_nothing_is_moved(donnees):
    import fcntl

    with (donnees / "lanceur.lock").open("w") as verrou:
        fcntl.flock(verrou, fcntl.LOCK_EX)
        sorti = reset(donnees, OUI="1")
    assert sorti.returncode == 1
    assert sorti.stderr == "Comptoir tourne déjà dans ce dossier : arrêtez-le d'abord.\n"
    assert (donnees / "temoin").exists()


@pytest.mark.timeout(180)
def test_after_a_reset_the_data_start_anew_with_other_secrets(donnees):
    """Under root, data that PostgreSQL's user cannot reach stand under /var/lib: moved too."""
    dossier_commun = donnees.parent
    assert (dossier_commun.stat().st_mode & 0o001) == 0
    ailleurs = folder_elsewhere(donnees)
    try:
        demarrer_durable(donnees)
        mot = (donnees / "secrets/base-app").read_text()
        assert ailleurs.exists() is (os.getuid() == 0)
        assert reset(donnees, OUI="1").returncode == 0
        assert not ailleurs.exists()
        demarrer_durable(donnees)
        assert (donnees / "secrets/base-app").read_text() != mot
    finally:
        for reste in ailleurs.parent.glob(f"{ailleurs.name}*"):
            shutil.rmtree(reste)


def demarrer_durable(donnees):
    from config.lanceur.pile import Options, Pile

    pile = Pile(donnees, Options(durable=True))
    try:
        pile.start_data()
    finally:
        pile.stop()


def test_data_of_a_test_leave_nothing_elsewhere(donnees):
    with pile_de_donnees(donnees) as pile:
        maison = pile.postgres.maison
        assert (maison / "pg/PG_VERSION").exists()
    assert not folder_elsewhere(donnees).exists()
    assert not pile.dossiers.sockets.exists()


@pytest.mark.timeout(180)
def test_exec_lends_data_servers_to_a_command_and_takes_them_back(tmp_path):
    programme = (
        "import os, psycopg; e = os.environ; "
        "c = psycopg.connect(host=e['COMPTOIR_BASE_HOTE'], dbname='comptoir', "
        "user='comptoir_app', password=open(e['COMPTOIR_BASE_MOT_DE_PASSE_FILE']).read()); "
        "print(c.execute('SELECT current_user').fetchone()[0], e['COMPTOIR_BASE_HOTE']); c.close()"
    )
    sorti = subprocess.run(
        [sys.executable, "-m", "config.lanceur", "exec", "--", sys.executable, "-c", programme],
        cwd=RACINE,
        env=environnement(tmp_path / "vide"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert sorti.returncode == 0, sorti.stderr
    role, prise = sorti.stdout.split()
    assert role == "comptoir_app"
    assert not Path(prise).exists()
    assert not (tmp_path / "vide").exists()


def test_exec_returns_the_code_of_its_command(tmp_path):
    sorti = subprocess.run(
        [sys.executable, "-m", "config.lanceur", "exec", "--", sys.executable, "-c", "exit(7)"],
        cwd=RACINE,
        env=environnement(tmp_path, COMPTOIR_BASE_HOTE="déjà"),
        check=False,
        timeout=60,
    )
    assert sorti.returncode == 7
