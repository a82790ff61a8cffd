"""The table of states and the dates of the next tries: pure rules."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleservices.etats import (
    LIBELLES,
    TRANSITIONS,
    TransitionRefusee,
    check_transition,
    next_try_s,
)

HASARD = Random(0)  # noqa: S311 - variation, not secrecy
ETATS = ["a_envoyer", "en_vol", "envoye", "refuse", "incertain", "abandonne"]


def test_every_state_has_its_moves_and_its_words():
    assert set(TRANSITIONS) == set(LIBELLES) == set(ETATS)
    assert {apres for moves in TRANSITIONS.values() for apres in moves} <= set(ETATS)


def test_what_is_acknowledged_or_given_up_moves_no_more():
    assert TRANSITIONS["envoye"] == TRANSITIONS["abandonne"] == frozenset()


def test_only_a_claim_puts_a_row_in_flight():
    assert [avant for avant in ETATS if "en_vol" in TRANSITIONS[avant]] == ["a_envoyer"]


def test_nothing_is_acknowledged_without_having_left():
    assert [avant for avant in ETATS if "envoye" in TRANSITIONS[avant]] == ["en_vol", "incertain"]


@given(st.sampled_from(ETATS), st.sampled_from(ETATS))
def test_a_move_is_allowed_exactly_when_the_table_holds_it(avant, apres):
    if apres in TRANSITIONS[avant]:
        check_transition(avant, apres)
    else:
        with pytest.raises(TransitionRefusee, match=f"{avant} -> {apres}"):
            check_transition(avant, apres)


@pytest.mark.parametrize(("tentatives", "delai"), [(1, 0), (2, 2), (3, None), (9, None)])
def test_a_read_has_three_tries(tentatives, delai):
    assert next_try_s(tentatives, lecture=True, hasard=HASARD) == delai


@given(st.integers(1, 500), st.integers())
def test_a_sending_waits_longer_and_longer_up_to_an_hour(tentatives, graine):
    base = [5, 30, 120, 600, 1800, 3600][min(tentatives, 6) - 1]
    HASARD.seed(graine)
    delai = next_try_s(tentatives, lecture=False, hasard=HASARD)
    assert round(base * 0.8) <= delai <= round(base * 1.2)
