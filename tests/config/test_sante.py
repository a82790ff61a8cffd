"""Alive, served, ready: three questions, three answers, and nobody in them."""

import pytest
import redis
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import sante
from config.celery import app
from pharmacy import battements
from pharmacy.tasks import battre_interactif, battre_lots

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("OPS-16")]


@pytest.fixture
def client():
    return Client(HTTP_HOST="127.0.0.1")


@pytest.fixture
def servies():
    for file in battements.FILES:
        battements.note(file)


def test_alive_asks_nothing_of_anyone(client):
    with CaptureQueriesContext(connection) as requetes:
        reponse = client.get("/sante/vivant")
    assert (reponse.status_code, reponse.json()) == (200, {"etat": "ok"})
    assert len(requetes) == 0


def test_served_asks_the_database_and_says_the_hour(client):
    with CaptureQueriesContext(connection) as requetes:
        reponse = client.get("/sante")
    assert reponse.json().keys() == {"etat", "heure"}
    assert len(requetes) == 1


@pytest.mark.usefixtures("servies")
def test_ready_when_everything_is_there(client):
    reponse = client.get("/sante/pret")
    assert reponse.status_code == 200
    assert reponse.json() == {
        "etat": "pret",
        "controles": {
            "base": "ok",
            "migrations": "ok",
            "messages": "ok",
            "interactif": "ok",
            "lots": "ok",
        },
    }


@pytest.mark.usefixtures("servies")
def test_a_queue_that_nobody_serves_is_said(client, monkeypatch):
    maintenant = battements.time.time()
    monkeypatch.setattr(battements.time, "time", lambda: maintenant + battements.VIVANT_S + 1)
    battre_lots()
    reponse = client.get("/sante/pret")
    assert reponse.status_code == 503
    controles = reponse.json()["controles"]
    assert (controles["interactif"], controles["lots"]) == ("panne", "ok")
    battre_interactif()
    assert client.get("/sante/pret").status_code == 200


def test_each_queue_says_itself_that_it_is_served():
    for file in battements.FILES:
        prevu = app.conf.beat_schedule[f"pharmacy.battre_{file}"]
        assert prevu["task"] in app.tasks
        assert prevu["options"]["queue"] == file
        assert prevu["schedule"] * 3 < battements.VIVANT_S


@pytest.mark.usefixtures("servies")
def test_without_the_broker_the_workers_are_unknown(client, monkeypatch):
    def muet():
        raise redis.ConnectionError

    monkeypatch.setattr(battements, "_valkey", muet)
    reponse = client.get("/sante/pret")
    assert reponse.status_code == 503
    assert reponse.json()["controles"] == {
        "base": "ok",
        "migrations": "ok",
        "messages": "panne",
        "interactif": "inconnu",
        "lots": "inconnu",
    }
    battements.note("lots")


@pytest.mark.usefixtures("servies")
def test_without_the_database_it_is_not_ready_and_still_alive(client, monkeypatch):
    def muette():
        raise DatabaseError

    monkeypatch.setattr(sante, "_select_one", muette)
    reponse = client.get("/sante/pret")
    assert reponse.status_code == 503
    assert reponse.json()["controles"]["base"] == "panne"
    assert client.get("/sante/vivant").status_code == 200


@pytest.mark.usefixtures("servies")
def test_a_migration_that_waits_is_said_and_a_full_base_is_asked_once(client, monkeypatch):
    lus = []
    vrai = sante.MigrationExecutor.migration_plan

    def plan(self, cibles):
        lus.append(1)
        return ["une migration"] if len(lus) == 1 else vrai(self, cibles)

    monkeypatch.setattr(sante, "_migrations", {"faites": False})
    monkeypatch.setattr(sante.MigrationExecutor, "migration_plan", plan)
    assert client.get("/sante/pret").json()["controles"]["migrations"] == "panne"
    for _ in range(2):
        assert client.get("/sante/pret").status_code == 200
    assert len(lus) == 2
