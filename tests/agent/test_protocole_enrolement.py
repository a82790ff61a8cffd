"""Pairing, pure: the short code as a person types it, the six digits both sides show."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protocol.enrolement import ALPHABET, LONGUEUR, comparison_code, show_code, tidy_code

pytestmark = pytest.mark.exigence("AGT-13")


@given(st.text(alphabet=ALPHABET, min_size=LONGUEUR, max_size=LONGUEUR))
def test_a_code_is_read_however_it_is_typed(code):
    assert tidy_code(code) == code
    assert tidy_code(show_code(code)) == code
    assert tidy_code(f" {code[:4].lower()}-{code[4:].lower()} ") == code


@pytest.mark.parametrize("texte", ["", "ABC", "ABCDEFGHJ", "ABCD*FGH", "é" * 8])
def test_what_is_no_code_is_none(texte):
    assert tidy_code(texte) == ""


@pytest.mark.cas("agent-97")
def test_the_six_digits_are_those_of_the_specification():
    """HMAC-SHA-256 under the code, first four bytes, modulo a million (agent.md §5.4, 4)."""
    attendu = hmac.new(b"ABCDEFGH", b"cle-publiquecle-serveur", hashlib.sha256).digest()
    chiffres = f"{int.from_bytes(attendu[:4], 'big') % 1_000_000:06d}"
    assert comparison_code("ABCDEFGH", "cle-publique", "cle-serveur") == chiffres
    assert comparison_code("ABCDEFGJ", "cle-publique", "cle-serveur") != chiffres
