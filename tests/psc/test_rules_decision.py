"""The tables of decision, sentence by sentence (psc.md §3.4 and §3.5)."""

from dataclasses import replace
from datetime import date

import pytest

from psc.rules.decision import Cadre, Lien, Rattache, decide_login, decide_step_up, is_employed
from tests.psc.personnes import exercice, identite

JOUR = date(2026, 11, 25)
CADRE = Cadre(JOUR, "bas", "bas")
ALBA = identite()
A = Rattache(1, Lien.PROUVE, "Essai", "Alba", rpps="99700123459")
B = Rattache(2, Lien.PROUVE, "Autre", "Bruno", rpps="99700900022")
SANS_LIEN = Rattache(3, Lien.RETIRE, "Autre", "Chloé")
EMPLOYE = identite("3752026005/CPE0001", exercices=[])
AMBIGU = identite(
    "d2c6b2a4-83a1-4d4b-94e8-739800000001",
    otherIds=[
        {"identifiant": "899700900014", "origine": "RPPS"},
        {"identifiant": "899700900022", "origine": "RPPS"},
    ],
)
CONTREDIT = identite(otherIds=[{"identifiant": "899700900022", "origine": "RPPS"}])


def resume(issue):
    return issue.genre, issue.code, issue.operateur_id


@pytest.mark.exigence("PSC-04")
@pytest.mark.cas("psc-1")
def test_line_1_the_one_operator_linked_is_signed_in():
    issue = decide_login(ALBA, [A, B], CADRE)
    assert resume(issue) == ("ouvrir", "lien_prouve", 1)
    assert (issue.prouve, issue.fermer_psc, issue.propose_mot_de_passe) == (False, False, False)


@pytest.mark.exigence("PSC-15")
@pytest.mark.cas("psc-3")
def test_line_1_a_preparateur_opens_as_anyone_and_gets_no_right_from_it():
    chloe = identite("899700900030", exercices=[exercice(profession="39")])
    prep = replace(A, operateur_id=5, rpps="99700900030")
    assert resume(decide_login(chloe, [prep], CADRE)) == ("ouvrir", "lien_prouve", 5)


@pytest.mark.cas("psc-15")
def test_line_1_first_use_with_the_same_names_proves_the_link():
    issue = decide_login(ALBA, [replace(A, lien=Lien.DECLARE)], CADRE)
    assert resume(issue) == ("ouvrir", "premier_usage", 1)
    assert issue.prouve


@pytest.mark.cas("psc-14")
def test_line_2_first_use_with_other_names_opens_nothing():
    trompe = replace(B, lien=Lien.DECLARE, rpps=A.rpps)
    issue = decide_login(ALBA, [trompe], CADRE)
    assert resume(issue) == ("confirmer", "noms_differents", 2)
    assert not issue.prouve


def test_line_2_a_strict_officine_always_asks_at_first_use():
    strict = replace(CADRE, premier_usage_strict=True)
    declare = replace(A, lien=Lien.DECLARE)
    assert resume(decide_login(ALBA, [declare], strict)) == ("confirmer", "premier_usage", 1)
    assert decide_login(ALBA, [A], strict).genre == "ouvrir"


@pytest.mark.cas("psc-19")
@pytest.mark.exigence("PSC-05")
@pytest.mark.parametrize(
    "parti",
    [
        {"actif": False},
        {"arrivee": date(2026, 11, 26)},
        {"depart": date(2026, 11, 24)},
        {"lien": Lien.SUSPENDU},
    ],
)
def test_line_3_who_works_here_no_more_is_refused_without_a_hint(parti):
    issue = decide_login(ALBA, [replace(A, **parti)], CADRE)
    assert resume(issue) == ("refuser", "compte_non_autorise", None)
    assert (issue.fermer_psc, issue.gravite) == (True, "alerte")


def test_the_first_and_the_last_day_are_worked():
    for jour in (date(2026, 11, 1), date(2026, 11, 30)):
        assert is_employed(replace(A, arrivee=date(2026, 11, 1), depart=date(2026, 11, 30)), jour)


@pytest.mark.cas("psc-12")
@pytest.mark.exigence("PSC-05")
@pytest.mark.parametrize("connus", [[], [B], [replace(A, lien=Lien.RETIRE)]])
def test_line_4_nobody_linked_is_offered_a_request_and_no_account(connus):
    issue = decide_login(ALBA, connus, CADRE)
    assert resume(issue) == ("lier", "aucun_operateur", None)


@pytest.mark.cas("psc-18")
def test_line_5_two_operators_with_one_rpps_are_refused():
    issue = decide_login(ALBA, [A, replace(B, rpps=A.rpps)], CADRE)
    assert resume(issue) == ("refuser", "plusieurs_operateurs", None)
    assert issue.fermer_psc


@pytest.mark.cas("psc-8")
def test_line_6_without_rpps_the_whole_identifier_is_compared():
    hugo = replace(A, operateur_id=8, rpps="", national="3752026005/CPE0001")
    assert resume(decide_login(EMPLOYE, [hugo], CADRE)) == ("ouvrir", "lien_prouve", 8)
    sans = decide_login(EMPLOYE, [replace(hugo, national=""), A], CADRE)
    assert resume(sans) == ("lier", "aucun_operateur_sans_rpps", None)


@pytest.mark.parametrize("decide", [decide_login, lambda i, c, k: decide_step_up(i, c[0], c, k)])
def test_line_7_an_identity_of_another_environment_is_critical(decide):
    issue = decide(ALBA, [A], replace(CADRE, environnement_identite="prod"))
    assert resume(issue) == ("refuser", "autre_environnement", None)
    assert (issue.fermer_psc, issue.gravite) == (True, "critique")


def test_line_8_a_forced_change_of_password_is_proposed_and_does_not_block():
    issue = decide_login(ALBA, [replace(A, mot_de_passe_a_changer=True)], CADRE)
    assert (issue.genre, issue.propose_mot_de_passe) == ("ouvrir", True)


def test_line_9_a_poste_not_allowed_is_refused():
    issue = decide_login(ALBA, [replace(A, autorise_ici=False)], CADRE)
    assert resume(issue) == ("refuser", "poste_non_autorise", None)


@pytest.mark.parametrize("decide", [decide_login, lambda i, c, k: decide_step_up(i, c[0], c, k)])
@pytest.mark.parametrize(
    ("qui", "code", "gravite"),
    [
        pytest.param(AMBIGU, "rpps_ambigu", "alerte", marks=pytest.mark.cas("psc-24")),
        pytest.param(CONTREDIT, "rpps_contradictoire", "critique", marks=pytest.mark.cas("psc-25")),
    ],
)
def test_an_identity_that_names_two_persons_opens_nothing(decide, qui, code, gravite):
    issue = decide(qui, [A, B], CADRE)
    assert resume(issue) == ("refuser", code, None)
    assert issue.gravite == gravite


@pytest.mark.cas("psc-11")
def test_step_up_of_the_operator_attaches_the_session():
    assert resume(decide_step_up(ALBA, A, [A, B], CADRE)) == ("rattacher", "lien_prouve", 1)
    premier = decide_step_up(ALBA, replace(A, lien=Lien.DECLARE), [], CADRE)
    assert (premier.genre, premier.prouve) == ("rattacher", True)


def test_step_up_at_first_use_with_other_names_asks():
    courant = replace(B, lien=Lien.DECLARE, rpps=A.rpps)
    assert resume(decide_step_up(ALBA, courant, [], CADRE)) == ("confirmer", "noms_differents", 2)


def test_step_up_of_an_operator_without_a_link_proposes_one():
    assert resume(decide_step_up(ALBA, SANS_LIEN, [B], CADRE)) == (
        "lier",
        "operateur_sans_lien",
        3,
    )


@pytest.mark.cas("psc-61")
@pytest.mark.parametrize("courant", [B, SANS_LIEN])
def test_step_up_by_a_colleague_never_switches_in_silence(courant):
    issue = decide_step_up(ALBA, courant, [A, B], CADRE)
    assert (issue.genre, issue.operateur_id, issue.fermer_psc) == ("choisir", 1, False)


@pytest.mark.parametrize("connus", [[B], [B, replace(A, actif=False)]])
def test_step_up_by_a_stranger_leaves_the_operator_and_closes_the_stranger(connus):
    issue = decide_step_up(ALBA, B, connus, CADRE)
    assert (issue.genre, issue.operateur_id, issue.fermer_psc) == ("rester", 2, True)


@pytest.mark.cas("psc-18")
def test_step_up_with_two_operators_of_one_rpps_is_refused():
    issue = decide_step_up(ALBA, A, [replace(B, rpps=A.rpps)], CADRE)
    assert resume(issue) == ("refuser", "plusieurs_operateurs", None)
