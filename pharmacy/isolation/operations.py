"""Migration operations: isolate a table, freeze a table, share reference data."""

from django.db.migrations.operations import RunSQL

ROLE = "comptoir_app"
_COURANTE = "nullif(current_setting('comptoir.officine', true), '')::bigint"


class IsolerTable(RunSQL):
    """Enable row-level security on a table that has an officine.

    The application role sees and writes the rows of the current officine only; the owner, who
    migrates, is not concerned.
    """

    def __init__(self, table: str, colonne: str = "officine_id") -> None:
        self.table = table
        self.colonne = colonne
        super().__init__(
            sql=[
                f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
                f'CREATE POLICY isolation ON "{table}" USING ("{colonne}" = {_COURANTE}) '
                f'WITH CHECK ("{colonne}" = {_COURANTE})',
            ],
            reverse_sql=[
                f'DROP POLICY isolation ON "{table}"',
                f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
            ],
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what the migration writer needs."""
        return (self.__class__.__name__, [self.table, self.colonne], {})


class FigerTable(RunSQL):
    """Take UPDATE, DELETE and TRUNCATE away from the application role: rows are only added."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(
            sql=f'REVOKE UPDATE, DELETE, TRUNCATE ON "{table}" FROM {ROLE}',
            reverse_sql=f'GRANT UPDATE, DELETE ON "{table}" TO {ROLE}',
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what the migration writer needs."""
        return (self.__class__.__name__, [self.table], {})


class ReferencePartagee(RunSQL):
    """Reference data without officine: read-only for the application role."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(
            sql=f'REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON "{table}" FROM {ROLE}',
            reverse_sql=f'GRANT INSERT, UPDATE, DELETE ON "{table}" TO {ROLE}',
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what the migration writer needs."""
        return (self.__class__.__name__, [self.table], {})


class AccorderRole(RunSQL):
    """Give the application role the use of the schema, of its tables and of those to come."""

    def __init__(self) -> None:
        super().__init__(
            sql=[
                f"GRANT USAGE ON SCHEMA public TO {ROLE}",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
                f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
                "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE}",
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {ROLE}",
            ],
            reverse_sql=RunSQL.noop,
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what the migration writer needs."""
        return (self.__class__.__name__, [], {})
