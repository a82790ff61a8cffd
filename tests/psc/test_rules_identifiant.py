"""The national identifier, its RPPS, and what a person may type of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psc.rules.identifiant import (
    AutreIdentifiant,
    RppsAmbigu,
    RppsContradictoire,
    RppsRefuse,
    is_luhn,
    kind_of,
    login_hint_of,
    parse_typed,
    rpps_of,
)
from psc.rules.noms import fold, is_same_person

UUID = "d2c6b2a4-83a1-4d4b-94e8-739800000001"


def autre(identifiant, origine="RPPS", qualite=1):
    return AutreIdentifiant(identifiant, origine, qualite)


@pytest.mark.parametrize(
    ("national", "genre"),
    [
        ("899700123459", "rpps"),
        ("0759900012", "adeli"),
        ("02A9900012", "adeli"),
        ("3752026005/CPE0001", "etablissement"),
        ("32A2026005/1", "etablissement"),
        ("4123456789/7", "entreprise"),
        ("500000001815646/CPAT00045", "entreprise"),
        ("1759900012/3", "cabinet"),
        ("699700123459/3", "cabinet"),
        ("9123456", "etudiant"),
        (UUID, "uuid"),
        (UUID.upper(), "uuid"),
        ("ANS20231122132732", "essai"),
        ("8997001234590", "inconnu"),
        ("89970012345", "inconnu"),
        ("ANS2023", "inconnu"),
        ("", "inconnu"),
        ("899700123459\n", "inconnu"),
        ("٨99700123459", "inconnu"),
    ],
)
def test_each_form_is_told_from_the_others(national, genre):
    assert kind_of(national) == genre


@pytest.mark.parametrize(
    ("national", "autres", "rpps"),
    [
        ("899700123459", (), "99700123459"),
        ("899700123459", (autre("899700123459"), autre("99700123459", "rpps", 2)), "99700123459"),
        pytest.param(
            UUID,
            (autre("899700900071"), autre(UUID, "PSI", 2)),
            "99700900071",
            marks=pytest.mark.cas("psc-7"),
        ),
        (UUID, (autre("99700900071", "Rpps"),), "99700900071"),
        (UUID, (), ""),
        (UUID, (autre("799700900071"), autre("9970090007"), autre("")), ""),
        ("ANS20231122132732", (autre("ANS20231122132732", "EDIT"),), ""),
        pytest.param("699700123459/3", (), "", marks=pytest.mark.cas("psc-27")),
        ("3752026005/CPE0001", (), ""),
        ("0759900012", (), ""),
    ],
)
def test_the_rpps_is_read_where_it_is_and_nowhere_else(national, autres, rpps):
    assert rpps_of(national, autres) == rpps


@pytest.mark.cas("psc-24")
def test_two_other_rpps_are_ambiguous():
    with pytest.raises(RppsAmbigu):
        rpps_of(UUID, (autre("899700900071"), autre("99700900089", qualite=2)))


@pytest.mark.cas("psc-25")
def test_an_identifier_and_another_rpps_contradict_each_other():
    with pytest.raises(RppsContradictoire):
        rpps_of("899700900014", (autre("899700900014"), autre("899700900022", qualite=2)))


@pytest.mark.cas("psc-9")
@pytest.mark.exigence("PSC-04")
def test_twelve_digits_typed_are_stored_as_eleven():
    saisi = parse_typed("899700900014")
    assert saisi.valeur == "99700900014" == rpps_of("899700900014")


@pytest.mark.cas("psc-22")
@pytest.mark.parametrize(
    "refuse", ["9970090001", "99700A00014", "799700900014", "8997009000141", "", "٩٩٧٠٠٩٠٠٠١٤"]
)
def test_what_is_no_rpps_is_refused_with_a_sentence(refuse):
    with pytest.raises(RppsRefuse, match="onze chiffres"):
        parse_typed(refuse)


@pytest.mark.cas("psc-22")
@pytest.mark.parametrize("saisie", ["997 00 90 00 14", "997.0090.0014", " 8 99700-900014 "])
def test_separators_are_taken_out(saisie):
    assert parse_typed(saisie).valeur == "99700900014"


@pytest.mark.cas("psc-23")
def test_a_wrong_key_only_warns():
    saisi = parse_typed("10003461033")
    assert (saisi.valeur, saisi.cle_juste) == ("10003461033", False)
    assert rpps_of("810003461033") == "10003461033"


def test_the_key_of_the_sandbox_is_right():
    assert parse_typed("99700900014").cle_juste
    assert is_luhn("79927398713")
    assert not is_luhn("79927398710")


@pytest.mark.cas("psc-83")
@given(st.text("0123456789", min_size=11, max_size=11))
def test_what_calls_a_telephone_is_the_identifier_of_the_rpps(rpps):
    assert rpps_of(login_hint_of(rpps)) == rpps
    assert kind_of(login_hint_of(rpps)) == "rpps"


@pytest.mark.cas("psc-15")
def test_accents_hyphens_and_case_do_not_make_another_name():
    assert is_same_person("Lefèvre-Noël", "Zoé", ["LEFEVRE NOEL"], ["ZOE"])
    assert is_same_person("D'Œuvre", "Anne", ["d’oeuvre"], ["ANNE MARIE"])
    assert is_same_person("Martin", "Anne Marie", ["Durand", "MARTIN"], ["", "ANNE-MARIE"])


@pytest.mark.parametrize(
    ("nom", "prenom", "noms", "prenoms"),
    [
        ("Martin", "Anne", ["Durand"], ["Anne"]),
        ("Martin", "Anne", ["Martin"], ["Marie"]),
        ("Martin", "", ["Martin"], [""]),
        ("", "Anne", [""], ["Anne"]),
        ("-", "Anne", ["."], ["Anne"]),
        ("Martin", "Anne", [], []),
    ],
)
def test_a_name_that_differs_or_is_empty_is_nobody_s(nom, prenom, noms, prenoms):
    assert not is_same_person(nom, prenom, noms, prenoms)


@given(st.text())
def test_folding_twice_is_folding_once(nom):
    assert fold(fold(nom)) == fold(nom)
