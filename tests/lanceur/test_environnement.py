"""`manage.py` borrows the environment of the running stack, and of no dead one."""

import json
import os
import subprocess
import sys

import pytest

from config.lanceur import environnement
from config.lanceur.noyau import birth


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """Write env.json as a launcher does; no stack in the environment."""
    for nom in [n for n in os.environ if n.startswith("COMPTOIR_")]:
        monkeypatch.delenv(nom)
    monkeypatch.setenv("COMPTOIR_DONNEES", str(tmp_path))
    # Put back by monkeypatch at the end, whatever `charger` writes.
    monkeypatch.setenv("COMPTOIR_VALKEY_URL", "ailleurs")

    def ecrire(pid, naissance):
        objet = {
            "pid": pid,
            "naissance": naissance,
            "env": {"COMPTOIR_VALKEY_URL": "unix:///x"},
        }
        (tmp_path / "env.json").write_text(json.dumps(objet))
        environnement.charger()
        return os.environ["COMPTOIR_VALKEY_URL"]

    return ecrire


def test_that_of_a_living_launcher_is_taken(stack):
    assert stack(os.getpid(), birth(os.getpid())) == "unix:///x"


def test_a_pid_that_the_kernel_gave_to_someone_else_is_not_believed(stack):
    assert stack(os.getpid(), "1") == "ailleurs"


def test_that_of_a_dead_launcher_is_not(stack):
    fils = subprocess.Popen([sys.executable, "-c", ""])
    fils.wait()
    assert stack(fils.pid, birth(fils.pid)) == "ailleurs"


def test_a_given_environment_wins(stack, monkeypatch):
    monkeypatch.setenv("COMPTOIR_BASE_HOTE", "db")
    assert stack(os.getpid(), birth(os.getpid())) == "ailleurs"


def test_a_torn_file_is_no_environment(stack, tmp_path):
    (tmp_path / "env.json").write_text('{"pid": 1')
    environnement.charger()
    assert os.environ["COMPTOIR_VALKEY_URL"] == "ailleurs"
