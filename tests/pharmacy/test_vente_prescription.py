"""Date and prescriber typed by hand (ORD-01)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pharmacy.models import Audit, Prescripteur, Vente

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
SAISIE = {
    "date_prescription": "2026-01-12",
    "prescripteur_nom": "Marchand",
    "prescripteur_prenom": "Claire",
    "prescripteur_rpps": "10100000024",
}


def _poster(troupe, vente, poste=0, **champs):
    url = f"/vente/{vente.pk}/prescription/"
    return troupe.client("A02", poste).post(url, SAISIE | champs, **HX)


@pytest.mark.exigence("ORD-01")
def test_date_and_prescriber_are_kept_and_shown(halle):
    vente = halle.vente()
    page = _poster(halle, vente)
    assert page.status_code == 200
    assert "12/01/2026, MARCHAND Claire" in page.content.decode()
    vente.refresh_from_db()
    assert vente.prescripteur.rpps == "10100000024"
    assert Audit.objects.filter(acte="vente.prescription").exists()


def test_the_same_prescriber_is_one_row(halle):
    vente = halle.vente()
    for champs in ({}, {"prescripteur_nom": "AUTRE ORTHOGRAPHE"}, {"prescripteur_rpps": ""}):
        _poster(halle, vente, **champs)
    assert Prescripteur.objects.count() == 1
    vente.refresh_from_db()
    assert str(vente.prescripteur) == "MARCHAND Claire"


def test_the_date_alone_is_enough(halle):
    vente = halle.vente()
    _poster(halle, vente, prescripteur_nom="", prescripteur_prenom="", prescripteur_rpps="")
    vente.refresh_from_db()
    assert (str(vente.date_prescription), vente.prescripteur) == ("2026-01-12", None)


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"date_prescription": ""}, "Donnez la date"),
        ({"date_prescription": "hier"}, "sous la forme"),
        ({"prescripteur_rpps": "10100000025"}, "pas exact"),
        ({"prescripteur_nom": ""}, "nom du prescripteur"),
    ],
)
def test_what_is_typed_wrong_is_one_sentence(halle, champs, phrase):
    vente = halle.vente()
    page = _poster(halle, vente, **champs)
    assert page.status_code == 422
    assert phrase in page.content.decode()
    assert Vente.objects.get(pk=vente.pk).date_prescription is None


def test_a_date_to_come_is_refused(halle):
    demain = timezone.localdate() + timedelta(days=1)
    assert _poster(halle, halle.vente(), date_prescription=str(demain)).status_code == 422


@pytest.mark.parametrize(("etat", "poste"), [("controlee", 0), ("ouverte", 1), ("terminee", 0)])
def test_it_obeys_the_state_and_the_poste_of_the_sale(halle, etat, poste):
    vente = halle.vente()
    Vente.objects.filter(pk=vente.pk).update(etat=etat)
    assert _poster(halle, vente, poste).status_code == 409
    assert Vente.objects.get(pk=vente.pk).date_prescription is None
