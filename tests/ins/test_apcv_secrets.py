"""The presented string and the token: where they may be, for how long (ins.md §5.3, point 8)."""

import json
import logging

import pytest
from django.apps import apps
from django.db import connection

from pharmacy import chiffre, ephemere
from teleservices.models import Envoi, Trace
from teleservices.outbox import Demande

pytestmark = [pytest.mark.django_db, pytest.mark.cas("agent-77")]


def _everything():
    """Every row of every table, as the database holds it, and deciphered where we can."""
    textes = []
    with connection.cursor() as curseur:
        for table in {m._meta.db_table for m in apps.get_models()} & set(
            connection.introspection.table_names()
        ):
            curseur.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our tables
            for ligne in curseur.fetchall():
                textes += [_clear(valeur) for valeur in ligne if valeur is not None]
    return "\n".join(textes)


def _clear(valeur):
    if not isinstance(valeur, bytes | memoryview):
        return str(valeur)
    try:
        return chiffre.decrypt(bytes(valeur)).decode()
    except ValueError:
        return bytes(valeur).hex()


def _token(appli):
    return appli.vitale.ask("/controle/journal/1")["reponse"]


def test_before_it_serves_the_string_is_in_the_body_of_its_row_encrypted_and_nowhere_else(appli):
    texte = appli.code("titulaire")
    appli.scan(texte)
    envoi = Envoi.objects.get(operation="apcv.ouvrir")
    with connection.cursor() as curseur:
        curseur.execute("SELECT corps, cle, sujet FROM teleservices_envoi WHERE id=%s", [envoi.pk])
        brut, cle, sujet = curseur.fetchone()
    assert texte.encode() not in bytes(brut)
    assert json.loads(bytes(envoi.corps))["chaine"] == texte
    assert texte not in cle + sujet
    assert _everything().count(texte) == 1


@pytest.mark.exigence("INS-31")
def test_once_it_has_served_neither_the_string_nor_the_token_is_in_the_database(
    appli, django_capture_on_commit_callbacks
):
    texte = appli.code("titulaire")
    with django_capture_on_commit_callbacks(execute=True):
        appli.scan(texte)
        appli.work()
    jeton = ephemere.read(appli.troupe.officine.pk, f"apcv:{appli.lecture().identifiant}")
    assert len(jeton) >= 16
    tout = _everything()
    assert "PHARMACIE DE LA HALLE" in tout
    assert texte not in tout
    assert jeton not in tout
    assert Envoi.objects.get(operation="apcv.ouvrir").corps is None
    trace = Trace.objects.get()
    assert b"valeur-non-conservee" in bytes(trace.requete)
    assert b"ADRUN" in bytes(trace.reponse)  # the proof is kept, its secrets are not


@pytest.mark.parametrize(
    ("nom", "faits"),
    [("panne_503", {}), ("reponse_perdue", {}), ("faute", {"code": "APCV_EXPIRE"})],
)
def test_a_reading_that_fails_keeps_nothing_either(appli, nom, faits):
    texte = appli.code("titulaire")
    appli.vitale.humeur(nom, **faits)
    appli.scan(texte)
    appli.work(essais=4)
    assert Envoi.objects.get(operation="apcv.ouvrir").corps is None
    assert texte not in _everything()


def test_a_row_that_waited_too_long_is_refused_and_wiped(appli):
    from datetime import timedelta

    from django.utils import timezone

    appli.scan(appli.code("titulaire"))
    vieux = timezone.now() - timedelta(seconds=46)
    Envoi.objects.filter(operation="apcv.ouvrir").update(cree_le=vieux)
    appli.work()
    envoi = Envoi.objects.get(operation="apcv.ouvrir")
    assert (envoi.etat, envoi.corps, envoi.dernier_code) == ("refuse", None, "delai_depasse")
    assert appli.vitale.journal() == []


def test_nothing_of_it_is_said_in_the_log_nor_shown(appli, caplog):
    caplog.set_level(logging.DEBUG)
    texte = appli.code("titulaire")
    _statut, suite = appli.scan(texte)
    appli.work()
    page = appli.troupe.client().get(appli.url()).content.decode()
    appli.choose()
    journal = "\n".join(r.getMessage() for r in caplog.records)
    for secret in (texte, texte.split(".")[1]):
        assert secret not in journal
        assert secret not in json.dumps(suite)
        assert secret not in page
    assert "ADRUN" not in journal
    assert texte not in repr(Demande("x", "y", "z", corps=texte.encode()))


def test_in_the_ephemeral_store_the_token_is_encrypted_and_ends_with_its_context(
    appli, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        appli.read("titulaire")
    lecture = appli.lecture()
    cle = f"comptoir:{appli.troupe.officine.pk}:ephemere:apcv:{lecture.identifiant}"
    valkey = ephemere._valkey()
    jeton = ephemere.read(appli.troupe.officine.pk, f"apcv:{lecture.identifiant}")
    assert jeton.encode() not in valkey.get(cle)
    assert 0 < valkey.ttl(cle) <= 1800


def test_without_valkey_the_counter_goes_on(settings, caplog):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    ephemere._valkey.cache_clear()
    try:
        ephemere.keep(1, "x", "secret", 5)
        assert ephemere.read(1, "x") is None
        ephemere.forget(1, "x")
    finally:
        ephemere._valkey.cache_clear()
    assert [r.getMessage() for r in caplog.records] == ["ephemere.valkey_absent"] * 3
