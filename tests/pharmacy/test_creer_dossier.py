"""A file is created after a look at those that carry the same traits, whatever the way in."""

import pytest

from pharmacy.models import Patient

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("CTR-13", "INS-27")]
URL = "/patients/nouveau/"
ANNE = {
    "nom_naissance": "Nòvel",
    "premier_prenom": "Anne",
    "date_naissance": "02/03/1971",
    "sexe": "F",
}


def _files():
    return Patient.objects.filter(nom_naissance="NOVEL").order_by("pk")


def test_the_same_traits_again_show_the_file_and_create_nothing(halle):
    client = halle.client()
    assert client.post(URL, ANNE).status_code == 302
    (connue,) = _files()
    reponse = client.post(URL, ANNE)
    page = reponse.content.decode()
    assert (reponse.status_code, _files().count()) == (422, 1)
    assert "Un dossier porte déjà ces traits." in page
    assert f'href="/patients/{connue.pk}/"' in page
    assert "C&#x27;est une autre personne" in page or "C'est une autre personne" in page


def test_who_answers_that_it_is_somebody_else_creates_the_second_file(halle):
    client = halle.client()
    client.post(URL, ANNE)
    vu = _files().get().pk
    assert client.post(URL, ANNE | {"vu": "999"}).status_code == 422
    assert client.post(URL, ANNE | {"vu": str(vu)}).status_code == 302
    assert _files().count() == 2
    assert client.post(URL, ANNE | {"vu": str(vu)}).status_code == 422, "the second was not seen"


@pytest.mark.parametrize(
    "autre", [{"premier_prenom": "ANNE-LOU"}, {"date_naissance": "03/03/1971"}]
)
def test_another_person_is_created_at_once(halle, autre):
    client = halle.client()
    client.post(URL, ANNE)
    assert client.post(URL, ANNE | autre).status_code == 302
    assert _files().count() == 2


def test_a_file_of_another_officine_is_not_shown(halle, port):
    client = halle.client()
    port.client("A01").post(URL, ANNE)
    assert client.post(URL, ANNE).status_code == 302


def test_in_a_sale_the_file_that_exists_is_taken_by_one_key(halle):
    client, vente = halle.client(), halle.vente()
    client.post(URL, ANNE)
    (connue,) = _files()
    page = client.post(URL, ANNE | {"vente": vente.pk}).content.decode()
    assert f'formaction="/vente/{vente.pk}/patient/"' in page
    assert f'value="{connue.pk}"' in page
    client.post(f"/vente/{vente.pk}/patient/", ANNE | {"patient": connue.pk, "vu": connue.pk})
    vente.refresh_from_db()
    assert vente.patient == connue
