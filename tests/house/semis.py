"""A thousand officines, a row of each in every table that has an officine: made from the models.

A table that arrives enters by itself; where its constraints want more than a value of each column's
type, the insertion fails and its line is written here.
"""

# ruff: noqa: S608 - statements made of our own names

from contextlib import contextmanager

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from psycopg import sql

from tests.conftest import _etat

NOMBRE = 1_000
BASE = 1_500_000_000
LETTRES = (models.CharField, models.TextField)
# Columns whose table wants more than their type says.
VOULU = {
    "pharmacy_officine.finess": "'98' || lpad(k::text, 7, '0')",
    "pharmacy_habilitation.operateur_id": f"{BASE} + k",
    "pharmacy_patient.recherche": "'MARQUE' || k",
    "ordonnance_ligneexecutee.resultat": "'HORS_PRESCRIPTION'",
    "ordonnance_ligneexecutee.quantite": "1",
    "pharmacy_cleintegration.portees": "'{services}'",
    "psc_rattachementpsc.national": "'national' || k",
    "psc_sessionpsc.jetons": r"'\x01'::bytea",
}


def isolated():
    """The models whose rows belong to an officine, and the officine itself."""
    return [
        modele
        for modele in apps.get_models()
        if any(f.name == "officine" for f in modele._meta.fields)
        or modele._meta.db_table == "pharmacy_officine"
    ]


def owner_column(modele):
    """The column that its policy reads."""
    return "id" if modele._meta.db_table == "pharmacy_officine" else "officine_id"


def key_columns(modele):
    """The columns of the primary key."""
    return [champ.column for champ in modele._meta.pk_fields]


def _key(modele):
    """How the key of a row is made of the rank of its officine."""
    if isinstance(modele._meta.pk, models.UUIDField):
        return f"md5('{modele._meta.db_table}' || k)::uuid"
    return f"{BASE} + k"


def _default(champ):
    """A constant of the model, as it is written; None when it has none."""
    if not champ.has_default() or callable(champ.default):
        return None
    valeur = champ.get_db_prep_save(champ.get_default(), connection)
    return sql.Literal(valeur).as_string(connection.connection)


def _of_type(champ):
    """A value of the column's type, its own in each officine where it is text."""
    if isinstance(champ, models.UUIDField):
        return f"md5('{champ.column}' || k)::uuid"
    if isinstance(champ, LETTRES):
        if champ.blank or champ.choices:
            return "''" if champ.blank else f"'{champ.flatchoices[0][0]}'"
        return f"left(md5('{champ.column}' || k), {min(champ.max_length or 32, 32)})"
    simples = {
        models.DateTimeField: "now()",
        models.DateField: "current_date",
        models.BooleanField: "false",
        models.BinaryField: r"'\x6d'::bytea",
        models.IntegerField: "1",
        models.DecimalField: "1",
        models.JSONField: "'{}'::jsonb",
        ArrayField: "'{}'",
    }
    return next(texte for genre, texte in simples.items() if isinstance(champ, genre))


def _value(modele, champ):
    """How a column is filled; None leaves it empty, or to the database."""
    voulu = VOULU.get(f"{modele._meta.db_table}.{champ.column}")
    if voulu or champ.has_db_default():
        return voulu
    if champ.primary_key:
        return _key(modele)
    if champ.null:
        return None
    if champ.is_relation:
        return _key(champ.related_model)
    return _default(champ) or _of_type(champ)


def sowing(modele):
    """The statement that writes a row of each officine in a table."""
    valeurs = {f.column: _value(modele, f) for f in modele._meta.concrete_fields}
    valeurs = {colonne: valeur for colonne, valeur in valeurs.items() if valeur}
    colonnes = ", ".join(f'"{colonne}"' for colonne in valeurs)
    return (
        f'INSERT INTO "{modele._meta.db_table}" ({colonnes}) '
        f"SELECT {', '.join(valeurs.values())} FROM generate_series(1, {NOMBRE}) k"
    )


@contextmanager
def sown():
    """A transaction under the application role that sees what a superuser wrote, then forgets it.

    The rows are never committed; the policies are those of the role that asks.
    """
    connection.ensure_connection()
    with _etat["pile"].postgres.connect(connection.settings_dict["NAME"]) as brute:
        brute.autocommit = False
        for modele in isolated():
            brute.execute(sowing(modele))
        brute.execute("SET CONSTRAINTS ALL IMMEDIATE")
        brute.execute("SET CONSTRAINTS ALL DEFERRED")
        ecrites = {
            m._meta.db_table: brute.execute(
                f'SELECT count(DISTINCT "{owner_column(m)}") FROM "{m._meta.db_table}" '
                f'WHERE "{owner_column(m)}" > {BASE}'
            ).fetchone()[0]
            for m in isolated()
        }
        brute.execute("SET LOCAL SESSION AUTHORIZATION comptoir_app")
        yield brute, ecrites
        brute.rollback()
