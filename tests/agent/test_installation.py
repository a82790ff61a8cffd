"""The files that install an agent: Linux played in a folder, the other systems only read."""

import configparser
import json
import os
import plistlib
import subprocess

import pytest

from tests.agent.poste import RACINE, executer

pytestmark = pytest.mark.exigence("AGT-13")
FICHIERS = RACINE / "agent/installation"
ADRESSE = "https://comptoir.officine.example"


@pytest.fixture
def machine(tmp_path):
    """The environment of a person on a machine whose root is a folder; no network."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "RACINE": str(tmp_path / "racine"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
    }


def installer(roue, machine, adresse=ADRESSE):
    return subprocess.run(
        [FICHIERS / "linux/installer.sh", roue, adresse],
        env=machine,
        capture_output=True,
        text=True,
        check=False,
    )


def fichiers(dossier):
    return {str(f.relative_to(dossier)) for f in dossier.rglob("*") if f.is_file()}


def test_one_command_installs_and_one_removes_everything(roue, machine, tmp_path):
    faite = installer(roue, machine)
    assert faite.returncode == 0, faite.stderr
    assert f"enroler --serveur {ADRESSE}" in faite.stdout
    donnees = tmp_path / "home/.local/share/agent-poste"
    assert donnees.stat().st_mode & 0o777 == 0o700
    service = configparser.ConfigParser(strict=False, interpolation=None)
    service.optionxform = str
    service.read(tmp_path / "home/.config/systemd/user/agent-poste.service")
    programme, *options = service["Service"]["ExecStart"].split()
    assert os.access(programme, os.X_OK)
    assert options == ["servir", "--pilote", "pcsc", "--maj"]
    assert service["Service"]["Restart"] == "on-failure"
    for marque in ("opt/chrome", "chromium"):
        regle = tmp_path / f"racine/etc/{marque}/policies/managed/comptoir.json"
        assert set(map(tuple, json.loads(regle.read_text()).values())) == {(ADRESSE,)}
    assert (tmp_path / "racine/etc/udev/rules.d/70-agent-poste.rules").exists()
    (donnees / "poste.key").write_text("secret")
    executer(FICHIERS / "linux/desinstaller.sh", env=machine)
    assert not donnees.exists()
    assert fichiers(tmp_path / "racine") == set()
    assert not [f for f in fichiers(tmp_path / "home") if "agent-poste" in f]


@pytest.mark.parametrize(
    "adresse",
    ["http://comptoir.example", "https://", 'https://a"],"x":["*', "https://a|b", "*", "https://*"],
)
def test_an_address_that_is_none_installs_nothing(roue, machine, tmp_path, adresse):
    faite = installer(roue, machine, adresse)
    assert faite.returncode == 1
    assert "rien n'est installé" in faite.stderr
    assert fichiers(tmp_path) == set()


def test_the_session_of_macos_starts_the_same_agent():
    lu = plistlib.loads((FICHIERS / "macos/fr.comptoir.agent-poste.plist").read_bytes())
    assert lu["ProgramArguments"] == ["@AGENT@", "servir", "--pilote", "pcsc", "--maj"]
    assert lu["LimitLoadToSessionType"] == "Aqua"
    assert lu["Umask"] == 0o077


def test_scanners_are_given_to_the_active_session_only():
    regles = [
        ligne
        for ligne in (FICHIERS / "linux/70-agent-poste.rules").read_text().splitlines()
        if ligne and not ligne.startswith("#")
    ]
    assert regles
    assert all('TAG+="uaccess"' in regle and "MODE" not in regle for regle in regles)
