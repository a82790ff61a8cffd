"""The counter gives up a reading at 45 s, visibly, and a late answer surprises nobody (CTR-07)."""

import json
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from ordonnance.handlers import Consulter
from ordonnance.models import OrdonnanceNumerique
from ordonnance.services import recuperation
from pharmacy import flux
from teleservices.errors import NotReady, Rejected
from teleservices.models import Envoi
from tests.ordonnance.atelier import NUMERO, recevoir, signer

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}


def _vieillir(secondes):
    Envoi.objects.update(cree_le=timezone.now() - timedelta(seconds=secondes))
    return Envoi.objects.filter(operation="ordonnance.consulter").latest("pk")


def _panneau(troupe, vente):
    return troupe.client().get(f"/vente/{vente.pk}/ordonnance/panneau/", **HX).content.decode()


@pytest.mark.exigence("CTR-07")
def test_the_panel_fails_at_45_s_and_asking_again_opens_a_new_row(halle):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    attente = _panneau(halle, vente)
    assert 'data-face="attente"' in attente
    assert "load delay:45s" in attente or "load delay:46s" in attente
    assert "/relancer/" not in attente
    _vieillir(46)
    tard = _panneau(halle, vente)
    assert 'data-face="echec"' in tard
    assert f"/ordonnance/{numerique.pk}/relancer/" in tard
    recuperation.retry(halle.acteur(), numerique.pk)
    assert Envoi.objects.filter(operation="ordonnance.consulter").count() == 2
    assert 'data-face="attente"' in _panneau(halle, vente)


def test_scanning_again_after_45_s_asks_again(halle):
    vente = halle.vente()
    for attendu in (1, 1):
        recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
        assert Envoi.objects.filter(operation="ordonnance.consulter").count() == attendu
    _vieillir(46)
    recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    assert Envoi.objects.filter(operation="ordonnance.consulter").count() == 2


def test_a_late_row_is_not_sent(halle):
    signer(halle)
    recuperation.fetch(halle.acteur(), halle.vente().pk, NUMERO, "SCAN")
    with pytest.raises(Rejected) as refus:
        Consulter().prepare(_vieillir(46))
    assert refus.value.code == "delai_depasse"


def test_waiting_for_a_card_is_longer_and_has_an_end(halle):
    recuperation.fetch(halle.acteur(), halle.vente().pk, NUMERO, "SCAN")
    with pytest.raises(NotReady):
        Consulter().prepare(_vieillir(300))
    with pytest.raises(Rejected):
        Consulter().prepare(_vieillir(1000))


def test_a_signature_starts_the_clock_again(halle):
    recuperation.fetch(halle.acteur(), halle.vente().pk, NUMERO, "SCAN")
    signer(halle)
    _vieillir(300)
    Envoi.objects.update(libere_le=timezone.now())
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    assert Consulter().prepare(envoi).operation == "consulterPrescription"


def _suite(ecoute):
    while message := ecoute.get_message(timeout=5):
        suite = json.loads(message["data"]).get("suite")
        if suite:
            return suite
    return None


@pytest.mark.parametrize(("secondes", "ouvre"), [(10, True), (3600, False)])
def test_only_an_answer_in_time_opens_the_confirmation(
    halle, django_capture_on_commit_callbacks, secondes, ouvre
):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    _vieillir(secondes)
    with redis.Redis.from_url(settings.VALKEY_URL) as client, client.pubsub() as ecoute:
        ecoute.subscribe(flux.canal_vente(halle.officine.pk, vente.pk))
        assert ecoute.get_message(timeout=5)["type"] == "subscribe"
        with django_capture_on_commit_callbacks(execute=True):
            recevoir(numerique, "ordonnance.consulter")
        suite = _suite(ecoute)
    assert bool(suite["dialogue"]) is ouvre
    assert OrdonnanceNumerique.objects.get(pk=numerique.pk).etat == "recuperee"
