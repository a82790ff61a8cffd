"""References stay inside an officine.

PostgreSQL checks a foreign key past every policy: a row of one officine could name a row of
another. Each reference between two isolated tables is therefore one of two columns, the row and its
officine. Django writes them with one: what its migrations leave is completed here after each
`migrate`, so that a table that arrives needs no line of its own. Reading by it costs nothing; a
reference checked costs one look in an index, as before.
"""

from django.db import connections, transaction

# Of the tables that this role owns only: after a flush by the application there is nothing to do.
_COMPLETER = """DO $corps$
DECLARE
    lien record;
BEGIN
    FOR lien IN
        SELECT f.conname, e.relname AS enfant, ae.attname AS colonne,
            p.relname AS parent, ap.attname AS visee
        FROM pg_constraint f
        JOIN pg_class e ON e.oid = f.conrelid
        JOIN pg_class p ON p.oid = f.confrelid
        JOIN pg_attribute ae ON ae.attrelid = e.oid AND ae.attnum = f.conkey[1]
        JOIN pg_attribute ap ON ap.attrelid = p.oid AND ap.attnum = f.confkey[1]
        WHERE f.contype = 'f' AND f.conparentid = 0 AND cardinality(f.conkey) = 1
            AND f.connamespace = 'public'::regnamespace
            AND e.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
            AND 2 = (SELECT count(*) FROM pg_attribute o WHERE o.attname = 'officine_id'
                AND NOT o.attisdropped AND o.attrelid IN (e.oid, p.oid)) + (e.oid = p.oid)::int
    LOOP
        EXECUTE format('CREATE UNIQUE INDEX IF NOT EXISTS %I ON public.%I (%I, officine_id)',
            lien.parent || '_' || lien.visee || '_officine', lien.parent, lien.visee);
        EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', lien.enfant, lien.conname);
        EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I FOREIGN KEY (%I, officine_id) '
            'REFERENCES public.%I (%I, officine_id) DEFERRABLE INITIALLY DEFERRED',
            lien.enfant, lien.conname, lien.colonne, lien.parent, lien.visee);
    END LOOP;
END $corps$"""


def enclose(using: str, **_annonce: object) -> None:
    """Make every reference between isolated tables carry the officine; nothing is done twice."""
    with transaction.atomic(using=using), connections[using].cursor() as curseur:
        curseur.execute(_COMPLETER)
