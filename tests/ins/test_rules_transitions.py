"""The table of transitions: complete, sourced, drawn where it is read."""

import re
from pathlib import Path

import pytest

from ins.rules.statut import Preuves, compute_statut
from ins.rules.transitions import (
    STATUTS,
    TRANSITIONS,
    check_transition,
    draw,
    transition_number,
)

README = Path(__file__).resolve().parents[2] / "ins/README.md"
NUMEROS = {a.numero for departs in TRANSITIONS.values() for a in departs.values()}


@pytest.mark.exigence("INS-04")
def test_the_thirty_transitions_of_the_specification_are_all_there():
    assert {f"T{rang}" for rang in range(1, 31)} == NUMEROS


def test_every_status_named_is_one_of_the_four():
    for departs in TRANSITIONS.values():
        assert set(departs) <= {"", *STATUTS}
        assert all(arrivee.vers <= set(STATUTS) and arrivee.vers for arrivee in departs.values())


@pytest.mark.exigence("INS-05")
def test_only_three_doors_lead_to_a_qualified_identity():
    """INSi on a checked identity, a document on a recovered one, the appli carte Vitale."""
    portes = {
        (avant, arrivee.numero)
        for nom, departs in TRANSITIONS.items()
        for avant, arrivee in departs.items()
        if "QUAL" in arrivee.vers and avant != "QUAL" and nom not in {"fusion", "separation"}
    }
    directes = {(statut, "T3") for statut in ("", "PROV", "RECUP", "VALI")}
    assert portes == directes | {("VALI", "T8"), ("RECUP", "T10")}


@pytest.mark.parametrize(
    ("declencheur", "avant", "apres", "numero"),
    [
        ("recuperation", "PROV", "RECUP", "T6"),
        ("verification_ko", "QUAL", "PROV", "T21"),
        ("verification_ko", "RECUP", "PROV", "T20"),
        ("traits_changes", "QUAL", "RECUP", "T23"),
        ("creation", "", "PROV", "T1"),
    ],
)
def test_a_move_of_the_table_is_told_by_its_number(declencheur, avant, apres, numero):
    assert check_transition(declencheur, avant, apres) == numero


@pytest.mark.parametrize(
    ("declencheur", "avant", "apres"),
    [
        ("recuperation", "QUAL", "QUAL"),
        ("recuperation", "PROV", "QUAL"),
        ("piece_sans_ins", "PROV", "QUAL"),
        ("dequalifier", "RECUP", "VALI"),
        ("sans_reponse", "QUAL", "VALI"),
        ("creation", "", "QUAL"),
    ],
)
def test_a_move_that_the_table_does_not_hold_is_refused(declencheur, avant, apres):
    with pytest.raises(ValueError, match="cannot"):
        check_transition(declencheur, avant, apres)


def test_a_trigger_that_does_not_exist_is_a_fault_of_ours():
    with pytest.raises(KeyError):
        transition_number("benediction", "PROV")


@pytest.mark.parametrize(
    ("ins", "piece", "douteux", "fictif", "statut"),
    [
        (None, None, False, False, "PROV"),
        (3, None, False, False, "RECUP"),
        (None, 3, False, False, "VALI"),
        (3, 3, False, False, "QUAL"),
        (2, 3, False, False, "VALI"),
        (3, 2, False, False, "RECUP"),
        (3, 3, True, False, "PROV"),
        (3, 3, False, True, "PROV"),
    ],
)
def test_the_two_axes_count_for_the_traits_as_they_are(ins, piece, douteux, fictif, statut):
    assert compute_statut(Preuves(3, ins, piece, douteux, fictif)) == statut


def test_the_drawing_of_the_readme_is_the_table():
    bloc = re.search(r"```mermaid\n(.*?)\n```", README.read_text(encoding="utf-8"), re.S)
    assert bloc is not None
    assert bloc.group(1) == draw()
