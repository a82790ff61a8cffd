"""The gate table of ins.md §2.1, row by row."""

import pytest

from pharmacy.identite import ACTIONS, peut_sortir


@pytest.mark.parametrize("statut", ["PROV", "RECUP", "VALI"])
@pytest.mark.parametrize(
    "action", ["matricule.transmettre", "dmp.alimenter", "message.patient", "ins.imprimer"]
)
def test_only_a_qualified_identity_carries_the_matricule(action, statut):
    decision = peut_sortir(action, statut)
    assert not decision.ok
    assert decision.phrase
    assert decision.geste
    assert peut_sortir(action, "QUAL").ok


@pytest.mark.parametrize("statut", ["PROV", "RECUP", "VALI", "QUAL"])
def test_nothing_ever_blocks_a_delivery(statut):
    assert peut_sortir("delivrer", statut).ok
    assert peut_sortir("ordonnance.lire", statut).ok


def test_an_unknown_action_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        peut_sortir("autre", "QUAL")
    assert len(ACTIONS) == 7
