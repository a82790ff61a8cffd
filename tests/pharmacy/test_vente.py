"""The sale: opened, filled, ended; and what it refuses."""

import pytest

from pharmacy.models import LigneDelivrance, Stock, Vente
from pharmacy.services import vente as service
from pharmacy.services.vente import Boite, VenteRefusee

CIP = "3400930065785"


@pytest.mark.django_db
def test_a_poste_has_one_sale_under_way(halle):
    assert halle.vente("A02").pk == halle.vente("B01").pk
    assert halle.vente("A02", 0).pk != halle.vente("A02", 1).pk


@pytest.mark.django_db
def test_the_same_box_scanned_twice_adds_one(halle):
    vente = halle.vente()
    service.ligne_add(halle.acteur(), vente.pk, Boite(cip13=CIP))
    ligne = service.ligne_add(halle.acteur(), vente.pk, Boite(cip13=CIP))
    assert ligne.quantite == 2
    assert vente.lignes.count() == 1


@pytest.mark.django_db
def test_the_same_serial_number_is_refused(halle):
    vente = halle.vente()
    boite = Boite(cip13=CIP, numero_serie="SN1")
    service.ligne_add(halle.acteur(), vente.pk, boite)
    with pytest.raises(VenteRefusee) as refus:
        service.ligne_add(halle.acteur(), vente.pk, boite)
    assert refus.value.code == "VTE-P06"


@pytest.mark.django_db
def test_ending_takes_the_boxes_out_of_the_stock(halle):
    vente = halle.vente()
    avant = Stock.objects.get(cip13=CIP).quantite
    service.ligne_add(halle.acteur(), vente.pk, Boite(cip13=CIP, quantite=2))
    service.vente_terminate(halle.acteur(), vente.pk)
    assert Stock.objects.get(cip13=CIP).quantite == avant - 2
    assert Vente.objects.get(pk=vente.pk).etat == "terminee"
    assert LigneDelivrance.objects.filter(vente=vente, livree=True).count() == 1


@pytest.mark.django_db
def test_an_empty_sale_does_not_end(halle):
    with pytest.raises(VenteRefusee) as refus:
        service.vente_terminate(halle.acteur(), halle.vente().pk)
    assert refus.value.code == "VTE-005"


@pytest.mark.django_db
def test_another_officine_does_not_see_the_sale(halle, port):
    vente = halle.vente()
    with pytest.raises(VenteRefusee) as refus:
        service.vente_terminate(port.acteur("A01"), vente.pk)
    assert refus.value.code == "VTE-404"
