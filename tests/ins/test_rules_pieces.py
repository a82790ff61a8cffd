"""Which documents are offered, to whom, and what they prove."""

from datetime import date

import pytest

from ins.reglages import read_codes
from ins.rules.pieces import PIECES, is_minor, is_proof, optional, piece_get, shown
from pharmacy.parametres import ValeurRefusee


def codes(pieces):
    return [piece.code for piece in pieces]


@pytest.mark.exigence("INS-07")
def test_exactly_these_documents_are_offered_by_default():
    assert codes(shown()) == ["CN", "PA", "CS"]
    assert codes(shown(mineur=True)) == ["CN", "PA", "CS", "LEP", "AN"]


def test_the_officine_turns_on_the_others_one_by_one():
    assert codes(shown(ajoutees={"eCN", "CC"})) == ["CN", "PA", "CS", "eCN"]
    assert codes(shown(mineur=True, ajoutees={"CC"})) == ["CN", "PA", "CS", "LEP", "AN", "CC"]
    assert set(codes(shown(mineur=True))) | set(codes(optional())) == set(codes(PIECES))


@pytest.mark.exigence("INS-07")
def test_rare_documents_are_off_until_turned_on_and_a_known_face_stays_off():
    """LECV, ANCV, CIMS: high, by configuration; « patient connu »: until RNIV 4 (ins.md §2.3)."""
    rares = ["LECV", "ANCV", "CIMS"]
    assert not {*rares, "CONNU"} & set(codes(shown(mineur=True)))
    assert codes(shown(ajoutees={*rares, "CONNU"})) == ["CN", "PA", "CS", *rares]
    assert all(is_proof(piece_get(code)) for code in rares)
    assert not is_proof(piece_get("CONNU"), "CN")
    assert read_codes("lecv, cims") == "LECV CIMS"
    with pytest.raises(ValeurRefusee, match="CONNU"):
        read_codes("CONNU")


@pytest.mark.cas("ins-85")
def test_a_driving_licence_a_card_or_a_code_proves_nothing():
    assert [code for code in codes(PIECES) if not is_proof(piece_get(code), "CN")] == [
        "PC", "CV", "DM", "CONNU",
    ]  # fmt: skip


@pytest.mark.cas("ins-86")
@pytest.mark.exigence("INS-08")
@pytest.mark.parametrize("code", ["LEP", "AN"])
def test_a_family_document_proves_only_beside_the_parent_s_own(code):
    assert not is_proof(piece_get(code))
    assert not is_proof(piece_get(code), "PC")
    assert is_proof(piece_get(code), "CN")


def test_an_unknown_document_is_a_fault_of_ours():
    with pytest.raises(KeyError):
        piece_get("ZZ")


@pytest.mark.parametrize(
    ("naissance", "mineur"),
    [
        (date(2008, 11, 25), False),
        (date(2008, 11, 26), True),
        (date(2026, 11, 25), True),
        (date(1975, 12, 31), False),
        (None, False),
    ],
)
def test_a_minor_is_under_eighteen_on_the_day(naissance, mineur):
    assert is_minor(naissance, date(2026, 11, 25)) is mineur
