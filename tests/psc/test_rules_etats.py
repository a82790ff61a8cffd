"""States, deadlines, the telephone and the way back, as pure rules."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psc.rules.ciba import (
    INTERVALLE_MAX_S,
    begin_wait,
    is_person_called,
    next_delay_s,
    slow_down,
    start_refusal,
)
from psc.rules.etats import (
    TRANSITIONS,
    Echeances,
    Etat,
    Limites,
    SessionVue,
    TransitionRefusee,
    check_transition,
    compute_deadlines,
    is_ending,
    is_resumable,
    must_renew,
    refusal_of_use,
    state_at,
)
from psc.rules.identifiant import RppsContradictoire
from psc.rules.retour import RetourRefuse, check_issuer, error_code_of, parse_callback
from tests.psc.personnes import identite

T0 = datetime(2026, 11, 25, 9, tzinfo=UTC)
MIN = timedelta(minutes=1)
HEURE = timedelta(hours=1)
SESSION = SessionVue(1, 7, Etat.ACTIVE, Echeances(T0 + 30 * MIN, T0 + 4 * HEURE))
EMETTEUR = "https://auth.exemple.test/auth/realms/esante-wallet"


def test_the_table_is_closed_and_what_is_over_stays_over():
    assert set(TRANSITIONS) == set(Etat)
    assert TRANSITIONS[Etat.TERMINEE] == frozenset()
    for avant in Etat:
        for apres in Etat:
            if apres in TRANSITIONS[avant]:
                check_transition(avant, apres)
            else:
                with pytest.raises(TransitionRefusee):
                    check_transition(avant, apres)


@pytest.mark.exigence("PSC-11")
@pytest.mark.parametrize(
    ("emis", "refresh_s", "inactivite"),
    [
        (T0, 1800, T0 + 30 * MIN),
        (T0, None, T0 + 30 * MIN),
        (T0, 600, T0 + 10 * MIN),
        (T0, 36_000, T0 + 30 * MIN),
        (T0 + 230 * MIN, 1800, T0 + 4 * HEURE),
    ],
)
def test_a_refresh_extends_the_idle_deadline_and_never_the_end(emis, refresh_s, inactivite):
    echeances = compute_deadlines(emis, refresh_s, T0, Limites())
    assert echeances == Echeances(inactivite, T0 + 4 * HEURE)


@pytest.mark.cas("psc-71")
@pytest.mark.exigence("PSC-11")
def test_half_an_hour_without_an_act_asks_for_a_confirmation():
    assert state_at(SESSION, T0 + 29 * MIN) is Etat.ACTIVE
    assert state_at(SESSION, T0 + 31 * MIN) is Etat.A_RECONFIRMER


@pytest.mark.cas("psc-72")
@pytest.mark.exigence("PSC-11")
def test_after_four_hours_it_is_over_and_ten_minutes_before_it_is_said():
    tenue = replace(SESSION, echeances=compute_deadlines(T0 + 239 * MIN, 1800, T0, Limites()))
    assert not is_ending(tenue.echeances, T0 + 229 * MIN)
    assert is_ending(tenue.echeances, T0 + 230 * MIN)
    assert not is_ending(tenue.echeances, T0 + 240 * MIN)
    assert state_at(tenue, T0 + 239 * MIN) is Etat.ACTIVE
    for etat in (Etat.ACTIVE, Etat.A_RECONFIRMER, Etat.GAREE):
        assert state_at(replace(tenue, etat=etat), T0 + 240 * MIN) is Etat.TERMINEE


@pytest.mark.parametrize("etat", [Etat.ABSENTE, Etat.EN_ATTENTE, Etat.TERMINEE])
def test_what_has_no_token_has_no_deadline(etat):
    assert state_at(replace(SESSION, etat=etat), T0 + 10 * HEURE) is etat


@pytest.mark.cas("psc-63")
@pytest.mark.cas("psc-65")
@pytest.mark.parametrize(
    ("change", "operateur", "poste", "quand", "motif"),
    [
        ({}, 1, 7, T0, ""),
        ({}, 2, 7, T0, "autre_operateur"),
        ({}, 1, 8, T0, "autre_poste"),
        ({"etat": Etat.GAREE}, 1, 7, T0, "garee"),
        ({"etat": Etat.GAREE}, 2, 7, T0, "autre_operateur"),
        ({}, 1, 7, T0 + 31 * MIN, "a_reconfirmer"),
        ({"etat": Etat.TERMINEE}, 1, 7, T0, "terminee"),
        ({}, 1, 7, T0 + 5 * HEURE, "terminee"),
    ],
)
def test_a_session_serves_its_owner_on_its_poste_and_nobody_else(
    change, operateur, poste, quand, motif
):
    assert refusal_of_use(replace(SESSION, **change), operateur, poste, quand) == motif


@pytest.mark.cas("psc-64")
def test_who_comes_back_in_time_resumes_and_later_does_not():
    garee = replace(SESSION, etat=Etat.GAREE)
    assert is_resumable(garee, 1, 7, T0 + 20 * MIN)
    assert not is_resumable(garee, 1, 7, T0 + 31 * MIN)
    assert not is_resumable(garee, 2, 7, T0)
    assert not is_resumable(garee, 1, 8, T0)
    assert not is_resumable(SESSION, 1, 7, T0)


@pytest.mark.cas("psc-97")
def test_a_token_with_ten_seconds_left_is_renewed_first():
    assert must_renew(T0 + timedelta(seconds=10), T0)
    assert not must_renew(T0 + timedelta(seconds=15), T0)


@pytest.mark.cas("psc-89")
def test_the_fourth_call_in_ten_minutes_is_refused_here():
    trois = [T0, T0 + MIN, T0 + 2 * MIN]
    assert start_refusal(trois[:2], trois[:2], T0 + 3 * MIN, en_cours=False) == ""
    refus = start_refusal(trois, trois, T0 + 3 * MIN, en_cours=False)
    assert refus == "trop_de_demandes_operateur"
    assert start_refusal(trois, trois, T0 + 10 * MIN, en_cours=False) == ""


def test_a_poste_and_a_request_under_way_have_their_limit_too():
    dix = [T0] * 10
    assert start_refusal([], dix, T0 + MIN, en_cours=False) == "trop_de_demandes_poste"
    assert start_refusal([], [], T0, en_cours=True) == "demande_en_cours"


@pytest.mark.cas("psc-87")
@pytest.mark.parametrize(("donne", "pas"), [(None, 5), (1, 1), (0, 1), (7, 7), (900, 60)])
def test_the_pace_is_the_one_given_and_slows_by_five_seconds(donne, pas):
    attente = begin_wait(T0, 120, donne)
    assert (attente.intervalle_s, attente.fin) == (pas, T0 + 2 * MIN)
    lente = slow_down(attente)
    assert (lente.intervalle_s, lente.fin) == (min(pas + 5, INTERVALLE_MAX_S), attente.fin)


@pytest.mark.parametrize(("pannes", "pas"), [(0, 5), (1, 10), (3, 40), (4, 60), (500, 60)])
def test_a_breakdown_doubles_the_wait_up_to_a_minute(pannes, pas):
    assert next_delay_s(begin_wait(T0, 120, 5), pannes) == pas


@pytest.mark.cas("psc-84", "psc-85")
def test_only_the_person_called_may_answer():
    assert is_person_called(identite(), "99700123459")
    assert not is_person_called(identite("899700900022"), "99700123459")
    assert not is_person_called(identite("3752026005/CPE0001", exercices=[]), "99700123459")
    psi = identite(
        "d2c6b2a4-83a1-4d4b-94e8-739800000001",
        otherIds=[{"identifiant": "899700123459", "origine": "RPPS"}],
    )
    assert is_person_called(psi, "99700123459")
    deux = identite(otherIds=[{"identifiant": "899700900022", "origine": "RPPS"}])
    with pytest.raises(RppsContradictoire):
        is_person_called(deux, "99700123459")


def test_a_code_or_an_error_comes_back_with_its_state():
    retour = parse_callback([("state", "e"), ("code", "c"), ("session_state", "x"), ("iss", "i")])
    assert (retour.etat, retour.code, retour.erreur, retour.emetteur) == ("e", "c", "", "i")
    assert "'c'" not in repr(retour)


@pytest.mark.cas("psc-34")
def test_a_parameter_given_twice_is_refused():
    with pytest.raises(RetourRefuse, match="retour_double"):
        parse_callback([("state", "a"), ("state", "b"), ("code", "c")])


@pytest.mark.parametrize(
    "parametres",
    [
        {"code": "c"},
        {"state": "", "code": "c"},
        {"state": "e" * 129, "code": "c"},
        {"state": "e", "code": "c" * 4097},
        {"state": "e"},
        {"state": "e", "code": "c", "error": "access_denied"},
    ],
)
def test_what_lacks_or_exceeds_is_refused(parametres):
    with pytest.raises(RetourRefuse, match="retour_illisible"):
        parse_callback(parametres.items())


@pytest.mark.cas("psc-33")
@pytest.mark.parametrize(
    ("iss", "annonce", "refuse"),
    [
        (EMETTEUR, True, False),
        (EMETTEUR, False, False),
        ("", False, False),
        ("", True, True),
        ("https://ailleurs.test", True, True),
        ("https://ailleurs.test", False, True),
        (EMETTEUR + "/", True, True),
    ],
)
def test_the_issuer_comes_back_when_announced_and_is_ours(iss, annonce, refuse):
    retour = parse_callback([("state", "e"), ("code", "c"), *([("iss", iss)] if iss else [])])
    if refuse:
        with pytest.raises(RetourRefuse, match="retour_emetteur"):
            check_issuer(retour, EMETTEUR, annonce=annonce)
    else:
        check_issuer(retour, EMETTEUR, annonce=annonce)


@pytest.mark.cas("psc-35")
@pytest.mark.parametrize(
    ("erreur", "code"),
    [
        ("access_denied", "retour_annule"),
        ("login_required", "retour_recommencer"),
        ("interaction_required", "retour_recommencer"),
        ("temporarily_unavailable", "psc_indisponible"),
        ("<script>", "retour_refuse"),
    ],
)
def test_an_error_is_one_of_ours_and_its_description_is_not_read(erreur, code):
    retour = parse_callback(
        [("state", "e"), ("error", erreur), ("error_description", "<script>alert(1)</script>")]
    )
    assert error_code_of(retour) == code
    assert "alert" not in repr(retour)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
def test_nothing_in_a_callback_raises_anything_else(parametres):
    with suppress(RetourRefuse):
        assert parse_callback(parametres).etat
