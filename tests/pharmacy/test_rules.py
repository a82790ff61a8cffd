"""Search keys: what is typed finds who is meant."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pharmacy.rules.recherche import fold, search_key


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
