"""The verification that starts by itself: only where it was asked for, once a day."""

import pytest

from config.celery import app
from ins import periodique
from ins.models import Verification
from ins.suivi_lots import AUTOMATIQUE
from pharmacy import parametres
from pharmacy.models import Operateur, Patient
from tests.ins.base_ins import fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def base(halle, insi):
    """Two INS that are due, and no other."""
    Patient.objects.filter(statut__in=["RECUP", "QUAL"]).update(actif=False)
    fill(halle, insi, 2)
    return halle


def ask(troupe, valeur="oui"):
    parametres.modifier(troupe.acteur("A01"), AUTOMATIQUE, valeur)


@pytest.mark.exigence("INS-34")
def test_nothing_starts_unless_the_titulaire_asked_for_it(base):
    assert periodique.start_due() == 0
    ask(base)
    assert periodique.start_due() == 1
    verification = Verification.objects.get()
    assert (verification.automatique, verification.perimetre, verification.total) == (
        True,
        "a_verifier",
        2,
    )
    assert verification.demandee_par_id == base.operateurs["A01"].pk


def test_what_was_asked_for_and_then_not_any_more_does_not_start(base):
    ask(base)
    ask(base, "non")
    assert periodique.start_due() == 0


def test_one_that_started_since_yesterday_is_left_alone(base):
    ask(base)
    periodique.start_due()
    Verification.objects.update(etat="arretee")
    assert periodique.start_due() == 0


def test_nothing_due_is_no_news_and_a_missing_certificate_is(base, settings, caplog):
    ask(base)
    Patient.objects.update(vu_le=None)
    assert periodique.start_due() == 0
    assert caplog.text == ""
    settings.INSI_CERTIFICAT_AUTO = ""
    assert periodique.start_due() == 0
    assert "verification.refusee" in caplog.text
    assert "INS-116" in caplog.text


def test_without_a_titulaire_nothing_starts(base, caplog):
    ask(base)
    Operateur.objects.filter(role="titulaire").update(actif=False)
    assert periodique.start_due() == 0
    assert "verification.sans_titulaire" in caplog.text


def test_beat_rings_it_on_the_batch_queue():
    entree = app.conf.beat_schedule["ins.verifier_periodique"]
    assert entree["options"]["queue"] == "lots"
    app.loader.import_default_modules()
    assert entree["task"] in app.tasks
