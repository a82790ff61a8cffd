"""What an appli carte Vitale may do to an identity, as a pure rule (ins.md §5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.apcv import DossierVise, judge_apcv

M1, M2 = "275126322074974", "180032B02040123"
ECART = ("premier_prenom",)


@pytest.mark.parametrize(
    ("dossier", "recu", "ecarts", "issue"),
    [
        pytest.param(None, M1, (), "creer", marks=pytest.mark.cas("ins-60")),
        pytest.param(DossierVise(""), M1, (), "prendre"),
        pytest.param(DossierVise(M1), M1, (), "prendre"),
        pytest.param(DossierVise(""), M1, ECART, "comparer"),
        pytest.param(DossierVise(M1), M1, ECART, "comparer"),
        pytest.param(DossierVise(M2), M1, (), "alerter", marks=pytest.mark.cas("ins-65")),
        pytest.param(DossierVise(M2), M1, ECART, "alerter"),
        pytest.param(DossierVise("", douteux=True), M1, (), "bloquer"),
        pytest.param(None, "", (), "carte"),
        pytest.param(DossierVise(M1), "", (), "carte"),
    ],
)
def test_each_issue(dossier, recu, ecarts, issue):
    assert judge_apcv(dossier, recu, ecarts) == issue


@given(
    st.none() | st.builds(DossierVise, st.sampled_from(["", M1, M2]), st.booleans()),
    st.sampled_from(["", M1, M2]),
    st.sampled_from([(), ECART]),
)
def test_no_doubt_and_no_other_matricule_is_ever_taken_over(dossier, recu, ecarts):
    issue = judge_apcv(dossier, recu, ecarts)
    if issue in {"prendre", "comparer"}:
        assert recu
        assert not dossier.douteux
        assert dossier.matricule in {"", recu}
    if issue == "creer":
        assert dossier is None
    assert (issue == "carte") == (not recu)
    assert M1 not in repr(dossier)
