"""Rules of identity."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.acceptation import judge
from ins.rules.dates import parse_birth
from ins.rules.matricule import check_typed, join_returned, nir_key
from ins.rules.oid import is_accepted, is_nia
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.rules.traits import (
    CaractereRefuse,
    TraitsStricts,
    comparison_key,
    default_first_name,
    diff,
    is_first_name_consistent,
    normalise,
)
from pharmacy.rules.noms import ProfilRefuse, check_birth_name, check_first_name


@pytest.mark.exigence("INS-03")
@pytest.mark.parametrize(
    ("corps", "cle"),
    [
        ("2751263220749", 74),
        ("297022A020778", 78),
        ("160012B020777", 13),
        ("180032B020401", 23),
        ("1090763220888", 35),
        ("1010663220754", 60),
        ("1620420250017", 74),
        ("1900299352045", 45),
        ("1840397411009", 33),
    ],
)
def test_key_of_the_published_matricules(corps, cle):
    assert nir_key(corps) == cle
    check_typed(f"{corps}{cle:02d}")


@pytest.mark.cas("ins-23", "ins-25")
@pytest.mark.parametrize("faux", ["275126322074975", "27512632207497", "ABC", "2751263220749XX"])
def test_a_typed_matricule_with_a_wrong_key_is_refused(faux):
    with pytest.raises(ValueError, match="matricule"):
        check_typed(faux)


def test_a_letter_outside_corsica_is_not_a_number():
    with pytest.raises(ValueError, match="body"):
        nir_key("2A51263220749")


def test_what_insi_returns_is_kept_and_flagged():
    assert join_returned("2751263220749", "74") == ("275126322074974", ())
    assert join_returned("2751263220749", "60") == ("275126322074960", ("cle_incoherente",))
    assert join_returned("2751263220749", "") == ("275126322074974", ("cle_calculee",))
    assert join_returned("XX", "01") == ("XX01", ("matricule_forme",))


def test_test_authorities_stay_out_of_production():
    assert is_accepted("1.2.250.1.213.1.4.10", "simulateur")
    assert not is_accepted("1.2.250.1.213.1.4.10", "production")
    assert is_accepted("1.2.250.1.213.1.4.8", "production")
    assert not is_accepted("1.2.250.1.213.1.4.2", "simulateur")
    assert is_nia("1.2.250.1.213.1.4.9")


def test_a_typographic_name_leaves_in_capitals():
    assert normalise("D’Æion") == "D'AEION"
    assert normalise("Cœur") == "COEUR"
    assert normalise("  Jean – Paul ") == "JEAN - PAUL"


def test_a_character_that_cannot_be_written_is_named():
    with pytest.raises(CaractereRefuse, match="« 3 »"):
        normalise("MARTIN3")
    assert comparison_key("MARTIN3") == "MARTIN3"


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=30))
def test_normalising_twice_changes_nothing(texte):
    try:
        une = normalise(texte)
    except CaractereRefuse:
        return
    assert normalise(une) == une


@pytest.mark.parametrize(
    ("premier", "attendu"),
    [
        ("JEAN", True),
        ("JEAN CHRISTOPHE", True),
        ("JEAN-CHRISTOPHE", True),
        ("JEAN-CHRISTOPHE-PIERRE", True),
        ("JEAN CHRISTOPHE-PIERRE", True),
        ("CHRISTOPHE", False),
        ("PIERRE", False),
        ("", False),
    ],
)
def test_first_name_must_start_the_list(premier, attendu):
    assert is_first_name_consistent(premier, "JEAN CHRISTOPHE PIERRE") is attendu


def test_a_local_compound_first_name_is_kept():
    assert default_first_name("JEAN CHRISTOPHE PIERRE", "JEAN-CHRISTOPHE") == "JEAN-CHRISTOPHE"
    assert default_first_name("PIERRE-ALAIN MURIEL", "ALAIN") == "PIERRE-ALAIN"


@pytest.mark.parametrize(
    ("brut", "jour", "interpretee"),
    [
        ("1975-12-31", date(1975, 12, 31), False),
        ("19751231", date(1975, 12, 31), False),
        ("1950-20-00", date(1950, 12, 31), True),
        ("1950-00-12", date(1950, 1, 12), True),
        ("1950-06-00", date(1950, 6, 1), True),
        ("1950-02-30", date(1950, 2, 1), True),
    ],
)
def test_lunar_dates_are_completed_and_said(brut, jour, interpretee):
    lue = parse_birth(brut)
    assert (lue.jour, lue.interpretee) == (jour, interpretee)


@pytest.mark.parametrize("brut", ["", "hier", "0000-01-01", "1869-12-31"])
def test_a_date_without_a_usable_year_is_unknown(brut):
    assert parse_birth(brut) is None


@pytest.mark.parametrize(
    ("preuves", "statut"),
    [
        (Preuves(1), "PROV"),
        (Preuves(1, ins_version=1), "RECUP"),
        (Preuves(1, piece_version=1), "VALI"),
        (Preuves(1, 1, 1), "QUAL"),
        (Preuves(2, 1, 1), "PROV"),
        (Preuves(2, 2, 1), "RECUP"),
        (Preuves(1, 1, 1, douteux=True), "PROV"),
        (Preuves(1, 1, 1, fictif=True), "PROV"),
    ],
)
def test_status_is_computed_from_evidence_on_the_current_traits(preuves, statut):
    assert compute_statut(preuves) == statut


@given(
    st.integers(1, 5),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 5),
    st.booleans(),
    st.booleans(),
)
def test_no_evidence_ever_leaves_a_false_qualification(traits, ins, piece, douteux, fictif):
    statut = compute_statut(Preuves(traits, ins, piece, douteux, fictif))
    if statut == "QUAL":
        assert ins == traits
        assert piece == traits
        assert not douteux
        assert not fictif


def test_a_transition_only_leaves_the_statuses_of_the_table():
    assert transition_number("recuperation", "PROV") == "T6"
    with pytest.raises(ValueError, match="cannot leave QUAL"):
        transition_number("recuperation", "QUAL")


INSI = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "63220")


def test_blanks_are_no_difference_and_the_answer_is_taken():
    local = TraitsStricts("", "", "ZOE", date(1975, 12, 31), "")
    assert judge(local, INSI, "", "275126322074974", ()).suite == "accepter"


def test_differences_are_named_and_asked():
    local = TraitsStricts("DUPONT", "", "LEA", date(1975, 12, 30), "M", "75056")
    verdict = judge(local, INSI, "", "275126322074974", ())
    assert verdict.suite == "demander"
    assert verdict.ecarts == (
        "nom_naissance",
        "premier_prenom",
        "date_naissance",
        "sexe",
        "cog_naissance",
    )


def test_another_matricule_that_is_not_a_former_one_is_two_people():
    assert judge(INSI, INSI, "1", "2", ()).suite == "alerter"
    assert judge(INSI, INSI, "1", "2", ("1",)).suite == "demander"


@pytest.mark.cas("ins-22")
def test_corsican_places_are_alike():
    local = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "20004")
    recu = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "2A004")
    assert judge(local, recu, "", "x", ()).suite == "accepter"


@pytest.mark.exigence("INS-24")
@pytest.mark.parametrize(
    ("local", "recu", "attendu"),
    [
        ("ZOE MARIE", "ZOE ANNE", ("prenoms_naissance",)),
        ("ZOE MARIE", "ZOE MARIE ANNE", ()),
        ("ZOE ANNE MARIE", "ZOE MARIE ANNE", ()),
        ("", "ZOE", ()),
        ("ZOE", "", ("prenoms_naissance",)),
    ],
)
def test_a_first_name_that_insi_does_not_give_is_a_difference(local, recu, attendu):
    traits = {"premier_prenom": "", "date_naissance": None, "sexe": "", "nom_naissance": ""}
    assert (
        diff(
            TraitsStricts(prenoms_naissance=local, **traits),
            TraitsStricts(prenoms_naissance=recu, **traits),
        )
        == attendu
    )


@pytest.mark.cas("ins-8")
@pytest.mark.parametrize(
    ("saisie", "fautif"), [("Dupont2", "2"), ("N/A", "/"), ("?", "?"), ("MAR.TIN", ".")]
)
def test_what_is_not_of_a_name_is_named_and_nothing_is_deleted(saisie, fautif):
    with pytest.raises(CaractereRefuse, match=re.escape(f"« {fautif} »")):
        normalise(saisie)


@pytest.mark.cas("ins-9")
def test_a_leading_hyphen_is_refused_and_a_leading_space_is_trimmed():
    assert normalise(" MARTIN") == "MARTIN"
    with pytest.raises(ProfilRefuse) as refus:
        check_birth_name("-MARTIN")
    assert refus.value.proposition == "MARTIN"


@pytest.mark.cas("ins-10")
@pytest.mark.parametrize(
    ("nom", "proposition"),
    [("D''ARC", "D'ARC"), ("L' HERAULT", "L'HERAULT"), ("D 'ARC", "D'ARC")],
)
def test_two_separators_in_a_row_are_refused_with_the_way_to_write_it(nom, proposition):
    with pytest.raises(ProfilRefuse) as refus:
        check_birth_name(normalise(nom))
    assert f"« {proposition} »" in str(refus.value)
    check_birth_name(proposition)


@pytest.mark.cas("ins-11")
def test_a_double_hyphen_is_of_a_birth_name_and_not_of_a_first_name():
    check_birth_name("DUPONT--MARTIN")
    with pytest.raises(ProfilRefuse) as refus:
        check_first_name("ANNE--MARIE")
    assert refus.value.proposition == "ANNE-MARIE"


@pytest.mark.parametrize("prenom", ["ANNE-", "ANNE'", "-ANNE"])
def test_a_first_name_neither_starts_nor_ends_with_a_sign(prenom):
    with pytest.raises(ProfilRefuse) as refus:
        check_first_name(prenom)
    assert refus.value.proposition == "ANNE"


@pytest.mark.parametrize("nom", ["'T HOOFT", "D'ARTAGNAN DE L'HERAULT", "MODELE-BLANC"])
def test_names_of_the_profile_pass(nom):
    check_birth_name(nom)


@pytest.mark.cas("ins-15", "ins-16")
def test_a_compound_first_name_without_hyphen_agrees_and_a_second_one_does_not():
    liste = "JEAN-PIERRE ALAIN"
    assert is_first_name_consistent("JEAN PIERRE", liste)
    assert default_first_name(liste, "JEAN PIERRE") == "JEAN PIERRE"
    assert not is_first_name_consistent("ALAIN", liste)
    assert default_first_name(liste, "ALAIN") == "JEAN-PIERRE"
