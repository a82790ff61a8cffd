"""Handlers registered for one test, and a real database where threads commit."""

import pytest


def _register(monkeypatch, *args, **options):
    from teleservices import registre
    from tests.teleservices.atelier import Essai

    handler = Essai(*args, **options)
    monkeypatch.setitem(registre._handlers, handler.operation, handler)
    return handler


@pytest.fixture
def essai(monkeypatch):
    """A sending that must never be repeated blindly."""
    return _register(monkeypatch, "essai.envoyer")


@pytest.fixture
def lecture(monkeypatch):
    """A read for the counter."""
    return _register(monkeypatch, "essai.lire", lecture=True, replayable=True)


@pytest.fixture
def rejouable(monkeypatch):
    """A sending the service knows by its identifier."""
    return _register(monkeypatch, "essai.rejouer", replayable=True)


@pytest.fixture
def vraie_base(django_db_setup, django_db_blocker):
    """Rows really committed, under the application role; the owner takes them away after."""
    from django.db import connections

    from pharmacy.demonstration.donnees import HALLE
    from tests.teleservices.atelier import SERVICE
    from tests.troupe import officine_of

    with django_db_blocker.unblock():
        with officine_of(HALLE) as troupe:
            yield troupe
        with connections["proprietaire"].cursor() as curseur:
            curseur.execute("DELETE FROM teleservices_trace WHERE message_id = 'm-1'")
            curseur.execute("DELETE FROM teleservices_envoi WHERE service = %s", [SERVICE])
            curseur.execute("DELETE FROM teleservices_disjoncteur")
        for connexion in connections.all():
            connexion.close()


@pytest.fixture
def valkey():
    """The real broker of the tests, its queues empty."""
    import redis
    from django.conf import settings

    client = redis.Redis.from_url(settings.VALKEY_URL)
    client.delete("interactif", "lots")
    yield client
    client.delete("interactif", "lots")
    client.close()
