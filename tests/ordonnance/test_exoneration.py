"""The exoneration of each product: proposed from the ALD flag, changed by a key, kept."""

import pytest

from ordonnance.services import validation
from pharmacy.models import Audit
from pharmacy.services.vente import VenteRefusee, ligne_exonerate, vente_terminate
from tests.ordonnance.atelier import GLUCOPHAGE, LEVOTHYROX, confirmer, servir
from tests.ordonnance.test_services import _repondre

pytestmark = pytest.mark.django_db


@pytest.fixture
def controlee(halle):
    """E0 controlled: GLUCOPHAGE on the ALD line, LEVOTHYROX on one that is not."""
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    vente.refresh_from_db()
    return vente


def exonerations(vente):
    return dict(vente.lignes.values_list("cip13", "exoneration"))


def test_the_ald_flag_of_the_prescribed_line_is_proposed(controlee):
    assert exonerations(controlee) == {GLUCOPHAGE: "ALD", LEVOTHYROX: ""}


def test_a_person_changes_it_until_the_end_and_it_is_audited(halle, controlee):
    ligne = controlee.lignes.get(cip13=GLUCOPHAGE)
    url = f"/vente/{controlee.pk}/lignes/{ligne.pk}/exoneration/"
    page = halle.client().get(f"/vente/{controlee.pk}/").content.decode()
    assert "ALD, 100 %" in page
    assert halle.client().post(url, {"exoneration": ""}).status_code == 302
    assert exonerations(controlee)[GLUCOPHAGE] == ""
    assert Audit.objects.filter(acte="vente.exoneration").count() == 1
    halle.client().post(url, {"exoneration": "ALD"})
    vente_terminate(halle.acteur(), controlee.pk)
    fin = halle.client().get(f"/vente/{controlee.pk}/fin/page/").content.decode()
    assert fin.count("ALD, 100 %") == 1
    with pytest.raises(VenteRefusee, match="VTE-002"):
        ligne_exonerate(halle.acteur(), controlee.pk, ligne.pk, "")


def test_an_exoneration_that_does_not_exist_is_refused(halle, controlee):
    ligne = controlee.lignes.get(cip13=GLUCOPHAGE)
    with pytest.raises(VenteRefusee, match="VTE-012"):
        ligne_exonerate(halle.acteur(), controlee.pk, ligne.pk, "XXX")


def test_another_officine_changes_nothing(halle, port, controlee):
    ligne = controlee.lignes.get(cip13=GLUCOPHAGE)
    with pytest.raises(VenteRefusee, match="VTE-404"):
        ligne_exonerate(port.acteur("A01"), controlee.pk, ligne.pk, "")
