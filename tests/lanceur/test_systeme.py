"""The system packages of the tests: found, or named; `make run` never asks for one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.lanceur import systeme
from config.lanceur.systeme import CHROMIUM, Besoin, missing
from tests.conftest import RACINE

LECTEUR = Besoin(("pcscd",), "pcscd", "les essais de lecteur", "COMPTOIR_ESSAI_LECTEUR")


def machine(*programmes):
    """A `which` of a machine that has these programs only."""
    return lambda nom: f"/usr/bin/{nom}" if nom in programmes else None


@pytest.mark.parametrize("nom", CHROMIUM.programmes)
def test_any_name_of_the_program_is_enough(nom, monkeypatch):
    monkeypatch.delenv("COMPTOIR_CHROMIUM", raising=False)
    assert CHROMIUM not in missing(machine(nom, "autre"))
    assert CHROMIUM.find(machine(nom)) == f"/usr/bin/{nom}"


def test_a_bare_machine_lacks_everything(monkeypatch):
    monkeypatch.delenv("COMPTOIR_CHROMIUM", raising=False)
    monkeypatch.delenv("COMPTOIR_VPCD", raising=False)
    assert missing(machine()) == list(systeme.BESOINS)


def test_a_program_given_by_hand_is_taken_when_it_exists(monkeypatch):
    monkeypatch.setenv("COMPTOIR_ESSAI_LECTEUR", "/opt/pcscd")
    assert LECTEUR.find(lambda nom: nom if nom == "/opt/pcscd" else None) == "/opt/pcscd"


def test_a_program_given_by_hand_that_does_not_exist_is_missing(monkeypatch):
    monkeypatch.setenv("COMPTOIR_ESSAI_LECTEUR", "/opt/absent")
    assert LECTEUR.find(machine("pcscd")) == ""


def test_where_nothing_can_be_installed_one_sentence_says_what_and_it_fails(tmp_path):
    """A machine without apt nor Chromium: an empty PATH."""
    sorti = subprocess.run(
        [sys.executable, "-m", "config.lanceur.systeme"],
        cwd=RACINE,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorti.returncode == 1
    assert sorti.stdout.startswith(
        "Paquets système pour les tests :\n"
        "  chromium : les parcours du comptoir dans un navigateur sans écran\n"
    )
    assert sorti.stderr.startswith("Il manque pour les tests : chromium")


def test_what_is_missing_is_said_with_what_must_not_be_installed_apart():
    deballe = Besoin(("/nulle/part.so",), "lecteur-virtuel", "un essai", dossier=Path("/ici"))
    assert systeme.advice([CHROMIUM, LECTEUR, deballe]) == (
        "Il manque pour les tests : chromium pcscd. Installez-les (Debian : apt install chromium "
        "pcscd), puis relancez.\n"
        "Il manque pour les tests : lecteur-virtuel, à déballer sans l'installer (apt-get download "
        "lecteur-virtuel, puis dpkg-deb -x lecteur-virtuel_*.deb /ici).\n"
    )


def test_the_virtual_reader_is_never_installed():
    a_installer = {b.paquet for b in systeme.BESOINS if b.dossier is None}
    assert "pcscd" in a_installer
    assert not {p for p in a_installer if p.startswith("vsmartcard")}


def test_a_file_is_found_by_its_whole_path(tmp_path):
    entete = tmp_path / "entete.h"
    assert systeme.locate(str(entete)) is None
    entete.touch()
    assert systeme.locate(str(entete)) == str(entete)


def recettes():
    """The commands of each target of the Makefile, and what it depends on."""
    cibles, nom = {}, None
    for ligne in (RACINE / "Makefile").read_text().splitlines():
        if trouve := re.match(r"^(\$\(\w+\)|[a-z0-9-]+):(?!=)([^#]*)", ligne):
            nom = trouve[1]
            cibles[nom] = [trouve[2].split(), []]
        elif ligne.startswith("\t") and nom:
            cibles[nom][1].append(ligne)
    return cibles


@pytest.mark.parametrize("cible", ["run", "reset", "setup"])
def test_make_run_calls_no_package_manager_and_needs_no_compiler(cible):
    cibles = recettes()
    a_voir, vues = [cible], set()
    while a_voir:
        nom = a_voir.pop()
        if nom in cibles and nom not in vues:
            vues.add(nom)
            a_voir += cibles[nom][0]
    assert vues == ({cible, "$(BASE)"})
    texte = "\n".join(ligne for nom in vues for ligne in cibles[nom][1])
    assert "systeme" not in texte
    assert "pair" not in texte
    executees = re.sub(r'"[^"]*"', "", texte)
    assert not re.search(r"\b(apt|apt-get|sudo|gcc|cc|docker|npm|node)\b", executees)
    makefile = (RACINE / "Makefile").read_text()
    pip = next(ligne for ligne in makefile.splitlines() if ligne.startswith("PIP := "))
    assert "--only-binary :all:" in pip
    assert "--require-hashes" in pip
    assert "pip install" not in makefile.replace(pip, "")
