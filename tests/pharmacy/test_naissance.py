"""Birth dates typed by a person: whole, or what is known of them."""

from datetime import date

import pytest

from pharmacy.rules.naissance import read_typed


@pytest.mark.cas("ins-40")
@pytest.mark.parametrize(
    ("texte", "jour", "interpretee"),
    [
        ("22/12/1975", date(1975, 12, 22), False),
        (" 22-12-1975 ", date(1975, 12, 22), False),
        ("22.12.1975", date(1975, 12, 22), False),
        ("22121975", date(1975, 12, 22), False),
        ("1975-12-22", date(1975, 12, 22), False),
        ("12/1975", date(1975, 12, 1), True),
        ("1975", date(1975, 12, 31), True),
        ("00/05/1975", date(1975, 5, 1), True),
        ("13/00/1975", date(1975, 1, 13), True),
    ],
)
def test_what_is_missing_is_completed_and_said(texte, jour, interpretee):
    lue = read_typed(texte)
    assert (lue.jour, lue.interpretee) == (jour, interpretee)


@pytest.mark.parametrize(
    "texte",
    [
        "",
        "hier",
        "22/12",
        "22/12/75",
        "1/1/1975",
        "01/01/1800",
        "٢٠٢٠",
        "31/02/1975",
        "13/1975",
        "45/00/1975",
    ],
)
def test_anything_else_is_no_date(texte):
    assert read_typed(texte) is None
