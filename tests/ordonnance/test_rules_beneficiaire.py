"""Is it this person's prescription? What is compared, and what cannot be."""

from dataclasses import replace

import pytest

from ordonnance.rules.modele import Beneficiaire
from ordonnance.rules.rapprochement import check_prescription, compare_beneficiaire
from tests.ordonnance.prescriptions import ligne, prescription

LUE = Beneficiaire(
    nom="PAT-TROIS",
    prenoms="DOMINIQUE MARIE-LOUISE",
    sexe="F",
    naissance="1979-03-28",
    matricule="2790351215189",
)


def _compare(lue=LUE, **champs):
    return compare_beneficiaire(replace(LUE, matricule="", **champs), lue)


def test_the_same_matricule_is_the_same_person():
    assert compare_beneficiaire(replace(LUE, nom="AUTRE"), LUE) == "IDENTIQUE"


@pytest.mark.cas("ordonnance-B10")
def test_the_same_traits_under_another_matricule_are_a_doubt():
    assert compare_beneficiaire(replace(LUE, matricule="2790351215000"), LUE) == "DOUTE"


@pytest.mark.parametrize("champs", [{"prenoms": "PAUL"}, {"naissance": ""}, {"nom": ""}])
def test_another_matricule_without_equal_traits_is_another_person(champs):
    autre = replace(LUE, matricule="2790351215000", **champs)
    assert compare_beneficiaire(autre, LUE) == "DIFFERENTE"


@pytest.mark.cas("ordonnance-B11")
def test_a_patient_without_ins_is_compared_by_traits():
    assert _compare() == "COMPATIBLE"


@pytest.mark.parametrize(
    "champs",
    [{"naissance": "1979-03-29"}, {"sexe": "M"}, {"nom": "AUTRE"}, {"prenoms": "PAUL"}],
)
@pytest.mark.cas("ordonnance-B9")
def test_one_other_trait_is_another_person(champs):
    assert _compare(**champs) == "DIFFERENTE"


@pytest.mark.parametrize("sexe", ["", "I"])
def test_an_unknown_sex_gives_no_verdict(sexe):
    assert _compare(sexe=sexe) == "COMPATIBLE"


@pytest.mark.cas("ordonnance-B12")
def test_the_birth_name_is_compared_not_the_married_one():
    assert _compare(nom="Pat Trois", nom_utilise="MARIEE") == "COMPATIBLE"


@pytest.mark.cas("ordonnance-B12")
def test_an_unknown_birth_name_gives_no_verdict():
    assert _compare(nom="", nom_utilise="MARIEE") == "NON_COMPAREE"
    assert _compare(nom="", nom_utilise="PAT-TROIS") == "COMPATIBLE"
    assert _compare(nom="", nom_utilise="MARIEE", naissance="1950-01-01") == "DIFFERENTE"
    mariee = replace(LUE, nom_utilise="Mariée")
    assert _compare(mariee, nom="", nom_utilise="MARIEE") == "COMPATIBLE"


@pytest.mark.cas("ordonnance-B13")
@pytest.mark.parametrize(
    ("lue", "locale", "attendu"),
    [
        ("1979-00-00", "1979-12-31", "COMPATIBLE"),
        ("1979-02-31", "1979-03-28", "COMPATIBLE"),
        ("1979-00-00", "1980-01-01", "DIFFERENTE"),
        ("1979-03-28", "1979-00-00", "COMPATIBLE"),
    ],
)
def test_a_lunar_date_is_compared_by_its_year(lue, locale, attendu):
    assert _compare(replace(LUE, naissance=lue), naissance=locale) == attendu


@pytest.mark.cas("ordonnance-B14")
def test_twins_are_told_apart_by_the_first_name():
    assert _compare(prenoms="CAMILLE") == "DIFFERENTE"
    assert _compare(prenoms="") == "NON_COMPAREE"


def _phrase(identite, **options):
    lignes = check_prescription(prescription(ligne()), identite, "750000001", **options)
    return next((v.signe, v.phrase) for v in lignes if v.nom == "Bénéficiaire")


def test_a_file_without_its_traits_is_not_told_as_no_patient():
    assert _phrase("NON_COMPAREE") == ("?", "aucun patient dans la vente")
    assert _phrase("NON_COMPAREE", avec_patient=True) == (
        "?",
        "dossier incomplet : vérifiez la personne",
    )
    assert _phrase("DOUTE") == ("?", "mêmes traits, autre matricule : identité à vérifier")
