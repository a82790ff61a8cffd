"""Two files, one person: the points of ins.md §2.9, one by one, and what they never do."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.doublons import PHRASES, POINTS, Fiche, compare_fiches, near_days
from ins.rules.traits import TraitsStricts

JOUR = date(1975, 12, 31)
VERDICTS = {"certain", "jumeaux", "homonyme", "probable", "possible", ""}


def fiche(numero=1, **champs):
    """ADRUN ZOE, born a woman on 31/12/1975 in 63220, save what is said."""
    traits = {
        "nom_naissance": "ADRUN",
        "prenoms_naissance": "",
        "premier_prenom": "ZOE",
        "date_naissance": JOUR,
        "sexe": "F",
        "cog_naissance": "63220",
    }
    autres = {cle: champs.pop(cle) for cle in tuple(champs) if cle not in traits}
    return Fiche(numero, TraitsStricts(**{**traits, **champs}), **autres)


def near(une=None, autre=None):
    """The two files compared: what is said of each is what differs from ADRUN ZOE."""
    return compare_fiches(fiche(1, **(une or {})), fiche(2, **(autre or {})))


INS = {"ins": "8:a"}


@pytest.mark.parametrize(
    ("une", "autre", "indice"),
    [
        (INS, INS, "ins"),
        (INS, {"ins_connues": frozenset({"8:a"})}, "ins"),
        (INS, {"ins": "8:b"}, "ins_differente"),
        ({}, {}, "date"),
        ({"date_naissance": date(1975, 3, 12)},
         {"date_naissance": date(1975, 12, 3)}, "date_inversee"),
        ({}, {"date_naissance": date(1976, 12, 31)}, "date_chiffre"),
        ({}, {}, "nom"),
        ({"nom_naissance": "D'ARC"}, {"nom_naissance": "D ARC"}, "nom"),
        ({}, {"nom_naissance": "DUPONT", "nom_utilise": "Adrun"}, "nom_croise"),
        ({"nom_naissance": "", "nom_utilise": "DUPONT"},
         {"nom_naissance": "", "nom_utilise": "DUPONT"}, "nom_croise"),
        ({"nom_naissance": "DUPONT"}, {"nom_naissance": "DUPOND"}, "nom_proche"),
        ({"nom_naissance": "DE LA TOUR"}, {"nom_naissance": "LATOUR"}, "nom_proche"),
        ({"nom_naissance": "LE GOFF"}, {"nom_naissance": "GOF"}, "nom_proche"),
        ({}, {}, "prenom"),
        ({"premier_prenom": "ANNE"}, {"prenoms_naissance": "ZOE ANNE"}, "prenom"),
        ({"premier_prenom": "JEAN PIERRE"},
         {"premier_prenom": "PAUL", "prenoms_naissance": "PAUL JEAN-PIERRE"}, "prenom"),
        ({}, {"premier_prenom": "ANNE", "prenom_utilise": "Zoé"}, "prenom_utilise"),
        ({"premier_prenom": "SOPHIE"}, {"premier_prenom": "SOFIE"}, "prenom_proche"),
        ({}, {}, "sexe"),
        ({}, {"sexe": "M"}, "sexe_different"),
        ({}, {}, "lieu"),
        ({"cog_naissance": "2A004"}, {"cog_naissance": "20004"}, "lieu"),
        ({"cog_naissance": "75115"}, {"cog_naissance": "75056"}, "lieu"),
        ({"cog_naissance": "69123"}, {"cog_naissance": "69385"}, "lieu"),
        ({"cog_naissance": "13055"}, {"cog_naissance": "13201"}, "lieu"),
        ({}, {"cog_naissance": "63113"}, "lieu_different"),
        ({"cog_naissance": "75115"}, {"cog_naissance": "75116"}, "lieu_different"),
        ({"rang": 1}, {"rang": 2}, "rang_different"),
    ],
)  # fmt: skip
def test_each_row_of_the_table_counts_its_points(une, autre, indice):
    lu = near(une, autre)
    assert indice in lu.indices
    attendu = 100 if "ins" in lu.indices else sum(POINTS[i] for i in lu.indices)
    assert lu.score == max(0, attendu)


@pytest.mark.parametrize(
    ("une", "autre", "absents"),
    [
        ({}, {"nom_naissance": "MARTIN"}, "nom"),
        # A husband and a wife: both birth names are known, the used one says nothing.
        ({"nom_utilise": "DUPONT"}, {"nom_naissance": "DURAND", "nom_utilise": "DUPONT"}, "nom"),
        ({"nom_naissance": ""}, {"nom_naissance": ""}, "nom"),
        ({"premier_prenom": "MARIE"},
         {"premier_prenom": "MARIE-LOU", "prenoms_naissance": "MARIE-LOU ANNE"}, "prenom"),
        ({"premier_prenom": "JEAN"}, {"premier_prenom": "JEANNE"}, "prenom"),
        ({"premier_prenom": ""}, {"premier_prenom": ""}, "prenom"),
        ({}, {"sexe": ""}, "sexe"),
        ({"cog_naissance": "99999"}, {}, "lieu"),
        ({"cog_naissance": ""}, {}, "lieu"),
        ({}, {"date_naissance": None}, "date"),
        ({}, {"date_naissance": date(1950, 1, 2)}, "date"),
        ({"rang": 1}, {}, "rang"),
        ({"rang": 1}, {"rang": 2, "nom_naissance": "MARTIN"}, "rang"),
        (INS, {}, "ins"),
    ],
)  # fmt: skip
def test_what_is_not_in_common_or_not_known_counts_nothing(une, autre, absents):
    assert not [i for i in near(une, autre).indices if i.startswith(absents)]


@pytest.mark.exigence("INS-28")
@pytest.mark.parametrize(
    ("une", "autre", "score", "verdict"),
    [
        (INS, {**INS, "nom_naissance": "MARTIN"}, 100, "certain"),
        ({}, {}, 90, "probable"),
        ({}, {"cog_naissance": ""}, 80, "possible"),
        ({}, {"nom_naissance": "ADRIN", "sexe": "", "cog_naissance": ""}, 60, "possible"),
        ({}, {"nom_naissance": "MARTIN", "sexe": "", "cog_naissance": ""}, 50, ""),
        # Same names, same town, born years apart: 60 points, two people.
        ({}, {"date_naissance": date(1940, 5, 2)}, 60, ""),
        ({}, {"date_naissance": None}, 60, ""),
        (INS, {"ins": "8:b"}, 30, "homonyme"),
        ({}, {"premier_prenom": "LEA"}, 70, "homonyme"),
        ({}, {"premier_prenom": ""}, 70, "possible"),
        ({"premier_prenom": "SOPHIE"}, {"premier_prenom": "SOFIE"}, 78, "possible"),
        ({"rang": 1}, {"rang": 2}, 65, "jumeaux"),
        ({"rang": 1, **INS}, {"rang": 2, "ins": "8:b"}, 5, "jumeaux"),
        ({"rang": 1}, {"rang": 2, "premier_prenom": "LEA"}, 45, "homonyme"),
    ],
)
def test_what_the_points_mean(une, autre, score, verdict):
    lu = near(une, autre)
    assert (lu.score, lu.verdict) == (score, verdict)


JOURS = st.dates(date(1870, 1, 1), date(2026, 11, 25))


@given(JOURS, JOURS)
def test_the_days_to_look_at_are_those_that_earn_points(un, deux):
    indices = near({"date_naissance": un}, {"date_naissance": deux}).indices
    assert (deux in near_days(un)) == any(i.startswith("date") for i in indices)
    assert all(un in near_days(proche) for proche in near_days(un))


def test_a_file_is_not_its_own_duplicate():
    with pytest.raises(ValueError, match="own duplicate"):
        compare_fiches(fiche(7), fiche(7))


def test_every_reason_has_its_words():
    assert PHRASES.keys() == POINTS.keys()


def test_no_trait_is_in_a_representation():
    dite = repr(fiche(nom_utilise="DUPONT", prenom_utilise="ZO", ins="8:a"))
    assert not [mot for mot in ("ADRUN", "ZOE", "1975", "63220", "DUPONT", "8:a") if mot in dite]


NOMS = st.sampled_from(["", "ADRUN", "ADRIN", "DE LA TOUR", "LATOUR", "DUPONT", "DUPOND"])
PRENOMS = st.sampled_from(["", "ZOE", "MARIE", "MARIE-LOU", "SOPHIE", "SOFIE"])
FICHES = st.builds(
    Fiche,
    st.just(1),
    st.builds(
        TraitsStricts,
        NOMS,
        st.sampled_from(["", "ZOE ANNE", "MARIE-LOU ANNE"]),
        PRENOMS,
        st.sampled_from([None, JOUR, date(1975, 3, 12), date(1975, 12, 3), date(1976, 12, 31)]),
        st.sampled_from(["", "F", "M"]),
        st.sampled_from(["", "63220", "2A004", "20004", "75115", "75056", "99999"]),
    ),
    nom_utilise=NOMS,
    prenom_utilise=PRENOMS,
    rang=st.sampled_from([None, 1, 2]),
    ins=st.sampled_from(["", "8:a", "8:b"]),
    ins_connues=st.frozensets(st.sampled_from(["8:a", "9:c"]), max_size=1),
)


@given(FICHES, FICHES)
def test_who_comes_first_does_not_count(une, autre):
    autre = replace(autre, numero=2)
    lu, inverse = compare_fiches(une, autre), compare_fiches(autre, une)
    assert lu == inverse
    assert 0 <= lu.score <= 100
    assert lu.verdict in VERDICTS


@given(FICHES)
def test_a_file_and_its_copy_are_never_two_people(une):
    copie = compare_fiches(une, replace(une, numero=2))
    assert copie.verdict not in {"homonyme", "jumeaux"}
    assert not [i for i in copie.indices if POINTS[i] < 0]
