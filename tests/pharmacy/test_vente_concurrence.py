"""Two counters that take sales from each other, on rows really committed."""

import threading

import pytest

from pharmacy.models import Vente
from pharmacy.services import vente as service
from pharmacy.services.vente import Boite, VenteRefusee
from tests.deux_fils import DELAI_S, committed, together

pytestmark = pytest.mark.exigence("CTR-19")
CIP = "3400930065785"


@pytest.fixture
def vraie_base(django_db_setup, django_db_blocker):
    """Rows really committed; the owner takes away what the test added, but the journal."""
    tables = ("pharmacy_lignedelivrance", "pharmacy_vente")
    with committed(django_db_blocker, tables) as troupe:
        yield troupe


def _full(troupe, code, poste):
    """A sale with a box, under way on a poste."""
    vente = troupe.vente(code, poste)
    service.ligne_add(troupe.acteur(code, poste), vente.pk, Boite(cip13=CIP))
    return vente


def _look_together(monkeypatch):
    """Both counters have looked at what is under way before either takes anything."""
    lu, vraie = threading.Barrier(2), service.vente_current

    def vente_current(acteur):
        courante = vraie(acteur)
        lu.wait(DELAI_S)
        return courante

    monkeypatch.setattr(service, "vente_current", vente_current)


@pytest.mark.parametrize("_fois", range(5))
def test_two_counters_that_take_each_other_s_sale_do_not_wait_for_each_other(
    vraie_base, monkeypatch, _fois
):
    un, autre = _full(vraie_base, "A02", 0), _full(vraie_base, "A01", 1)
    _look_together(monkeypatch)
    rendus = together(
        vraie_base,
        lambda: service.vente_resume(vraie_base.acteur("A02", 0), autre.pk),
        lambda: service.vente_resume(vraie_base.acteur("A01", 1), un.pk),
    )
    assert all(isinstance(rendu, Vente) for rendu in rendus)
    un.refresh_from_db()
    autre.refresh_from_db()
    postes = [poste.pk for poste in vraie_base.postes[:2]]
    assert [(autre.poste_id, autre.etat), (un.poste_id, un.etat)] == [
        (poste, Vente.Etat.OUVERTE) for poste in postes
    ]


def test_a_sale_that_another_counter_just_took_is_not_put_aside_there(halle, monkeypatch):
    ici = _full(halle, "A02", 0)
    prise = _full(halle, "A01", 1)
    service.vente_hold(halle.acteur("A01", 1), prise.pk)
    vraie = service.vente_current

    def vente_current(acteur):
        lue = vraie(acteur)
        monkeypatch.undo()
        service.vente_resume(halle.acteur("A01", 1), ici.pk)
        return lue

    monkeypatch.setattr(service, "vente_current", vente_current)
    service.vente_resume(halle.acteur("A02", 0), prise.pk)
    ici.refresh_from_db()
    prise.refresh_from_db()
    postes = [poste.pk for poste in halle.postes[:2]]
    assert (ici.etat, ici.poste_id) == (Vente.Etat.OUVERTE, postes[1])
    assert (prise.etat, prise.poste_id) == (Vente.Etat.OUVERTE, postes[0])


def test_a_sale_opened_here_meanwhile_is_said_and_nothing_moves(halle, monkeypatch):
    tenue = _full(halle, "A01", 1)
    service.vente_hold(halle.acteur("A01", 1), tenue.pk)

    def vente_current(acteur):
        monkeypatch.undo()
        halle.vente("A02", 0)

    monkeypatch.setattr(service, "vente_current", vente_current)
    with pytest.raises(VenteRefusee) as refus:
        service.vente_resume(halle.acteur("A02", 0), tenue.pk)
    assert refus.value.code == "VTE-014"
    tenue.refresh_from_db()
    assert tenue.etat == Vente.Etat.EN_ATTENTE
