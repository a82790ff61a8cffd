"""What a person types of an identity is kept in the set of the strict traits, or named."""

import pytest

from pharmacy.forms import PatientForm

SAISIE = {
    "nom_naissance": "D’Æion",
    "premier_prenom": "Zoé",
    "date_naissance": "22/12/1975",
    "sexe": "F",
    "nom_utilise": "",
}


@pytest.mark.cas("ins-7")
@pytest.mark.exigence("INS-01")
def test_typed_names_are_kept_in_the_strict_set():
    form = PatientForm(SAISIE)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["nom_naissance"] == "D'AEION"
    assert form.cleaned_data["premier_prenom"] == "ZOE"


@pytest.mark.parametrize("champ", ["nom_naissance", "premier_prenom"])
def test_a_character_that_cannot_be_kept_is_named(champ):
    form = PatientForm({**SAISIE, champ: "DUP0NT"})
    assert not form.is_valid()
    assert "« 0 »" in str(form.errors[champ])


@pytest.mark.parametrize("champ", ["nom_naissance", "premier_prenom"])
def test_blanks_are_not_a_name(champ):
    form = PatientForm({**SAISIE, champ: " \u00a0 "})
    assert not form.is_valid()
    assert "Donnez" in str(form.errors[champ])
