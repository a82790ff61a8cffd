"""Whatever works outside a page works for one officine at a time: tasks, commands, keys of Valkey.

Each statement is looked at as it leaves: under a context, it is that officine's; without one, it
calls a named door or speaks of what has no officine.
"""

import inspect
import re
from contextlib import contextmanager, nullcontext
from importlib import import_module
from io import StringIO
from uuid import UUID

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import connection

from config.celery import app
from pharmacy.demonstration.donnees import HALLE, PORT
from pharmacy.isolation.contexte import officine_courante
from tests.conftest import RACINE
from tests.house.semis import isolated
from tests.house.test_code import PRODUIT, fichiers
from tests.troupe import read_officine

pytestmark = pytest.mark.exigence("SEC-06")
# Rung for an officine, reads no row: what a provider publishes is for the installation.
SANS_LIGNE = {"psc.verifier"}
# Heartbeats: they say to Valkey that a queue is served, and touch no row.
SANS_BASE = {"pharmacy.battre_interactif", "pharmacy.battre_lots"}
TABLES = [m._meta.db_table for m in isolated()]
# Commands of ours that touch rows, and how they are run. None: it makes or breaks what the whole
# suite stands on, or speaks to no row; its own tests play it.
COMMANDES = {
    "agent_enroler": None,
    "cles_tourner": [],
    "demonstration": None,
    "importer_patients": None,
    "ins_statut": None,
    "lire_cda": None,
    "lire_code": None,
    "officine_exporter": None,
    "officine_ouvrir": ["990000994", "X", "T01", "N", "P"],
    "officine_reprendre": [PORT.finess],
    "officine_suspendre": [PORT.finess],
    "officines": [],
    "operateur_debloquer": [PORT.finess, "A01"],
    "operateur_reinitialiser": [PORT.finess, "A01"],
    "preparer": None,
    "verifier": [],
    "verifier_audit": [],
}


@contextmanager
def watched():
    """Every statement of this connection with the officine it was made for."""
    vus = []

    def look(execute, sql, params, many, context):
        vus.append((officine_courante(), str(sql)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield vus


def strays(vus):
    """The statements made without an officine that name a table of one, doors aside."""
    return [
        sql
        for officine, sql in vus
        if officine is None
        and any(re.search(rf"\b{table}\b", sql) for table in TABLES)
        and "comptoir_" not in sql
        and not re.search(r"pg_(locks|sequence|get_serial|class|trigger)|has_table_privilege", sql)
    ]


def tasks(*, of_a_row):
    """The tasks of ours that Celery knows."""
    app.loader.import_default_modules()
    return [
        tache
        for nom, tache in sorted(app.tasks.items())
        if nom.split(".")[0] in PRODUIT and bool(tache.run.__code__.co_argcount) is of_a_row
    ]


def test_the_tasks_and_the_commands_are_all_looked_at():
    assert {t.name for t in tasks(of_a_row=True)} >= {"teleservices.traiter", "ins.reprendre"}
    assert {t.name for t in tasks(of_a_row=False)} >= {"teleservices.balayer"}
    notres = {nom for nom, app_ in get_commands().items() if str(app_).split(".")[0] in PRODUIT}
    assert notres == set(COMMANDES)


@pytest.mark.django_db
@pytest.mark.parametrize("tache", tasks(of_a_row=True), ids=lambda t: t.name)
def test_a_task_of_a_row_works_in_its_officine_alone(tache):
    """Given the row of another officine, or of nobody, it finds nothing."""
    troupe = read_officine(HALLE)
    ligne = inspect.signature(tache.run).parameters
    nobody = str(UUID(int=7)) if list(ligne.values())[1].annotation is str else 987_654_321
    if tache.name in SANS_LIGNE:
        assert list(ligne)[1].startswith("_")
        return
    with watched() as vus:
        try:
            tache.run(troupe.officine.pk, nobody)
        except ObjectDoesNotExist:
            assert vus
    assert vus
    assert {officine for officine, _ in vus} == {troupe.officine.pk}
    assert officine_courante() is None


@pytest.mark.django_db
@pytest.mark.parametrize("tache", tasks(of_a_row=False), ids=lambda t: t.name)
def test_a_task_of_the_installation_enters_each_officine(tache):
    read_officine(HALLE)
    with watched() as vus:
        tache.run()
    assert bool(vus) is (tache.name not in SANS_BASE)
    assert strays(vus) == []
    assert officine_courante() is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("nom", "arguments"), [(n, a) for n, a in COMMANDES.items() if a is not None], ids=str
)
def test_a_command_enters_each_officine(nom, arguments):
    # Nothing is suspended here: it looks for the officine, and says so.
    attendu = pytest.raises(CommandError) if nom == "officine_reprendre" else nullcontext()
    with watched() as vus, attendu:
        call_command(nom, *arguments, stdout=StringIO())
    assert vus
    assert strays(vus) == []
    assert officine_courante() is None


def test_what_is_seen_would_be_seen():
    assert strays([(None, 'SELECT 1 FROM "pharmacy_patient"')])
    assert not strays([(7, 'SELECT 1 FROM "pharmacy_patient"')])
    assert not strays([(None, "SELECT * FROM comptoir_envois_dus(1)")])


def test_every_key_and_channel_of_valkey_begins_with_its_officine():
    """But the relay's: a poste is of one officine, and its frames are encrypted.

    And what is of the installation: who serves a queue, how often a key or an address asked.
    """
    modele = re.compile(r'f?"comptoir:(?!suite)([^"]*)"')
    lus = {
        (fichier.relative_to(RACINE).as_posix(), cle)
        for fichier in fichiers(*PRODUIT)
        for cle in modele.findall(fichier.read_text(encoding="utf-8"))
    }
    assert lus
    autres = {(f, c) for f, c in lus if not c.startswith("{officine_id}:")}
    assert {f for f, c in autres if not c.startswith("relais:")} <= {
        "pharmacy/battements.py",
        "pharmacy/debit.py",
    }
    relais = ("relais:agent:{poste_id}", "relais:page:{poste_id}")
    assert all(c.startswith(("battement:{file}", "debit:{nom}", *relais)) for _, c in autres)


def test_nothing_is_cached_beyond_a_process():
    """Django's cache would be a store without officine: nobody uses it but the throttles of DRF."""
    for fichier in fichiers(*PRODUIT):
        assert "django.core.cache" not in fichier.read_text(encoding="utf-8"), fichier


def test_a_command_of_ours_has_words():
    for nom in COMMANDES:
        app_ = get_commands()[nom]
        assert load_command_class(app_, nom).help, nom
        assert import_module(f"{app_}.management.commands.{nom}").__doc__
