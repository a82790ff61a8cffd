"""Two postes, one sale: the second sees who holds it, changes nothing, takes over by one key."""

import pytest

from pharmacy.models import Vente
from pharmacy.services import vente as service
from pharmacy.services.vente import Boite, VenteRefusee

pytestmark = pytest.mark.django_db
CIP = "3400930065785"


@pytest.mark.parametrize(
    "acte",
    [
        lambda a, v: service.ligne_add(a, v.pk, Boite(cip13=CIP)),
        lambda a, v: service.vente_terminate(a, v.pk),
        lambda a, v: service.vente_hold(a, v.pk),
        lambda a, v: service.vente_cancel(a, v.pk),
    ],
)
def test_another_poste_changes_nothing_and_is_told_who_holds_the_sale(halle, acte):
    vente = halle.vente("A02", 0)
    with pytest.raises(VenteRefusee) as refus:
        acte(halle.acteur("A01", 1), vente)
    assert refus.value.code == "VTE-010"
    assert "Comptoir 1" in refus.value.phrase
    assert "A. MARTIN" in refus.value.phrase


@pytest.mark.exigence("CTR-19")
def test_one_key_takes_the_sale_over_and_the_first_poste_is_then_refused(halle):
    vente = halle.vente("A02", 0)
    service.ligne_add(halle.acteur("A02", 0), vente.pk, Boite(cip13=CIP))
    page = halle.client("A01", 1).get(f"/vente/{vente.pk}/").content.decode()
    assert "tenue au Comptoir 1, par A. MARTIN" in page
    assert 'data-officine-touche2="K"' in page
    halle.client("A01", 1).post(f"/vente/{vente.pk}/reprendre/")
    service.ligne_add(halle.acteur("A01", 1), vente.pk, Boite(cip13=CIP))
    with pytest.raises(VenteRefusee) as refus:
        service.ligne_add(halle.acteur("A02", 0), vente.pk, Boite(cip13=CIP))
    assert "Comptoir 2" in refus.value.phrase
    assert "J. ROUSSEAU" in refus.value.phrase
    chez_lui = halle.client("A01", 1).get(f"/vente/{vente.pk}/").content.decode()
    assert "Reprendre ici" not in chez_lui


def test_the_portal_lists_what_the_other_postes_hold(halle):
    vente = halle.vente("A02", 0)
    ailleurs = halle.client("A01", 1).get("/").content.decode()
    assert "Ventes ouvertes sur un autre poste" in ailleurs
    assert f"/vente/{vente.pk}/reprendre/" in ailleurs
    assert (
        "Ventes ouvertes sur un autre poste" not in halle.client("A02", 0).get("/").content.decode()
    )


def test_a_held_sale_changes_only_once_resumed(halle):
    vente = halle.vente()
    service.vente_hold(halle.acteur(), vente.pk)
    with pytest.raises(VenteRefusee) as refus:
        service.ligne_add(halle.acteur(), vente.pk, Boite(cip13=CIP))
    assert refus.value.code == "VTE-011"
    service.vente_resume(halle.acteur(), vente.pk)
    assert service.ligne_add(halle.acteur(), vente.pk, Boite(cip13=CIP)).quantite == 1


def test_resuming_another_sale_cancels_an_empty_one(halle):
    tenue = halle.vente()
    service.ligne_add(halle.acteur(), tenue.pk, Boite(cip13=CIP))
    service.vente_hold(halle.acteur(), tenue.pk)
    vide = halle.vente()
    service.vente_resume(halle.acteur(), tenue.pk)
    assert Vente.objects.get(pk=vide.pk).etat == "annulee"
