"""Work items: one open at a time for one question, closed by somebody who says what was done."""

from dataclasses import replace

import pytest

from ins.models import TacheIdentite
from ins.services.taches import close_tache, close_taches, open_tache
from pharmacy.models import Audit, Patient
from pharmacy.services.vente import VenteRefusee

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-15")]


@pytest.fixture
def patient(halle):
    return halle.patient()


def test_opened_twice_it_is_one_item_with_the_last_precision(patient):
    premiere = open_tache(patient, "doublon", precision="nom", score=60)
    seconde = open_tache(patient, "doublon", precision="INS", score=100)
    assert premiere.pk == seconde.pk
    tache = TacheIdentite.objects.get()
    assert (tache.precision, tache.score) == ("INS", 100)
    assert tache.ouverte_le == premiere.ouverte_le


def test_another_file_or_another_nature_is_another_item(halle, patient):
    autre = Patient.objects.create(
        officine=halle.officine, premier_prenom="ANNE", cree_par=halle.operateurs["A02"]
    )
    for nature, autre_dossier in (("doublon", None), ("doublon", autre), ("relance", None)):
        open_tache(patient, nature, autre=autre_dossier)
    assert TacheIdentite.objects.count() == 3


def test_once_closed_the_same_question_opens_anew(halle, patient):
    tache = open_tache(patient, "piece_differente")
    close_tache(halle.acteur("B01"), tache.pk, " Passeport revu ")
    tache.refresh_from_db()
    assert (tache.issue, tache.close_par.code) == ("Passeport revu", "B01")
    assert Audit.objects.filter(acte="ins.tache.clore", patient_id=patient.pk).exists()
    assert open_tache(patient, "piece_differente").pk != tache.pk


def test_closing_says_what_was_done_and_is_done_once(halle, patient):
    tache = open_tache(patient, "piece_differente")
    for issue, code in (("  ", "INS-061"), ("fait", ""), ("fait", "INS-062")):
        if not code:
            close_tache(halle.acteur(), tache.pk, issue)
            continue
        with pytest.raises(VenteRefusee) as refus:
            close_tache(halle.acteur(), tache.pk, issue)
        assert refus.value.code == code


def test_another_officine_or_another_role_closes_nothing(halle, port, patient):
    tache = open_tache(patient, "piece_differente")
    with pytest.raises(VenteRefusee) as refus:
        close_tache(port.acteur("A01"), tache.pk, "fait")
    assert refus.value.code == "INS-404"
    with pytest.raises(PermissionError):
        close_tache(replace(halle.acteur(), role="administratif"), tache.pk, "fait")
    tache.refresh_from_db()
    assert tache.close_le is None


def test_what_the_course_of_things_settles_is_closed_without_anybody(patient):
    open_tache(patient, "relance")
    open_tache(patient, "nom")
    assert close_taches(patient, ["relance"], "INS récupérée") == 1
    assert close_taches(patient, ["relance"], "INS récupérée") == 0
    assert TacheIdentite.objects.get(close_le__isnull=True).nature == "nom"


def test_an_unknown_nature_is_a_mistake_of_ours(patient):
    with pytest.raises(ValueError, match="autrement"):
        open_tache(patient, "autrement")
