"""Each code has its class, its sentence and its next step."""

from pathlib import Path

import pytest

from ins.errors import CODES, error_of


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_a_sentence_and_a_next_step(code):
    ligne = CODES[code]
    assert ligne.message.endswith(".")
    assert ligne.geste.endswith(".")
    assert isinstance(error_of(code), ligne.classe)


def test_the_table_of_the_readme_is_the_one_of_the_code():
    page = (Path(__file__).resolve().parents[2] / "ins/README.md").read_text(encoding="utf-8")
    table = page.split("<!-- erreurs -->", 1)[1].split("<!-- fin -->", 1)[0]
    lues = [ligne for ligne in table.splitlines() if ligne.startswith("| `")]
    assert lues == [
        f"| `{code}` | {ligne.classe.__name__} | {ligne.message} | {ligne.geste} |"
        for code, ligne in CODES.items()
    ]
