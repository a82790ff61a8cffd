"""What the README of the agent claims: each threat answered, each test it names exists."""

import re

import pytest

from tests.conftest import RACINE

README = (RACINE / "agent/README.md").read_text(encoding="utf-8")
TESTS = {
    nom
    for fichier in (RACINE / "tests").rglob("test_*.py")
    for nom in re.findall(r"^(?:async )?def (test_\w+)", fichier.read_text(encoding="utf-8"), re.M)
}


def menaces():
    """The rows of the table of threats."""
    partie = README.split("## Threats", 1)[1].split("\n## ", 1)[0]
    lignes = [ligne.strip("|").split("|") for ligne in partie.splitlines() if ligne[:1] == "|"]
    return [[case.strip() for case in ligne] for ligne in lignes[2:]]


@pytest.mark.exigence("AGT-09")
def test_each_threat_has_its_answer_and_tests_that_exist():
    lignes = menaces()
    assert len(lignes) == 13
    for menace, reponse, preuves in lignes:
        assert menace
        assert reponse
        noms = re.findall(r"`(test_\w+)`", preuves)
        assert noms, menace
        assert set(noms) <= TESTS, set(noms) - TESTS


def test_what_never_ran_for_real_is_said():
    partie = README.split("## Never ran for real", 1)[1].split("\n## ", 1)[0]
    for chose in ("carte Vitale", "CPS3", "CPS4", "reader", "Cryptolib", "Windows", "scanner"):
        assert chose in partie
