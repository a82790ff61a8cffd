"""Settings from the environment: typed, from a file if wished, a sentence when they are wrong."""

import os
import subprocess
import sys

import pytest

from config import env
from tests.conftest import RACINE


@pytest.fixture
def poser(monkeypatch):
    """Set COMPTOIR_ESSAI, and nothing else."""

    def poser(valeur):
        monkeypatch.setenv("COMPTOIR_ESSAI", valeur)

    monkeypatch.delenv("COMPTOIR_ESSAI", raising=False)
    monkeypatch.delenv("COMPTOIR_ESSAI_FILE", raising=False)
    return poser


def refus(lire):
    with pytest.raises(env.ReglageInvalide) as pris:
        lire()
    return str(pris.value)


def test_without_a_value_the_default_is_read(poser):
    assert env.texte("ESSAI", "abc") == "abc"
    assert env.entier("ESSAI", 7) == 7
    assert env.booleen("ESSAI", defaut=True) is True
    assert env.choix("ESSAI", ("a", "b"), "b") == "b"
    assert env.lignes("ESSAI", "") == []


def test_a_text_without_default_is_asked_for_by_its_name_and_by_its_file(poser):
    phrase = refus(lambda: env.texte("ESSAI"))
    assert phrase == "COMPTOIR_ESSAI n'est pas défini (ni COMPTOIR_ESSAI_FILE)."


def test_an_empty_value_is_a_value(poser):
    poser("")
    assert env.texte("ESSAI", "abc") == ""


@pytest.mark.parametrize(("brut", "attendu"), [("0", 0), ("12", 12), (" 3 ", 3)])
def test_a_whole_number_is_read(poser, brut, attendu):
    poser(brut)
    assert env.entier("ESSAI", 5, maxi=12) == attendu


@pytest.mark.parametrize(
    ("brut", "phrase"),
    [
        ("douze", "COMPTOIR_ESSAI : « douze » n'est pas un nombre entier."),
        ("1.5", "COMPTOIR_ESSAI : « 1.5 » n'est pas un nombre entier."),
        ("", "COMPTOIR_ESSAI : «  » n'est pas un nombre entier."),
        ("13", "COMPTOIR_ESSAI : 13 n'est pas entre 1 et 12."),
        ("0", "COMPTOIR_ESSAI : 0 n'est pas entre 1 et 12."),
    ],
)
def test_a_wrong_number_stops_with_a_sentence(poser, brut, phrase):
    poser(brut)
    assert refus(lambda: env.entier("ESSAI", 5, mini=1, maxi=12)) == phrase


@pytest.mark.parametrize(
    ("brut", "attendu"),
    [
        *(("oui", True), ("OUI", True), ("1", True), ("true", True)),
        *(("non", False), ("0", False), ("False", False)),
    ],
)
def test_yes_and_no_have_three_spellings(poser, brut, attendu):
    poser(brut)
    assert env.booleen("ESSAI", defaut=not attendu) is attendu


@pytest.mark.parametrize("brut", ["", "peut-être", "2"])
def test_neither_yes_nor_no_stops_with_a_sentence(poser, brut):
    poser(brut)
    phrase = refus(lambda: env.booleen("ESSAI", defaut=False))
    assert phrase == f"COMPTOIR_ESSAI : « {brut} » n'est ni oui ni non."


def test_a_word_out_of_the_list_stops_with_the_list(poser):
    poser("prod")
    phrase = refus(lambda: env.choix("ESSAI", ("simulateur", "production"), "simulateur"))
    assert phrase == "COMPTOIR_ESSAI : « prod » n'est pas parmi simulateur, production."


def test_a_list_has_one_item_a_line_and_no_empty_one(poser):
    poser("une\n\n  deux  \n")
    assert env.lignes("ESSAI") == ["une", "deux"]


def test_a_secret_comes_from_a_file_without_its_end_of_line(poser, monkeypatch, tmp_path):
    fichier = tmp_path / "secret"
    fichier.write_text("mot\n", encoding="utf-8")
    monkeypatch.setenv("COMPTOIR_ESSAI_FILE", str(fichier))
    assert env.texte("ESSAI") == "mot"


def test_a_value_wins_over_its_file(poser, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("fichier")
    monkeypatch.setenv("COMPTOIR_ESSAI_FILE", str(tmp_path / "secret"))
    poser("valeur")
    assert env.texte("ESSAI") == "valeur"


def test_an_unreadable_file_stops_with_its_path_and_the_reason(poser, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPTOIR_ESSAI_FILE", str(tmp_path / "absent"))
    phrase = refus(lambda: env.texte("ESSAI", "défaut"))
    assert phrase.startswith(f"COMPTOIR_ESSAI_FILE : le fichier {tmp_path}/absent")
    assert "No such file" in phrase


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("variable", "valeur", "phrase"),
    [
        ("COMPTOIR_ENVIRONNEMENT", "prod", "n'est pas parmi simulateur, bac_a_sable, production."),
        ("COMPTOIR_EN_VOL_MAX_S", "1", "COMPTOIR_EN_VOL_MAX_S : 1 n'est pas entre 3 et"),
        ("COMPTOIR_CLE_AGENT_FILE", "/absent", "le fichier /absent n'est pas lisible"),
    ],
)
def test_the_product_does_not_start_on_a_wrong_value(variable, valeur, phrase):
    sorti = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=RACINE,
        env={**os.environ, variable: valeur},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorti.returncode == 1
    assert phrase in sorti.stderr
    assert "Traceback" not in sorti.stderr


@pytest.mark.parametrize(
    "nom", ["CLE_SECRETE", "CLES_CHIFFREMENT", "CLE_EMPREINTE", "CLE_AGENT", "CLES_SCEAU"]
)
def test_outside_the_simulator_a_key_has_no_default(nom):
    environnement = {
        n: v for n, v in os.environ.items() if n not in {f"COMPTOIR_{nom}", f"COMPTOIR_{nom}_FILE"}
    }
    sorti = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=RACINE,
        env={**environnement, "COMPTOIR_ENVIRONNEMENT": "production"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorti.returncode == 1
    assert f"COMPTOIR_{nom} n'est pas défini" in sorti.stderr
