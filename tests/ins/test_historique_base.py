"""The database itself keeps the former state of a file, and nobody may change what it kept."""

import pytest
from django.db import DatabaseError, connection, transaction

from pharmacy.models import Patient, PatientVersion

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-24")]


@pytest.fixture
def patient(halle):
    """A file with a name to lose."""
    return Patient.objects.create(
        officine=halle.officine,
        nom_naissance="DURAND",
        premier_prenom="ZOE",
        cree_par=halle.operateurs["A02"],
    )


def test_a_change_made_behind_the_services_leaves_the_former_values(patient):
    Patient.objects.filter(pk=patient.pk).update(nom_naissance="DUPONT", sexe="F")
    Patient.objects.filter(pk=patient.pk).update(nom_naissance="MARTIN")
    anciens = PatientVersion.objects.filter(pgh_obj=patient).order_by("pgh_id")
    assert [(a.nom_naissance, a.sexe) for a in anciens] == [("DURAND", ""), ("DUPONT", "F")]


def test_a_change_of_something_else_leaves_nothing(patient):
    Patient.objects.filter(pk=patient.pk).update(rang_gemellaire=2)
    assert not PatientVersion.objects.filter(pgh_obj=patient).exists()


@pytest.mark.parametrize("ordre", ["UPDATE {} SET nom_naissance = 'X'", "DELETE FROM {}"])
def test_the_application_can_neither_change_nor_remove_it(patient, ordre):
    Patient.objects.filter(pk=patient.pk).update(nom_naissance="DUPONT")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as curseur:
        curseur.execute(ordre.format("pharmacy_patientversion"))
    assert PatientVersion.objects.get(pgh_obj=patient).nom_naissance == "DURAND"
