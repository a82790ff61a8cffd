"""The table of codes: class, sentence, next step, and the delay of an overload."""

import pytest

from ordonnance.errors import AVERTISSEMENTS, CODES, error_of, row_of
from teleservices.errors import Rejected


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_a_sentence_and_a_next_step(code):
    ligne = CODES[code]
    assert ligne.message.endswith(".")
    assert ligne.geste.endswith(".")
    assert type(error_of(code)) is ligne.classe


@pytest.mark.cas("ordonnance-D9")
@pytest.mark.parametrize(
    ("code", "detail", "attente"),
    [
        ("EPU-091", "30", 30),
        ("EPU-091", "bientôt", None),
        ("EPU-091", "", None),
        ("EPU-091", "٣", None),
        ("EPU-090", "30", None),
    ],
)
def test_only_an_overload_says_how_long_to_wait(code, detail, attente):
    assert error_of(code, detail).retry_after_s == attente


def test_a_code_never_seen_is_a_refusal_that_a_person_reads():
    assert row_of("EPU-777").classe is Rejected
    assert error_of("EPU-777").code == "EPU-777"


def test_a_warning_is_no_error():
    assert set(AVERTISSEMENTS).isdisjoint(CODES)
    assert all(phrase.endswith(".") for phrase in AVERTISSEMENTS.values())
