"""Whose identity stays when two files are made one, and when they may not be."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.fusion import REFUS, Cote, FusionRefusee, plan_merge
from ins.rules.traits import TraitsStricts

ZOE = TraitsStricts("ADRUN", "ZOE ANNE", "ZOE", date(1975, 12, 31), "F", "63220")
LOCALE = TraitsStricts("ADRUN", "", "ZOE", date(1975, 12, 31), "", "")
AUTRE = replace(ZOE, nom_naissance="MARTIN")
PROV, RECUP = Cote(LOCALE), Cote(ZOE, ins="8:a")
VALI, QUAL = Cote(ZOE, piece=ZOE), Cote(ZOE, ins="8:a", piece=ZOE)


@pytest.mark.parametrize(
    ("garde", "absorbe", "source", "piece", "statut"),
    [
        pytest.param(PROV, PROV, "garde", "", "PROV"),
        pytest.param(QUAL, PROV, "garde", "garde", "QUAL", marks=pytest.mark.cas("ins-52")),
        pytest.param(PROV, QUAL, "absorbe", "absorbe", "QUAL", marks=pytest.mark.cas("ins-52")),
        pytest.param(PROV, RECUP, "absorbe", "", "RECUP"),
        pytest.param(RECUP, PROV, "garde", "", "RECUP"),
        pytest.param(PROV, VALI, "absorbe", "absorbe", "VALI"),
        pytest.param(VALI, VALI, "garde", "garde", "VALI"),
        pytest.param(RECUP, VALI, "garde", "absorbe", "QUAL"),
        pytest.param(VALI, RECUP, "absorbe", "garde", "QUAL"),
        pytest.param(RECUP, Cote(AUTRE, piece=AUTRE), "garde", "", "RECUP"),
        pytest.param(Cote(AUTRE, piece=AUTRE), RECUP, "absorbe", "", "RECUP"),
        pytest.param(RECUP, RECUP, "garde", "", "RECUP"),
    ],
)
def test_what_is_best_proved_stays(garde, absorbe, source, piece, statut):
    plan = plan_merge(garde, absorbe)
    assert (plan.source, plan.piece, plan.statut) == (source, piece, statut)
    assert plan.traits == (LOCALE if garde is absorbe is PROV else ZOE)


def test_blanks_that_nothing_proves_are_filled_by_the_other_file():
    carte = Cote(replace(LOCALE, nom_naissance="", sexe="F"))
    assert plan_merge(carte, PROV).traits == replace(LOCALE, sexe="F")
    assert plan_merge(Cote(LOCALE, piece=LOCALE), carte).traits == LOCALE


@pytest.mark.cas("ins-51")
def test_two_different_ins_are_two_people():
    with pytest.raises(FusionRefusee, match="ins_differentes"):
        plan_merge(QUAL, replace(RECUP, ins="8:b"))


@pytest.mark.parametrize(
    ("champ", "motif"), [("fictif", "fictif"), ("anonyme", "fictif"), ("douteux", "douteux")]
)
def test_a_file_that_is_nobody_or_two_is_not_merged(champ, motif):
    marque = replace(PROV, **{champ: True})
    for deux in ((marque, QUAL), (QUAL, marque)):
        with pytest.raises(FusionRefusee, match=motif):
            plan_merge(*deux)
    assert motif in REFUS


COTES = st.builds(
    Cote,
    st.sampled_from([ZOE, LOCALE, AUTRE]),
    ins=st.sampled_from(["", "8:a"]),
    piece=st.sampled_from([None, ZOE, AUTRE]),
)


@given(COTES, COTES)
def test_no_merge_qualifies_what_nothing_proves(garde, absorbe):
    plan = plan_merge(garde, absorbe)
    tenu = garde if plan.source == "garde" else absorbe
    assert (plan.statut in {"RECUP", "QUAL"}) == bool(tenu.ins)
    assert (plan.statut in {"VALI", "QUAL"}) == bool(plan.piece)
    assert bool(garde.ins or absorbe.ins) == bool(tenu.ins)
