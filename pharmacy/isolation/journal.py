"""The SQL of the journal: a table in months and kinds, the months made ahead, those removed.

Partitions live in the schema `journal`, of which the application role has no use: it reads and adds
through `pharmacy_audit` alone, where its policy stands. No role may change or delete a line, the
owner included; an owner who gives itself the right is found by the seal (pharmacy/rules/sceau.py).
"""

# ruff: noqa: S608 - statements made of our own names

from django.db.migrations.operations import RunSQL

from pharmacy.isolation.operations import ROLE, FigerTable, IsolerTable

GENRES = ("dossier", "securite", "mssante")
# Months kept when no officine said otherwise (SEC-03), and the least that any setting gives.
GARDES = {"dossier": 36, "securite": 12, "mssante": 6}
GARDE_MINIMALE = 6
MOIS_DEVANT = 24
SEQUENCE = "pharmacy_audit_numero_seq"
_GENRES = ", ".join(f"'{genre}'" for genre in GENRES)
_GARDES = ", ".join(f"('{genre}', {mois})" for genre, mois in GARDES.items())

_TABLE = f"""CREATE TABLE public.pharmacy_audit (
    id bigint NOT NULL DEFAULT nextval('public.{SEQUENCE}'),
    quand timestamptz NOT NULL DEFAULT statement_timestamp(),
    officine_id bigint NOT NULL,
    operateur_id bigint,
    poste_id bigint,
    patient_id bigint,
    genre varchar(10) NOT NULL,
    role varchar(20) NOT NULL,
    acte varchar(60) NOT NULL,
    objet varchar(60) NOT NULL,
    resultat varchar(20) NOT NULL,
    "precision" varchar(80) NOT NULL
) PARTITION BY RANGE (quand)"""
_COLONNES = (
    "id, quand, officine_id, operateur_id, poste_id, patient_id, role, acte, objet, resultat, "
    '"precision"'
)
# Of the acts already noted, those that are of security (pharmacy/rules/actes.py).
_GENRE_ANCIEN = (
    "CASE WHEN acte ~ '^(session|operateur|poste|parametre)[.]' OR acte = 'lecture.refusee' "
    "THEN 'securite' ELSE 'dossier' END"
)
_CREER_MOIS = f"""CREATE FUNCTION journal.creer_mois(premier date) RETURNS boolean
LANGUAGE plpgsql AS $corps$
DECLARE
    nom text := 'audit_' || to_char(premier, 'YYYY_MM');
    sorte text;
BEGIN
    IF to_regclass(format('journal.%I', nom)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE journal.%I (LIKE public.pharmacy_audit INCLUDING DEFAULTS) '
        'PARTITION BY LIST (genre)', nom);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON journal.%I FROM CURRENT_USER', nom);
    FOREACH sorte IN ARRAY ARRAY[{_GENRES}] LOOP
        EXECUTE format('CREATE TABLE journal.%I PARTITION OF journal.%I FOR VALUES IN (%L)',
            nom || '_' || sorte, nom, sorte);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON journal.%I FROM CURRENT_USER',
            nom || '_' || sorte);
    END LOOP;
    EXECUTE format('ALTER TABLE public.pharmacy_audit ATTACH PARTITION journal.%I '
        'FOR VALUES FROM (%L) TO (%L)', nom, premier::timestamp AT TIME ZONE 'UTC',
        (premier + interval '1 month') AT TIME ZONE 'UTC');
    RETURN true;
END $corps$"""
_INDEX = (
    "ALTER TABLE pharmacy_audit ADD CONSTRAINT pharmacy_audit_pkey PRIMARY KEY (id, quand, genre)",
    "CREATE INDEX audit_recent ON pharmacy_audit (officine_id, quand DESC, id DESC)",
    "CREATE INDEX audit_patient ON pharmacy_audit (officine_id, patient_id, quand DESC, id DESC) "
    "WHERE patient_id IS NOT NULL",
    "CREATE INDEX audit_operateur ON pharmacy_audit "
    "(officine_id, operateur_id, quand DESC, id DESC)",
    "CREATE INDEX audit_acte ON pharmacy_audit (officine_id, acte, quand DESC, id DESC)",
)
_MOIS_EXISTANTS = (
    "SELECT journal.creer_mois(jour::date) FROM generate_series("
    "date_trunc('month', coalesce((SELECT min(quand) FROM pharmacy_audit_avant), now()) "
    "AT TIME ZONE 'UTC'), date_trunc('month', now() AT TIME ZONE 'UTC') "
    f"+ interval '{MOIS_DEVANT} months', interval '1 month') jour"
)

_POLITIQUE: tuple[str, ...] = (
    *map(str, IsolerTable("pharmacy_audit").sql),
    str(FigerTable("pharmacy_audit").sql),
)


_ALLER: tuple[str, ...] = (
    "CREATE SCHEMA journal",
    f"CREATE SEQUENCE public.{SEQUENCE}",
    f"SELECT setval('{SEQUENCE}', (SELECT coalesce(max(id), 0) + 1 FROM pharmacy_audit), false)",
    "ALTER TABLE pharmacy_audit RENAME TO pharmacy_audit_avant",
    _TABLE,
    f"ALTER SEQUENCE {SEQUENCE} OWNED BY pharmacy_audit.id",
    _CREER_MOIS,
    _MOIS_EXISTANTS,
    f"INSERT INTO pharmacy_audit ({_COLONNES}, genre) "
    f"SELECT {_COLONNES}, {_GENRE_ANCIEN} FROM pharmacy_audit_avant",
    "DROP TABLE pharmacy_audit_avant",
    *_INDEX,
    "REVOKE UPDATE, DELETE, TRUNCATE ON pharmacy_audit FROM CURRENT_USER",
)
_RETOUR: tuple[str, ...] = (
    "ALTER TABLE pharmacy_audit RENAME TO pharmacy_audit_mois",
    "CREATE TABLE pharmacy_audit (LIKE pharmacy_audit_mois)",
    "INSERT INTO pharmacy_audit SELECT * FROM pharmacy_audit_mois",
    "ALTER TABLE pharmacy_audit DROP COLUMN genre",
    "DROP TABLE pharmacy_audit_mois CASCADE",
    "DROP FUNCTION journal.creer_mois(date)",
    "DROP SCHEMA journal CASCADE",
    "ALTER TABLE pharmacy_audit ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
    "SELECT setval(pg_get_serial_sequence('pharmacy_audit', 'id'), "
    "(SELECT coalesce(max(id), 0) + 1 FROM pharmacy_audit), false)",
    "ALTER TABLE pharmacy_audit ADD CONSTRAINT pharmacy_audit_pkey PRIMARY KEY (id)",
    *(
        f"ALTER TABLE pharmacy_audit ADD FOREIGN KEY ({table}_id) "
        f"REFERENCES pharmacy_{table} (id) DEFERRABLE INITIALLY DEFERRED"
        for table in ("officine", "operateur", "poste", "patient")
    ),
    "CREATE INDEX audit_recent ON pharmacy_audit (officine_id, quand DESC)",
    "CREATE INDEX audit_patient ON pharmacy_audit (officine_id, patient_id, quand DESC)",
    *_POLITIQUE,
)


class PartagerJournal(RunSQL):
    """Turn the journal into months and kinds, its lines kept; the way back makes it plain."""

    def __init__(self) -> None:
        super().__init__(sql=list(_ALLER), reverse_sql=list(_RETOUR))

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what the migration writer needs."""
        return (self.__class__.__name__, [], {})


def build_door(signature: str, retour: str, corps: str) -> RunSQL:
    """Return the operation that creates a door in PL/pgSQL, as `build_function` does in SQL."""
    nom = signature.split("(", 1)[0]
    types = ", ".join(
        part.split()[-1]
        for part in signature.split("(", 1)[1].rstrip(")").split(",")
        if part.strip()
    )
    return RunSQL(
        sql=[
            f"CREATE FUNCTION {signature} RETURNS {retour} LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, public, pg_temp AS $corps$ {corps} $corps$",
            f"REVOKE ALL ON FUNCTION {nom}({types}) FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {nom}({types}) TO {ROLE}",
        ],
        reverse_sql=f"DROP FUNCTION {nom}({types})",
    )


# Officines and kinds with a line that has waited for its seal. Lines that come with a number above
# the last bound and a date well before it are never sealed: the verification tells them. Only the
# months of the last 45 days are opened: a journal older than its first seal is sealed at night. In
# PL/pgSQL, which keeps its plan: making one for every month costs more than running it.
A_SCELLER = f"""BEGIN RETURN QUERY SELECT o.id, k.sorte FROM pharmacy_officine o
    CROSS JOIN unnest(ARRAY[{_GENRES}]) k(sorte)
    LEFT JOIN LATERAL (SELECT b.dernier, b.scelle_le FROM pharmacy_blocaudit b
        WHERE b.officine_id = o.id AND b.genre = k.sorte ORDER BY b.rang DESC LIMIT 1) b ON true
    CROSS JOIN LATERAL (SELECT FROM pharmacy_audit a
        WHERE a.officine_id = o.id AND a.genre = k.sorte AND a.id > coalesce(b.dernier, 0)
        AND a.quand >= now() - interval '45 days'
        AND a.quand >= coalesce(b.scelle_le - interval '10 minutes', '-infinity')
        AND a.quand <= now() - make_interval(secs => attente_s) LIMIT 1) a; END"""

PREPARER = """
DECLARE
    faits integer := 0;
    mois date;
BEGIN
    IF devant NOT BETWEEN 1 AND 60 THEN
        RAISE EXCEPTION 'devant';
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    FOR mois IN SELECT jour::date FROM generate_series(
        date_trunc('month', now() AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => devant),
        interval '1 month') jour LOOP
        IF journal.creer_mois(mois) THEN
            faits := faits + 1;
        END IF;
    END LOOP;
    RETURN faits;
END"""

# A month of a kind leaves when the longest retention of the installation has passed since its end.
A_RETIRER = f"""WITH garde AS (SELECT k.sorte, greatest({GARDE_MINIMALE}, max(coalesce(
        (SELECT (p.valeur #>> '{{}}')::integer FROM pharmacy_parametre p
         WHERE p.officine_id = o.id AND p.cle = 'journal.garde_' || k.sorte
         AND p.a_partir_du <= now() ORDER BY p.a_partir_du DESC, p.id DESC LIMIT 1),
        k.defaut))) AS mois
    FROM (VALUES {_GARDES}) k(sorte, defaut) LEFT JOIN pharmacy_officine o ON true
    GROUP BY k.sorte),
    feuille AS (SELECT split_part(c.relname::text, '_', 4) AS sorte,
        make_date(split_part(c.relname::text, '_', 2)::integer,
            split_part(c.relname::text, '_', 3)::integer, 1) AS premier
    FROM pg_class c WHERE c.relnamespace = 'journal'::regnamespace AND c.relkind = 'r')
    SELECT f.sorte, f.premier FROM feuille f JOIN garde g USING (sorte)
    WHERE (f.premier + interval '1 month') AT TIME ZONE 'UTC'
        <= now() - make_interval(months => g.mois) ORDER BY 2, 1"""

RETIRER = """
DECLARE
    mois_nom text := 'audit_' || to_char(premier, 'YYYY_MM');
    nom text := mois_nom || '_' || sorte;
    lignes bigint;
    sans bigint;
BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    IF NOT EXISTS (SELECT FROM comptoir_journal_a_retirer() r
                   WHERE r.genre = sorte AND r.mois = premier) THEN
        RETURN -1;
    END IF;
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT '
        'FROM pharmacy_blocaudit b WHERE b.officine_id = a.officine_id AND b.genre = %L '
        'AND b.mois = %L AND b.nature = ''retrait'')) FROM journal.%I a', sorte, premier, nom)
        INTO lignes, sans;
    IF sans > 0 THEN
        RETURN -1;
    END IF;
    EXECUTE format('ALTER TABLE journal.%I DETACH PARTITION journal.%I', mois_nom, nom);
    EXECUTE format('DROP TABLE journal.%I', nom);
    RETURN lignes;
END"""
