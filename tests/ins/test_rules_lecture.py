"""What an INS read from outside is, for the files of the officine."""

import pytest

from ins.rules.lecture import Trouve, judge_reading

SANS, AVEC = Trouve(autre_ins=False), Trouve(autre_ins=True)


@pytest.mark.exigence("INS-26")
@pytest.mark.parametrize(
    ("porte", "ecarts", "memes", "situation"),
    [
        pytest.param(True, (), (), "meme", id="ins-71"),
        pytest.param(True, ("sexe",), (), "ecart", id="2.8-3"),
        pytest.param(True, (), (AVEC,), "meme", id="the-ins-comes-first"),
        pytest.param(False, (), (AVEC,), "collision", id="ins-72"),
        pytest.param(False, (), (AVEC, SANS), "sans_ins", id="one-may-be-this-person"),
        pytest.param(False, (), (), "inconnu", id="ins-66"),
    ],
)
def test_each_situation_of_the_specification(porte, ecarts, memes, situation):
    assert judge_reading(porte=porte, ecarts=ecarts, memes=memes) == situation
