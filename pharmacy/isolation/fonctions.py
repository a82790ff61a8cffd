"""Named doors through the isolation: SECURITY DEFINER functions that return ids only."""

from django.db.migrations.operations import RunSQL

from pharmacy.isolation.operations import ROLE


def build_function(signature: str, retour: str, corps: str) -> RunSQL:
    """Return the operation that creates a function owned by the owner role, with a fixed path.

    Only the application role may execute it.
    """
    nom = signature.split("(", 1)[0]
    types = ", ".join(
        part.split()[-1]
        for part in signature.split("(", 1)[1].rstrip(")").split(",")
        if part.strip()
    )
    return RunSQL(
        sql=[
            f"CREATE FUNCTION {signature} RETURNS {retour} LANGUAGE sql SECURITY DEFINER "
            # pg_temp last: unnamed, it is searched first, and a temporary table would stand in.
            f"SET search_path = pg_catalog, public, pg_temp AS $corps$ {corps} $corps$",
            f"REVOKE ALL ON FUNCTION {nom}({types}) FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {nom}({types}) TO {ROLE}",
        ],
        reverse_sql=f"DROP FUNCTION {nom}({types})",
    )
