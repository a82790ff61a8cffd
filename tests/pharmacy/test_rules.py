"""Search keys: what is typed finds who is meant."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pharmacy.rules.recherche import (
    LONGUEUR_MAX,
    after,
    date_likeness,
    distance,
    file_key,
    fold,
    likeness,
    parse_typed,
    search_key,
    sound,
)


@pytest.mark.exigence("CTR-13")
@pytest.mark.parametrize(
    ("texte", "plie"),
    [
        ("D’Ægidius", "D AEGIDIUS"),
        ("Cœur-de-Lion", "COEUR DE LION"),
        ("Großmann", "GROSSMANN"),
        ("Ørsted", "ORSTED"),
        ("  L'Hérault  ", "L HERAULT"),
        ("José María", "JOSE MARIA"),
        ("", ""),
        ("日本", ""),
    ],
)
def test_accents_hyphens_and_apostrophes_do_not_count(texte, plie):
    assert fold(texte) == plie


@pytest.mark.exigence("CTR-13")
def test_each_word_is_kept_once_in_its_order():
    assert search_key("MARTIN", "Marie-Martin", "Zoé") == "MARTIN MARIE ZOE"
    assert search_key("", " ") == ""


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(texte):
    assert fold(fold(texte)) == fold(texte)


@pytest.mark.exigence("CTR-13")
@given(st.lists(st.sampled_from(["Zoé", "d'ADRUN", "Anne-Marie", "zoe"]), max_size=4))
def test_the_words_of_a_key_do_not_depend_on_the_order_of_the_names(noms):
    cles = {frozenset(search_key(*ordre).split()) for ordre in itertools.permutations(noms)}
    assert len(cles) == 1


NOMS = st.text(alphabet="ABCDEIOUZÉŒ '-", min_size=1, max_size=20)


@pytest.mark.exigence("CTR-13")
@given(st.lists(NOMS, min_size=1, max_size=3))
def test_every_word_and_every_glued_end_of_a_name_is_in_the_key(noms):
    cle = file_key(tuple(noms), ()).split()
    for nom in noms:
        mots = fold(nom).split()
        assert set(mots) <= set(cle)
        for rang in range(len(mots)):
            assert "".join(mots[rang:]) in cle


@given(st.lists(NOMS, max_size=40))
def test_a_key_fits_its_column_and_never_cuts_a_word(noms):
    cle = file_key(tuple(noms), tuple(noms))
    entiers = {mot for nom in noms for mot in fold(nom).split()}
    assert len(cle) <= LONGUEUR_MAX
    colles = {"".join(fold(nom).split()[r:]) for nom in noms for r in range(len(nom))}
    colles |= {"".join(fold(b).split()[r:]) for n in noms for b in n.split() for r in range(9)}
    assert set(cle.split()) <= entiers | colles


@given(st.dates(date(1870, 1, 1), date(2100, 1, 1)), st.integers(1, 8))
def test_a_date_is_found_by_its_beginning_in_each_form(jour, longueur):
    cle = f"{jour:%d%m%Y}"
    for frappe in (
        f"{jour:%d/%m/%Y}",
        f"{jour:%d-%m-%Y}",
        f"{jour:%d %m %Y}",
        cle,
        f"{jour:%Y-%m-%d}",
    ):
        assert parse_typed(frappe).jours == ((cle,),)
        assert parse_typed(frappe).naissance == jour
    assert any(cle.startswith(debut) for debut in parse_typed(cle[:longueur]).jours[0])
    assert any(cle.startswith(debut) for debut in parse_typed(f"{jour:%d/%m/}{cle[4:6]}").jours[0])


@given(st.text(alphabet="ABCDEFGHIJ", min_size=1, max_size=8), st.text(max_size=8))
def test_the_range_of_a_beginning_is_what_begins_so(debut, suite):
    assert debut <= debut + suite < after(debut) or not suite.isascii()
    assert not (debut <= "A" + suite < after(debut)) or ("A" + suite).startswith(debut)


@given(st.text(alphabet="ABC", max_size=8), st.text(alphabet="ABC", max_size=8))
def test_a_distance_is_one(un, autre):
    assert distance(un, autre) == distance(autre, un)
    assert (distance(un, autre) == 0) == (un == autre)
    assert distance(un, autre) <= max(len(un), len(autre))
    assert distance(un, un + autre) == len(autre)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12), st.integers(0, 10))
def test_two_neighbours_swapped_are_one_mistake(mot, rang):
    if rang + 1 < len(mot):
        autre = mot[:rang] + mot[rang + 1] + mot[rang] + mot[rang + 2 :]
        assert distance(mot, autre) <= 1


@pytest.mark.parametrize(
    ("un", "autre"),
    [
        ("PHILIPPE", "FILIPE"),
        ("MARTIN", "MARTAIN"),
        ("DUPONT", "DUPOND"),
        ("CHRISTOPHE", "KRISTOF"),
        ("GAUTIER", "GAUTHIER"),
        ("RENAUD", "RENEAU"),
        ("CATARINA", "KATARINA"),
        ("SCHMITT", "SCHMIT"),
        ("VINCENT", "VINSENT"),
        ("MARIE", "MARY"),
        ("ROGER", "ROGE"),
    ],
)
def test_what_is_heard_alike_has_one_sound(un, autre):
    assert sound(un) == sound(autre)
    assert likeness(un, autre) >= 0.8


@pytest.mark.parametrize(
    ("un", "autre"), [("MARTIN", "DURAND"), ("LY", "LO"), ("PAUL", "PIER"), ("ANNE", "JEAN")]
)
def test_what_has_little_in_common_is_not_near(un, autre):
    assert likeness(un, autre) == 0.0


def test_a_date_with_one_digit_wrong_or_turned_round_is_near():
    assert date_likeness(("22121975",), "22121975") == 1.0
    assert date_likeness(("2212",), "22121975") == 1.0
    assert date_likeness(("21121975",), "22121975") == 0.7
    assert date_likeness(("12221975",), "22121975") == 0.7
    assert date_likeness(("01011950",), "22121975") == 0.0
    assert date_likeness(("32131975",), "") == 0.0


def test_what_is_typed_tells_whether_it_is_enough():
    assert parse_typed("22/").jours == (("22",),)
    assert parse_typed("22/1").jours == (("2201", "221"),)
    assert parse_typed("32131975").jours == (("32131975",),)
    assert parse_typed("32131975").naissance is None
    assert parse_typed("22/12 23/12").naissance is None
    assert parse_typed("ab ab").mots == ("AB",)
    assert not parse_typed("ab ab").est_suffisante
    assert parse_typed("ab cd").est_suffisante
    assert parse_typed("12345 67890").refus == "matricule"
    assert parse_typed("01011800").naissance is None
