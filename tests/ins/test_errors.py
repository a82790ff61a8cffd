"""Each code has its class, its sentence and its next step."""

import pytest

from ins.errors import CODES, error_of


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_a_sentence_and_a_next_step(code):
    ligne = CODES[code]
    assert ligne.message.endswith(".")
    assert ligne.geste.endswith(".")
    assert isinstance(error_of(code), ligne.classe)
