"""Each code has its class, its sentence and its next step."""

from pathlib import Path

import pytest

from ins import errors_adri, errors_apcv
from ins.errors import CODES, error_of, is_technical


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_a_sentence_and_a_next_step(code):
    ligne = CODES[code]
    assert ligne.message.endswith(".")
    assert ligne.geste.endswith(".")
    assert isinstance(error_of(code), ligne.classe)


@pytest.mark.parametrize("table", [errors_adri, errors_apcv])
def test_a_silence_of_the_network_has_its_way_out_said_once(table):
    dite = table.sentence_of("delai", "Le réseau ne répond pas.")
    assert dite.startswith("Le réseau ne répond pas. ")
    assert table.sentence_of("delai", dite) == dite


@pytest.mark.exigence("INS-32")
@pytest.mark.parametrize(
    ("code", "attendu"),
    [
        ("insi_111", True),
        ("delai_depasse", True),
        ("insi_24", False),
        ("identite_incomplete", False),
    ],
)
def test_only_a_silence_is_to_be_asked_again(code, attendu):
    assert is_technical(code) is attendu


def test_the_table_of_the_readme_is_the_one_of_the_code():
    page = (Path(__file__).resolve().parents[2] / "ins/README.md").read_text(encoding="utf-8")
    table = page.split("<!-- erreurs -->", 1)[1].split("<!-- fin -->", 1)[0]
    lues = [ligne for ligne in table.splitlines() if ligne.startswith("| `")]
    assert lues == [
        f"| `{code}` | {ligne.classe.__name__} | {ligne.message} | {ligne.geste} |"
        for code, ligne in CODES.items()
    ]
