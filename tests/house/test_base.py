"""The laws of the database: whose rows, which role, what is unique, which way back."""

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import ForeignKey, UniqueConstraint

from pharmacy.isolation.operations import ROLE

NOTRES = ("pharmacy", "teleservices", "ins", "ordonnance", "dmp", "mssante", "psc")
# No officine of their own: the officine itself, reference data, one breaker per service, what
# Pro Santé Connect publishes, and the logout tokens it sent.
SANS_OFFICINE = {
    "pharmacy.Officine",
    "pharmacy.Produit",
    "teleservices.Disjoncteur",
    "psc.DocumentPsc",
    "psc.JetonVu",
}
# Drawn at random, said by an outsider before any officine is known: unique over the installation.
ALEATOIRES = {
    "pharmacy.Operateur.uuid",
    "pharmacy.Poste.wid",
    "pharmacy.CodeEnrolement.repere",
    "pharmacy.NonceLecture.valeur_hash",
    "ordonnance.Execution.uuid",
}
# Each door through the wall and what it gives: ids, a queue, a state.
PORTES = {
    "comptoir_code_enrolement": "TABLE(officine_id bigint, code_id bigint)",
    "comptoir_departs_a_finir": "TABLE(officine_id bigint, operateur_id bigint)",
    "comptoir_doublons_a_chercher": "TABLE(officine_id bigint)",
    "comptoir_copies_a_supprimer": "TABLE(officine_id bigint)",
    "comptoir_officine_par_finess": "bigint",
    "comptoir_journal_a_retirer": "TABLE(genre text, mois date)",
    "comptoir_journal_a_sceller": "TABLE(officine_id bigint, genre text)",
    "comptoir_journal_officines": "TABLE(officine_id bigint)",
    "comptoir_journal_preparer": "integer",
    "comptoir_journal_retirer": "bigint",
    "comptoir_envois_dus": "TABLE(officine_id bigint, envoi_id bigint, file text, etat text)",
    "comptoir_envois_perdus": "TABLE(officine_id bigint, envoi_id bigint)",
    "comptoir_envois_reveiller": "TABLE(officine_id bigint, envoi_id bigint)",
    "comptoir_lectures_gardees": "TABLE(officine_id bigint, recu_id bigint)",
    "comptoir_psc_entretien": "TABLE(officine_id bigint)",
    "comptoir_sessions_psc": "TABLE(officine_id bigint, session_id uuid)",
    "comptoir_poste_par_wid": "TABLE(officine_id bigint, poste_id bigint)",
    "comptoir_verifications_periodiques": "TABLE(officine_id bigint)",
}
MODELES = [m for m in apps.get_models() if m._meta.app_label in NOTRES]
METIER = [m for m in MODELES if m._meta.label not in SANS_OFFICINE]


def _rows(sql, parametres=(), alias="default"):
    with connections[alias].cursor() as curseur:
        curseur.execute(sql, parametres)
        return curseur.fetchall()


@pytest.mark.exigence("SEC-06")
@pytest.mark.parametrize("modele", METIER, ids=lambda m: m._meta.label)
def test_a_business_row_has_its_officine_and_cannot_be_without(modele):
    champ = modele._meta.get_field("officine")
    assert isinstance(champ, ForeignKey)
    assert not champ.null


def test_the_tables_without_officine_are_those_decided():
    assert {m._meta.label for m in MODELES} - {m._meta.label for m in METIER} == SANS_OFFICINE


@pytest.mark.parametrize("modele", METIER, ids=lambda m: m._meta.label)
def test_what_is_unique_is_so_within_the_officine(modele):
    """By the officine itself, or by a row that belongs to one."""

    def is_within(nom):
        champ = modele._meta.get_field(nom)
        return nom == "officine" or (champ.is_relation and champ.related_model in METIER)

    seuls = [
        c.name
        for c in modele._meta.constraints
        if isinstance(c, UniqueConstraint) and not any(is_within(n) for n in c.fields)
    ]
    champs = [
        f"{modele._meta.label}.{f.name}"
        for f in modele._meta.fields
        if f.unique and not f.primary_key and not is_within(f.name)
    ]
    assert seuls == []
    assert set(champs) <= ALEATOIRES


@pytest.mark.usefixtures("db")
def test_every_table_with_an_officine_is_behind_its_policy():
    """Read in PostgreSQL, whatever the models say."""
    tables = _rows(
        "SELECT c.relname, c.relrowsecurity, p.polname, p.polcmd, p.polpermissive, "
        "pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid) FROM pg_class c "
        "LEFT JOIN pg_policy p ON p.polrelid = c.oid "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND (c.relname = 'pharmacy_officine' OR EXISTS (SELECT FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attname = 'officine_id' AND NOT a.attisdropped))"
    )
    assert {t[0] for t in tables} == {m._meta.db_table for m in METIER} | {"pharmacy_officine"}
    for nom, active, politique, commande, permissive, lire, ecrire in tables:
        colonne = "id" if nom == "pharmacy_officine" else "officine_id"
        attendu = (
            f"({colonne} = (NULLIF(current_setting('comptoir.officine'::text, true), "
            "''::text))::bigint)"
        )
        assert (active, politique, commande, permissive) == (True, "isolation", "*", True), nom
        assert lire == ecrire == attendu, nom


@pytest.mark.usefixtures("db")
def test_the_tests_run_under_the_role_of_the_application():
    assert _rows("SELECT current_user, session_user") == [(ROLE, ROLE)]


@pytest.mark.usefixtures("db")
def test_the_role_of_the_application_can_bypass_nothing():
    pouvoirs = _rows(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication "
        "FROM pg_roles WHERE rolname = %s",
        [ROLE],
    )
    assert pouvoirs == [(False,) * 5]
    membre = "SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole"
    assert _rows(membre, [ROLE]) == [(0,)]


@pytest.mark.usefixtures("db")
def test_the_role_of_the_application_owns_nothing():
    """FORCE is for an owner who would read under its own policy: ours never is the application."""
    possede = _rows(
        "SELECT 'relation', relname FROM pg_class WHERE relowner = %(r)s::regrole "
        "UNION ALL SELECT 'function', proname FROM pg_proc WHERE proowner = %(r)s::regrole "
        "UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspowner = %(r)s::regrole "
        "UNION ALL SELECT 'database', datname FROM pg_database WHERE datdba = %(r)s::regrole",
        {"r": ROLE},
    )
    assert possede == []


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    "ordre",
    [
        'ALTER TABLE "pharmacy_patient" DISABLE ROW LEVEL SECURITY',
        'DROP POLICY isolation ON "pharmacy_patient"',
        "SET ROLE comptoir_proprietaire",
        "CREATE TABLE public.a_moi (id int)",
        'TRUNCATE "pharmacy_audit"',
        'UPDATE "pharmacy_audit" SET acte = acte',
        'DELETE FROM "pharmacy_audit"',
        'UPDATE "pharmacy_blocaudit" SET rang = rang',
        'DELETE FROM "pharmacy_blocaudit"',
        'TRUNCATE "pharmacy_blocaudit"',
        "SELECT journal.creer_mois('2031-01-01')",
        'DELETE FROM "ins_evenementidentite"',
        'UPDATE "ordonnance_ordonnanceversion" SET id = id',
        'INSERT INTO "pharmacy_produit" (cip13) VALUES (0)',
    ],
)
def test_the_application_is_refused_what_belongs_to_the_owner(ordre):
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        _rows_none(ordre)


def _rows_none(ordre):
    with connection.cursor() as curseur:
        curseur.execute(ordre)


@pytest.mark.usefixtures("db")
def test_the_doors_through_the_wall_have_a_fixed_path_and_give_ids_only():
    portes = _rows(
        "SELECT p.proname, p.proconfig, pg_get_userbyid(p.proowner), "
        "pg_get_function_result(p.oid), has_function_privilege('public', p.oid, 'execute') "
        "FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
    )
    assert {porte[0]: porte[3] for porte in portes} == PORTES
    for nom, reglages, proprietaire, _, ouverte in portes:
        assert reglages == ["search_path=pg_catalog, public, pg_temp"], nom
        assert proprietaire == "comptoir_proprietaire", nom
        assert not ouverte, nom


@pytest.mark.usefixtures("db")
def test_outside_any_officine_no_row_exists():
    assert [m._meta.label for m in METIER if m._base_manager.exists()] == []


def test_in_an_officine_the_rows_of_the_other_do_not_exist(halle, port):
    assert halle.officine.pk != port.officine.pk
    for modele in METIER:
        vues = set(modele._base_manager.values_list("officine_id", flat=True))
        assert vues <= {halle.officine.pk}, modele._meta.label
    assert Session._meta.label not in {m._meta.label for m in METIER}


@pytest.mark.django_db(databases=["default", "proprietaire"], transaction=False)
def test_migrations_have_a_way_back_and_start_from_nothing():
    """Each step of our own apps has a reverse; the suite itself has migrated an empty database."""
    from django.db.migrations.loader import MigrationLoader

    chargeur = MigrationLoader(connections["proprietaire"])
    faites = chargeur.applied_migrations
    sans_retour = []
    for (app, nom), migration in chargeur.disk_migrations.items():
        if app not in NOTRES:
            continue
        assert (app, nom) in faites
        sans_retour += [
            f"{app}.{nom} {op.describe()}" for op in migration.operations if not op.reversible
        ]
    assert sans_retour == []
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
