"""What a card said and nobody used does not stay: fifteen minutes, in every officine."""

import json
from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Poste, RecuCarte
from pharmacy.services.lecture import GARDE, forget_readings, reading_kept
from pharmacy.services.vente import VenteRefusee
from pharmacy.tasks import oublier_lectures

pytestmark = pytest.mark.django_db
LU = {
    "assure": {"nir": "2790351215189"},
    "beneficiaires": [{"prenom": "DOMINIQUE", "date_naissance": "19790328"}] * 2,
}


def deposer(troupe, code, age):
    """Keep a reading on the poste of an operator, as old as `age`."""
    acteur = troupe.acteur(code)
    with officine_context(troupe.officine.pk):
        recu = RecuCarte.objects.create(
            officine=troupe.officine,
            jti=f"jti-{code}-{age.total_seconds()}",
            poste=Poste.objects.get(pk=acteur.poste_id),
            operateur_id=acteur.operateur_id,
            operation="vitale.read",
            data_sha256="0" * 64,
            simule=True,
            donnees=json.dumps(LU).encode(),
        )
        RecuCarte.objects.filter(pk=recu.pk).update(recu_le=timezone.now() - age)
    return recu


def relu(troupe, recu):
    with officine_context(troupe.officine.pk):
        return RecuCarte.objects.get(pk=recu.pk)


def test_old_readings_of_every_officine_are_erased_and_their_proof_stays(halle, port):
    vieux = timedelta(minutes=16)
    recus = [(halle, deposer(halle, "A02", vieux)), (port, deposer(port, "A01", vieux))]
    assert forget_readings() == 2
    for troupe, recu in recus:
        garde = relu(troupe, recu)
        assert garde.donnees is None
        assert (garde.jti, garde.data_sha256) == (recu.jti, "0" * 64)
    assert forget_readings() == 0


def test_a_reading_that_waits_for_its_choice_is_kept(halle):
    recu = deposer(halle, "A02", timedelta(minutes=14))
    oublier_lectures()
    _, porteurs = reading_kept(halle.acteur("A02"), recu.pk)
    assert len(porteurs) == 2


def test_an_old_reading_is_refused_even_before_it_is_erased(halle):
    recu = deposer(halle, "A02", GARDE)
    with pytest.raises(VenteRefusee, match="VIT-004"):
        reading_kept(halle.acteur("A02"), recu.pk)


def test_the_clock_erases_them_by_itself():
    from config import celery

    prevu = celery.app.conf.beat_schedule["pharmacy.oublier_lectures"]
    assert prevu["task"] in current_app.tasks
    assert timedelta(seconds=prevu["schedule"]) < GARDE
