"""A thousand officines in one database: under one of them, the others do not exist.

Raw SQL under the application role, on every table that has an officine, read from the models.
"""

# ruff: noqa: S608 - statements made of our own names

import json
import re
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections
from psycopg import errors

from pharmacy.isolation.operations import ROLE
from tests.house.semis import BASE, NOMBRE, isolated, key_columns, owner_column, sown

pytestmark = pytest.mark.exigence("SEC-06")
ICI, AILLEURS = BASE + 7, BASE + 8
MODELES = isolated()
SUR_CHAQUE_TABLE = pytest.mark.parametrize("modele", MODELES, ids=lambda m: m._meta.label)
# Names an id without referring to a row: the journal, and what the database writes by itself.
SANS_RENVOI = {
    *("pharmacy_audit.operateur_id", "pharmacy_audit.poste_id", "pharmacy_audit.patient_id"),
    *("pharmacy_patientversion.pgh_obj_id", "pharmacy_patientversion.fusionne_dans_id"),
    *("pharmacy_motpatient.patient_id", "pharmacy_motconnu.patient_id"),
}
# Doors that make a statement: the months of the journal, named from a date and a known kind.
COMPOSENT = {"comptoir_journal_retirer"}


@pytest.fixture(scope="module")
def semees(django_db_setup, django_db_blocker):
    """The open transaction, and how many officines have a row in each table."""
    with django_db_blocker.unblock(), sown() as (brute, ecrites):
        yield brute, ecrites


@pytest.fixture
def base(semees):
    """The transaction, given back as it was."""
    brute, _ = semees
    with brute.transaction(force_rollback=True):
        enter(brute, ICI)
        yield brute


def enter(base, officine_id):
    """Work for one officine; None leaves every context."""
    base.execute("SELECT set_config('comptoir.officine', %s, true)", [str(officine_id or "")])


@contextmanager
def refused(base, *codes):
    """The statement is refused, for one of these reasons, and its text tells no row."""
    with pytest.raises(psycopg.Error) as leve, base.transaction():
        yield
    assert leve.value.sqlstate in codes, leve.value
    tells_nothing(leve.value)


def tells_nothing(exc):
    """Whatever PostgreSQL adds to a refusal, no value of a row is in it."""
    assert not re.search(r"\d|MARQUE", exc.diag.message_detail or ""), exc.diag.message_detail


def row(base, modele, officine_id):
    """Return a row of an officine as JSON, read in its own context."""
    enter(base, officine_id)
    lue = base.execute(
        f'SELECT to_jsonb(t) FROM "{modele._meta.db_table}" t '
        f'WHERE "{owner_column(modele)}" = %s LIMIT 1',
        [officine_id],
    ).fetchone()[0]
    enter(base, ICI)
    return lue


def insert(base, modele, ligne, suite=""):
    """Insert a row given as JSON."""
    table = modele._meta.db_table
    return base.execute(
        f'INSERT INTO "{table}" SELECT (jsonb_populate_record(NULL::"{table}", %s::jsonb)).* '
        f"{suite}",
        [json.dumps(ligne)],
    )


def touched(base, ordre, parametres=None):
    """Return how many rows a statement touched; none when the role may not even try."""
    try:
        with base.transaction():
            return base.execute(ordre, parametres).rowcount
    except errors.InsufficientPrivilege as exc:
        return 0 if "permission denied" in str(exc) else -1


def test_a_thousand_officines_have_a_row_in_every_table(semees):
    assert semees[1] == {m._meta.db_table: NOMBRE for m in MODELES}
    assert semees[0].execute("SELECT current_user, session_user").fetchone() == (ROLE, ROLE)


@SUR_CHAQUE_TABLE
def test_nothing_of_the_others_is_seen_nor_counted(base, modele):
    table, colonne = modele._meta.db_table, owner_column(modele)
    vues = base.execute(f'SELECT DISTINCT "{colonne}" FROM "{table}"').fetchall()
    assert vues == [(ICI,)]
    autres = f'SELECT count(*) FROM "{table}" WHERE "{colonne}" <> %s'
    assert base.execute(autres, [ICI]).fetchone() == (0,)
    assert base.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] < 20


@SUR_CHAQUE_TABLE
def test_nothing_of_the_others_is_changed_or_removed(base, modele):
    table, colonne = modele._meta.db_table, owner_column(modele)
    visee = f'WHERE "{colonne}" = %s'
    assert touched(base, f'UPDATE "{table}" SET "{colonne}" = {ICI} {visee}', [AILLEURS]) == 0
    assert touched(base, f'DELETE FROM "{table}" {visee}', [AILLEURS]) == 0
    enter(base, AILLEURS)
    assert base.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] >= 1


@SUR_CHAQUE_TABLE
def test_a_row_is_neither_moved_to_another_officine_nor_written_there(base, modele):
    table, colonne = modele._meta.db_table, owner_column(modele)
    lue = row(base, modele, ICI)
    with refused(base, "42501"):
        base.execute(f'UPDATE "{table}" SET "{colonne}" = %s', [AILLEURS])
    with refused(base, "42501"):
        insert(base, modele, lue | {colonne: AILLEURS})


@SUR_CHAQUE_TABLE
def test_a_key_taken_elsewhere_gives_nothing_of_its_row(base, modele):
    """By the error's text, by RETURNING, by ON CONFLICT."""
    sienne, colonne = row(base, modele, AILLEURS), owner_column(modele)
    cles = key_columns(modele)
    tentee = row(base, modele, ICI) | {c: sienne[c] for c in cles if c != "officine_id"}
    cible = ", ".join(f'"{c}"' for c in cles)
    for suite in (
        "",
        f'ON CONFLICT DO NOTHING RETURNING "{colonne}"',
        f'ON CONFLICT ({cible}) DO UPDATE SET "{cles[0]}" = excluded."{cles[0]}" '
        f'RETURNING "{colonne}"',
    ):
        refus = None
        try:
            with base.transaction(force_rollback=True):
                faites = insert(base, modele, tentee, suite)
                # The key of words, and of the journal, holds more than the number: it was free.
                assert not suite or set(faites.fetchall()) <= {(ICI,)}
        except psycopg.Error as exc:
            refus = exc
        if refus is not None:
            assert refus.sqlstate in {"23505", "42501", "42P10"}, refus
            tells_nothing(refus)
    enter(base, AILLEURS)
    assert row(base, modele, AILLEURS) == sienne


@SUR_CHAQUE_TABLE
def test_without_an_officine_nothing_is_read_and_nothing_is_written(base, modele):
    table, colonne = modele._meta.db_table, owner_column(modele)
    lue = row(base, modele, ICI)
    enter(base, None)
    assert base.execute(f'SELECT count(*) FROM "{table}"').fetchone() == (0,)
    assert touched(base, f'UPDATE "{table}" SET "{colonne}" = "{colonne}"') == 0
    assert touched(base, f'DELETE FROM "{table}"') == 0
    with refused(base, "42501"):
        insert(base, modele, lue)


def references():
    """Every reference from an isolated table to another, read in the models."""
    return [
        (modele, champ)
        for modele in MODELES
        for champ in modele._meta.concrete_fields
        if champ.is_relation and champ.related_model in MODELES and champ.name != "officine"
    ]


@pytest.mark.parametrize(
    ("modele", "champ"), references(), ids=lambda x: getattr(x, "column", None) or x._meta.label
)
def test_a_row_never_refers_to_one_of_another_officine(base, modele, champ):
    """The check of a foreign key sees past the policies: the officine is part of the reference."""
    table = modele._meta.db_table
    if f"{table}.{champ.column}" in SANS_RENVOI:
        assert not champ.db_constraint
        return
    visee = row(base, champ.related_model, AILLEURS)[champ.target_field.column]
    with refused(base, "23503", "23505", "23514", "42501"):
        base.execute(f'UPDATE "{table}" SET "{champ.column}" = %s', [visee])
        base.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_reference_between_isolated_tables_carries_the_officine(base):
    """In PostgreSQL, whatever the models say: the proof of the test above, for what it cannot
    change.
    """
    liens = base.execute(
        "SELECT f.conrelid::regclass::text, f.confrelid::regclass::text, f.conkey, "
        "array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = f.conrelid "
        "AND a.attnum = ANY(f.conkey)), array(SELECT a.attname::text FROM pg_attribute a "
        "WHERE a.attrelid = f.confrelid AND a.attnum = ANY(f.confkey)) "
        "FROM pg_constraint f WHERE f.contype = 'f' AND f.convalidated"
    ).fetchall()
    tables = {m._meta.db_table for m in MODELES} - {"pharmacy_officine"}
    entre = [lien for lien in liens if {lien[0], lien[1]} <= tables]
    voulus = [f for f in references() if f"{f[0]._meta.db_table}.{f[1].column}" not in SANS_RENVOI]
    assert len(entre) == len(voulus)
    assert [lien for lien in entre if not all("officine_id" in cote for cote in lien[3:])] == []


@pytest.mark.django_db(databases=["default", "proprietaire"])
def test_every_door_is_the_owners_opens_to_the_application_alone_and_gives_ids():
    """Read in pg_proc, in every schema: path, owner, who may run it, no statement made of text."""
    with connections["proprietaire"].cursor() as curseur:
        curseur.execute(
            "SELECT p.proname, p.proconfig, pg_get_userbyid(p.proowner), p.prosrc, "
            "array(SELECT DISTINCT a.grantee::regrole::text FROM aclexplode(p.proacl) a "
            "ORDER BY 1), coalesce(p.proargnames[p.pronargs + 1:], '{}'), p.provolatile "
            "FROM pg_proc p WHERE p.prosecdef"
        )
        portes = curseur.fetchall()
    assert portes
    rendus = set()
    for nom, reglages, proprietaire, corps, roles, colonnes, _ in portes:
        assert reglages == ["search_path=pg_catalog, public, pg_temp"], nom
        assert proprietaire == "comptoir_proprietaire", nom
        assert roles == [ROLE, "comptoir_proprietaire"], nom
        assert ("EXECUTE" in corps.upper()) is (nom in COMPOSENT), nom
        rendus |= set(colonnes)
    # Ids, and words that are of the installation: a queue, a service, a state, a kind of line, a
    # month; of a queue, how many rows wait and since when.
    assert {c for c in rendus if not c.endswith("_id")} == {
        *("file", "service", "etat", "genre", "mois"),
        *("nombre", "age_s"),
    }
