"""The three levels of a box: the matrix of mssante.md §2.6, written here a second time."""

import pytest

from mssante.rules.niveaux import (
    ACTES,
    Boite,
    Condition,
    Membre,
    Niveau,
    check_departure,
    conditions_of,
    level_by_default,
    may,
    write_table,
)
from tests.conftest import RACINE

pytestmark = pytest.mark.exigence("MSS-03")
U, G, A = Niveau
# In the order of the page: « x » may, « - » may not, a word is what must also hold.
PAGE = """
1 x x x
2 x x x
3 x x x
4 x x x
5 x x x
6 x x x
7 GENRE GENRE GENRE
8 x x x
9 - x x
10 x x x
11 INS INS INS
12 - x x
13 SES_FILS x x
14 - - x
15 - PHARMACIEN PHARMACIEN
16 - x x
17 - x x
18 - x x
19 - - x
20 - - CPS
21 - - x
22 - - TITULAIRE+CPS
23 - - x
24 - SES_ACTES x
25 - - TITULAIRE+MOTIF
"""
ATTENDU = {
    (int(rang) - 1, niveau): None
    if case == "-"
    else frozenset(Condition[nom] for nom in case.split("+") if nom != "x")
    for rang, *cases in (ligne.split() for ligne in PAGE.strip().splitlines())
    for niveau, case in zip(Niveau, cases, strict=True)
}


def membre(niveau, role="adjoint", rpps="10000000001", **faits):
    return Membre(role, rpps, niveau, **{"par_psc": True, **faits})


def test_the_matrix_is_that_of_the_page():
    lu = {
        (rang, niveau): acte.conditions(niveau)
        for rang, acte in enumerate(ACTES.values())
        for niveau in Niveau
    }
    assert lu == ATTENDU


@pytest.mark.parametrize("acte", ACTES)
def test_a_higher_level_never_may_less(acte):
    for bas, haut in ((U, G), (G, A)):
        si_bas, si_haut = ACTES[acte].conditions(bas), ACTES[acte].conditions(haut)
        assert si_bas is None or (si_haut is not None and si_haut <= si_bas)


@pytest.mark.parametrize("acte", ACTES)
def test_without_a_level_nothing_is_possible(acte):
    decision = may(membre(None), Boite.ORG, acte, Condition)
    assert not decision.ok
    assert ACTES[acte].libelle in decision.phrase


@pytest.mark.exigence("MSS-13")
@pytest.mark.parametrize("acte", ACTES)
@pytest.mark.parametrize("niveau", [None, *Niveau])
def test_a_personal_box_is_its_owners_alone(acte, niveau):
    assert not may(membre(niveau, "titulaire"), Boite.PER, acte, Condition).ok
    assert may(membre(None, "titulaire", proprietaire=True), Boite.PER, acte, Condition).ok


def test_a_box_of_the_software_has_no_reader():
    lisent = {"lire", "repondre", "sortir_piece", "compter", "exporter", "corbeille"}
    for acte in lisent:
        assert conditions_of(membre(A), Boite.APP, acte) is None
    assert may(membre(A), Boite.APP, "connexion").ok
    assert not may(membre(G), Boite.APP, "trace", Condition).ok
    assert may(membre(A), Boite.APP, "trace").ok


@pytest.mark.parametrize(
    ("faits", "mot"), [({"rpps": ""}, "RPPS"), ({"par_psc": False}, "Pro Santé Connect")]
)
def test_content_needs_a_national_identity_whatever_the_level(faits, mot):
    decision = may(membre(A, "titulaire", **faits), Boite.ORG, "lire")
    assert not decision.ok
    assert mot in decision.phrase
    assert may(membre(U, "etudiant", **faits), Boite.ORG, "compter").ok


def test_what_must_also_hold_is_said():
    assert may(membre(G, "preparateur"), Boite.ORG, "lever_quarantaine") == refused("PHARMACIEN")
    assert may(membre(G), Boite.ORG, "lever_quarantaine").ok
    assert may(membre(U), Boite.ORG, "corbeille") == refused("SES_FILS")
    assert may(membre(U), Boite.ORG, "corbeille", [Condition.SES_FILS]).ok
    assert may(membre(A, "titulaire"), Boite.ORG, "exporter") == refused("MOTIF")
    assert may(membre(A), Boite.ORG, "exporter", [Condition.MOTIF]) == refused("TITULAIRE")
    assert may(membre(A, "titulaire"), Boite.ORG, "exporter", [Condition.MOTIF]).ok


def refused(nom):
    from pharmacy.decision import Decision

    return Decision(ok=False, phrase=Condition[nom].value)


@pytest.mark.exigence("MSS-04")
def test_a_titulaire_with_a_personal_account_administers_by_default():
    assert level_by_default("titulaire", compte_personnel=True) is A
    assert level_by_default("titulaire", compte_personnel=False) is None
    assert level_by_default("adjoint", compte_personnel=True) is None


@pytest.mark.parametrize(
    ("niveaux", "partant", "ok"),
    [((A, G, U), A, False), ((A, A, U), A, True), ((A, G), G, True), ((A, U), U, True)],
)
def test_the_last_administrateur_stays(niveaux, partant, ok):
    decision = check_departure(niveaux, partant)
    assert decision.ok is ok
    assert bool(decision.geste) is not ok


def test_the_page_of_the_app_shows_this_matrix():
    assert write_table() in (RACINE / "mssante/README.md").read_text(encoding="utf-8")
