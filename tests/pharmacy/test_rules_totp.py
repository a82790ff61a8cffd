"""The codes of an authenticator: RFC 6238's own vectors, drift, one use, the key as it is shown."""

import pytest

from pharmacy.rules.pin import is_guessable
from pharmacy.rules.totp import build_uri, compute_code, find_step, read_key, show_key, step_of

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, the lines of SHA-1: instant, eight digits.
VECTEURS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.exigence("SEC-07")
@pytest.mark.parametrize(("instant", "code"), VECTEURS)
def test_the_vectors_of_the_rfc(instant, code):
    assert compute_code(SECRET, step_of(instant), 8) == code
    assert compute_code(SECRET, step_of(instant)) == code[2:]


@pytest.mark.exigence("SEC-07")
@pytest.mark.parametrize(
    ("ecart", "pris"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_one_step_of_drift_each_way_and_no_more(ecart, pris):
    ici = step_of(1234567890)
    code = compute_code(SECRET, ici + ecart)
    assert (find_step(SECRET, code, 1234567890, 0) == ici + ecart) is pris


@pytest.mark.exigence("SEC-07")
def test_a_step_serves_once_and_no_earlier_one_after_it():
    ici = step_of(1234567890)
    for pas in (ici - 1, ici):
        assert find_step(SECRET, compute_code(SECRET, pas), 1234567890, ici) is None
    assert find_step(SECRET, compute_code(SECRET, ici + 1), 1234567890, ici) == ici + 1


@pytest.mark.parametrize("code", ["", "12345", "١٢٣٤٥٦", "abcdef"])
def test_what_is_no_code_is_none(code):
    assert find_step(SECRET, code, 1234567890, 0) is None


def test_a_key_is_shown_in_groups_of_four_and_read_back():
    assert show_key(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert read_key("gezd gnbv gy3t qojq gezd gnbv gy3t qojq") == SECRET
    assert read_key(show_key(b"\x01\x02\x03")) == b"\x01\x02\x03"


def test_the_address_names_issuer_and_account_as_applications_read_them():
    assert build_uri(SECRET, "Comptoir", "A01 752026005") == (
        "otpauth://totp/Comptoir:A01%20752026005?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Comptoir&algorithm=SHA1&digits=6&period=30"
    )


@pytest.mark.exigence("SEC-07")
@pytest.mark.parametrize(
    ("pin", "devine"),
    [
        ("121212", True),
        ("123123", True),
        ("777777", True),
        ("654321", True),
        ("112233", True),
        ("159753", True),
        ("220022", False),
        ("280491", False),
        ("470218", False),
    ],
)
def test_a_pin_that_guessers_try_first_is_known(pin, devine):
    assert is_guessable(pin) is devine
