"""What a person may try after « 01 »: exact, likeliest first, never a guess."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.question import Question, dump_question, load_question, said
from ins.rules.variantes import MAXIMUM, Contexte, propose_variants

PAUL = Question("MARTIN", ("PAUL",), "M", "1980-05-20")


def _codes(question, **faits):
    return [v.code for v in propose_variants(question, Contexte(**faits))]


def _sent(question, code, **faits):
    variantes = propose_variants(question, Contexte(**faits))
    return [v.question for v in variantes if v.code == code]


@pytest.mark.cas("ins-20")
@pytest.mark.exigence("INS-23")
def test_for_a_woman_the_birth_name_is_the_first_thing_to_ask():
    femme = replace(PAUL, sexe="F", nom="DUPONT", naissance="1980-05-11")
    assert _codes(femme)[0] == "nom_naissance"
    assert _codes(replace(femme, sexe="M"))[:2] == ["date", "nom_naissance"]


def test_a_birth_name_nobody_confirmed_comes_first_for_a_man_too():
    assert _codes(replace(PAUL, naissance="1980-05-11"), nom_incertain=True)[0] == "nom_naissance"


def test_another_name_of_the_file_is_one_key():
    femme = replace(PAUL, sexe="F", nom="DUPONT")
    autres = _sent(femme, "nom", noms_connus=("DUPONT", "ADRUN", ""))
    assert autres == [replace(femme, nom="ADRUN")]


@pytest.mark.exigence("INS-23")
@pytest.mark.parametrize(
    ("nom", "attendus"),
    [
        ("D'ALMEIDA", ["D ALMEIDA", "DALMEIDA"]),
        ("D ALMEIDA", ["D'ALMEIDA", "DALMEIDA"]),
        ("DALMEIDA", ["D'ALMEIDA", "D ALMEIDA"]),
        ("DE L'HERAULT", ["DE L HERAULT", "DE LHERAULT"]),
        ("L ANGE", ["L'ANGE", "LANGE"]),
        ("MODELE-BLANC", ["MODELE BLANC"]),
        ("MODELE BLANC", ["MODELE-BLANC"]),
        ("DE VINCI", []),
        ("DUPONT", []),
        ("LEROY", []),
    ],
)
def test_particles_apostrophes_and_hyphens_are_tried_each_way(nom, attendus):
    assert [q.nom for q in _sent(replace(PAUL, nom=nom), "particule")] == attendus


@pytest.mark.exigence("INS-23")
@pytest.mark.parametrize(
    ("prenoms", "attendus"),
    [
        (("PIERRE-ALAIN",), [("PIERRE ALAIN",), ("PIERRE",)]),
        (("JEAN", "PIERRE", "LUC"), [("JEAN-PIERRE",)]),
        (("PAUL",), []),
    ],
)
def test_first_names_are_tried_without_hyphen_alone_and_joined(prenoms, attendus):
    assert [q.prenoms for q in _sent(replace(PAUL, prenoms=prenoms), "prenom")] == attendus


@pytest.mark.parametrize(
    ("naissance", "attendues"),
    [
        ("1980-05-11", ["1980-11-05"]),
        ("1980-05-20", []),
        ("1980-05-05", []),
        ("1950-00-00", []),
    ],
)
def test_day_and_month_are_exchanged_when_both_may_be_a_month(naissance, attendues):
    questions = _sent(replace(PAUL, naissance=naissance), "date")
    assert [q.naissance for q in questions] == attendues


def test_the_place_is_taken_out_when_it_was_sent():
    assert _sent(replace(PAUL, lieu="63220"), "lieu") == [PAUL]
    assert _sent(PAUL, "lieu") == []


def test_the_card_is_proposed_when_there_is_none_and_its_lunar_date_when_wanted():
    assert _codes(PAUL)[-1] == "carte"
    assert "carte" not in _codes(PAUL, carte=True)
    (lunaire,) = _sent(PAUL, "lunaire", lunaire="1980-00-00")
    assert lunaire.naissance == "1980-00-00"


_NOMS = st.from_regex(r"[A-Z][A-Z' -]{0,12}[A-Z]", fullmatch=True)


@given(_NOMS, st.lists(_NOMS, min_size=1, max_size=4), st.sampled_from("MF"), st.booleans())
def test_no_variant_changes_the_sex_nor_repeats_a_question(nom, prenoms, sexe, carte):
    question = Question(nom, tuple(prenoms), sexe, "1980-05-11", "63220")
    variantes = propose_variants(question, Contexte(carte=carte, noms_connus=("AUTRE",)))
    questions = [v.question for v in variantes if v.question]
    assert len(variantes) <= MAXIMUM
    assert question not in questions
    assert len(set(questions)) == len(questions)
    assert {q.sexe for q in questions} == {sexe}


@given(_NOMS, st.lists(_NOMS, min_size=1, max_size=4), st.booleans())
def test_a_question_comes_back_as_it_was_kept(nom, prenoms, ensemble):
    question = Question(nom, tuple(prenoms), "F", "1980-05-11", "2A004", ensemble)
    assert load_question(dump_question(question)) == question


def test_what_leaves_is_said_as_it_leaves():
    liste = replace(PAUL, prenoms=("PAUL", "LUC"), lieu="63220")
    assert dict(said(liste, "elements"))["Prénoms"] == "PAUL puis LUC puis tous ensemble"
    assert dict(said(liste, "non"))["Prénoms"] == "PAUL puis LUC"
    assert dict(said(replace(liste, ensemble=True), "elements"))["Prénoms"] == "PAUL LUC"
    assert said(PAUL, "elements")[1:] == (
        ("Prénom", "PAUL"),
        ("Sexe", "M"),
        ("Date", "20/05/1980"),
        ("Lieu", "non envoyé"),
    )


def test_the_same_question_is_offered_once_whatever_the_ways_to_it():
    """The other name of the file is also the name without its apostrophe."""
    question = Question("D'ALMEIDA", ("PAUL",), "M", "1950-11-30", "")
    variantes = propose_variants(question, Contexte(noms_connus=("D ALMEIDA",)))
    envoyees = [v.question for v in variantes if v.question is not None]
    assert len(envoyees) == len(set(envoyees))
    assert [v.code for v in variantes if v.question and v.question.nom == "D ALMEIDA"] == [
        "particule"
    ]
