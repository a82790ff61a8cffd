"""Cards told by their ATR (agent.md §1.1, §2.1, §3.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cards.atr import ClasseAtr, classify_atr, historical_bytes, is_sound

CPS3 = "3BAC00402A001225006480000310009000"
CPS3_CL = "3B8F80010031B86404B0ECC1739401808290000E"


@pytest.mark.exigence("AGT-02")
@pytest.mark.parametrize(
    ("atr", "kind", "generation", "classe"),
    [
        (CPS3, "cps", "CPS3", "cps"),
        ("3BAC00402A001225006480820212009000", "cps", "CPS3", "cps"),
        (CPS3_CL, "cps", "CPS3-CL", "cps"),
        # Another card: bytes 8, 9 and 11 vary, and the checksum with them.
        ("3B8F80010031B8640011EC22739401808290005E", "cps", "CPS3-CL", "cps"),
        ("3B9B188001001225006480040100009044", "cps", "CPS4", "cps"),
        ("3B9B188001001225006480000401009044", "cps", "CPS4", "cps"),
        ("3BDC18FF0000122500648000040100" + "9000", "cps", "CPS4", "cps"),
        ("3B7B1800000012250064800401000090", "cps", "inconnue", "cps"),
        ("3B75130000440" + "9EA9000", "vitale", "V2", "vitale2"),
        ("3B751300004C09EA9000", "vitale", "V2", "vitale2"),
        ("3F65250022" + "09699000", "vitale", "V1", "vitale1"),
        ("3F652500A3" + "096A9000", "vitale", "V1", "vitale1"),
        ("3B80800101", "apcv", "", "apcv"),
        # Not a CPS: the bytes of the family outside the historical ones, a byte that may not vary.
        ("3B02" + "9000" + "001225006480", "autre", "", "autre"),
        ("3B8F80010031B86404B0EDC1739401808290000F", "autre", "", "autre"),
        ("3B7513000044FFEA9000", "autre", "", "autre"),
        ("3F6525002209699001", "autre", "", "autre"),
        ("00", "autre", "", "autre"),
        ("", "autre", "", "autre"),
    ],
)
def test_a_card_is_told_by_its_atr(atr, kind, generation, classe):
    assert classify_atr(bytes.fromhex(atr)) == ClasseAtr(kind, generation, classe)


def test_historical_bytes_follow_the_interface_bytes():
    assert historical_bytes(bytes.fromhex(CPS3)).hex() == "001225006480000310009000"
    assert historical_bytes(bytes.fromhex(CPS3_CL)).hex() == "0031b86404b0ecc173940180829000"
    assert historical_bytes(bytes.fromhex("3B9B18")) == b""
    assert historical_bytes(bytes.fromhex("3B9B1880")) == b""
    assert historical_bytes(bytes.fromhex("3B059000")) == b""


def test_a_nonsense_atr_is_told_from_a_card_nobody_knows():
    assert is_sound(bytes.fromhex(CPS3))
    assert is_sound(bytes.fromhex("3B029000"))
    assert not is_sound(bytes.fromhex("00"))
    assert not is_sound(bytes.fromhex("3B059000"))


@given(st.binary(max_size=40))
def test_any_bytes_are_classified(atr):
    classe = classify_atr(b"\x3b" + atr)
    assert classe.kind in {"vitale", "cps", "apcv", "autre"}
    assert historical_bytes(b"\x3b" + atr) in atr
