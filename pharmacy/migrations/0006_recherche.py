"""Words of the patients, kept by the database itself: see pharmacy/models/recherche.py.

The functions run as whoever writes the patient: row-level security holds inside them too.
"""

import django.db.models.deletion
from django.db import migrations, models

from pharmacy.isolation.operations import IsolerTable

# pharmacy.rules.recherche.SONS, as it is at this migration; a test plays both on the same words.
SONS = (
    ('PH', 'F'),
    ('CH(?=[RL])', 'K'),
    ('S?CH|SH', '9'),
    ('G(?=[EIY])', 'J'),
    ('JE(?=[AOU])', 'J'),
    ('GU(?=[EIY])', 'G'),
    ('GN', 'N'),
    ('SC(?=[EIY])', 'S'),
    ('C(?=[EIY])', 'S'),
    ('QU|[CKQ]', 'K'),
    ('W', 'V'),
    ('Z', 'S'),
    ('H', ''),
    ('Y', 'I'),
    ('(.)\\1+', '\\1'),
    ('E?AU', 'O'),
    ('OU', 'U'),
    ('OEU?|EU', 'E'),
    ('(AI|EI|I|U)[NM](?![AEIOUNM])', '1'),
    ('[AE][NM](?![AEIOUNM])', '2'),
    ('O[NM](?![AEIOUNM])', '3'),
    ('[AE]I', 'E'),
    ('[DTSXP]+$', ''),
    ('ER$', 'E'),
    ('(.)\\1+', '\\1'),
    ('(?!^)E+$', ''),
)
CHEMIN = "SET search_path = pg_catalog, public, pg_temp"


def build_sound():
    """Nest one regexp_replace in the next, in the order of the table."""
    corps = "mot"
    for motif, par in SONS:
        corps = f"regexp_replace({corps}, '{motif}', '{par}', 'g')"
    return (
        f"CREATE FUNCTION comptoir_son(mot text) RETURNS text LANGUAGE sql IMMUTABLE STRICT "
        f"PARALLEL SAFE {CHEMIN} AS $corps$ SELECT {corps} $corps$"
    )


CLES = f"""
CREATE FUNCTION comptoir_cles(noms text, naissance date) RETURNS TABLE(cle text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 {CHEMIN} AS $corps$
    SELECT array_to_string(array_prepend(mot, array_remove(mots, mot)), ' ')
    FROM (SELECT string_to_array(noms, ' ') || CASE WHEN naissance IS NULL THEN ARRAY[]::text[]
          ELSE ARRAY[to_char(naissance, 'DDMMYYYY')] END AS mots) AS dossier, unnest(mots) AS mot
$corps$"""

# In the order of the words: a bulk load then reads and writes each page once.
INSERER = """
    INSERT INTO pharmacy_motpatient (officine_id, cle, patient_id)
    SELECT n.officine_id, c.cle, n.id FROM {source} n, comptoir_cles(n.recherche, n.date_naissance) c
    WHERE n.actif ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;
    INSERT INTO pharmacy_motconnu (officine_id, mot, son, patient_id)
    SELECT neuf.officine_id, neuf.mot, comptoir_son(neuf.mot), neuf.patient_id FROM (
        SELECT n.officine_id, m.mot, min(n.id) AS patient_id
        FROM {source} n, unnest(string_to_array(n.recherche, ' ')) AS m(mot)
        WHERE n.actif GROUP BY 1, 2
    ) AS neuf
    WHERE NOT EXISTS (SELECT FROM pharmacy_motconnu k
                      WHERE k.officine_id = neuf.officine_id AND k.mot = neuf.mot)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING;
"""

DECLENCHEURS = f"""
CREATE FUNCTION comptoir_patients_ajoutes() RETURNS trigger LANGUAGE plpgsql {CHEMIN} AS $corps$
BEGIN
    {INSERER.format(source="nouveaux")}
    RETURN NULL;
END $corps$;

CREATE FUNCTION comptoir_patient_change() RETURNS trigger LANGUAGE plpgsql {CHEMIN} AS $corps$
BEGIN
    DELETE FROM pharmacy_motpatient WHERE officine_id = OLD.officine_id AND patient_id = OLD.id
    AND cle = ANY (ARRAY(SELECT c.cle FROM comptoir_cles(OLD.recherche, OLD.date_naissance) c));
    IF TG_OP = 'UPDATE' THEN
        {INSERER.format(source="(SELECT NEW.*)")}
    END IF;
    RETURN NULL;
END $corps$;

CREATE TRIGGER mots_ajoutes AFTER INSERT ON pharmacy_patient
REFERENCING NEW TABLE AS nouveaux FOR EACH STATEMENT EXECUTE FUNCTION comptoir_patients_ajoutes();
CREATE TRIGGER mots_changes AFTER UPDATE ON pharmacy_patient FOR EACH ROW
WHEN (OLD.recherche IS DISTINCT FROM NEW.recherche OR OLD.actif IS DISTINCT FROM NEW.actif
      OR OLD.date_naissance IS DISTINCT FROM NEW.date_naissance
      OR OLD.officine_id IS DISTINCT FROM NEW.officine_id)
EXECUTE FUNCTION comptoir_patient_change();
CREATE TRIGGER mots_retires AFTER DELETE ON pharmacy_patient FOR EACH ROW
EXECUTE FUNCTION comptoir_patient_change();
"""

RETOUR = """
DROP TRIGGER mots_ajoutes ON pharmacy_patient;
DROP TRIGGER mots_changes ON pharmacy_patient;
DROP TRIGGER mots_retires ON pharmacy_patient;
DROP FUNCTION comptoir_patients_ajoutes();
DROP FUNCTION comptoir_patient_change();
DROP FUNCTION comptoir_cles(text, date);
DROP FUNCTION comptoir_son(text);
"""


def build_key(to, **kwargs):
    """Return a key to a table without constraint: the trigger that writes the row read it there."""
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to=to,
        **kwargs,
    )


def rebuild_keys(apps, schema_editor):
    """Write again the search keys of the files that exist: glued compounds are new."""
    from pharmacy.rules.recherche import file_key

    patients = apps.get_model("pharmacy", "Patient").objects.using(schema_editor.connection.alias)
    lot = []
    for patient in patients.iterator(chunk_size=2000):
        patient.recherche = file_key(
            (patient.nom_naissance, patient.nom_utilise),
            (patient.premier_prenom, patient.prenoms_naissance, patient.prenom_utilise),
        )
        lot.append(patient)
        if len(lot) == 2000:
            patients.bulk_update(lot, ["recherche"])
            lot = []
    patients.bulk_update(lot, ["recherche"])


class Migration(migrations.Migration):

    dependencies = [("pharmacy", "0006_lectures_gardees")]

    operations = [
        migrations.RunPython(rebuild_keys, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="patient", name="patient_recherche"),
        migrations.CreateModel(
            name="MotConnu",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "officine",
                        "mot",
                        "patient",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mot", models.TextField(db_collation="C", verbose_name="mot")),
                ("son", models.TextField(db_collation="C", verbose_name="mot entendu")),
                ("officine", build_key("pharmacy.officine")),
                ("patient", build_key("pharmacy.patient", related_name="+")),
            ],
            options={
                "verbose_name": "mot connu",
                "indexes": [models.Index(fields=["officine", "son"], name="mot_connu_son")],
            },
        ),
        migrations.CreateModel(
            name="MotPatient",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "officine",
                        "cle",
                        "patient",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("cle", models.TextField(db_collation="C", verbose_name="mot puis autres mots")),
                ("officine", build_key("pharmacy.officine")),
                ("patient", build_key("pharmacy.patient", related_name="+")),
            ],
            options={"verbose_name": "mot d'un patient"},
        ),
        migrations.RunSQL(build_sound(), migrations.RunSQL.noop),
        migrations.RunSQL(CLES, migrations.RunSQL.noop),
        migrations.RunSQL(DECLENCHEURS, RETOUR),
        migrations.RunSQL(
            "DO $faire$ BEGIN " + INSERER.format(source="pharmacy_patient") + " END $faire$",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "CREATE INDEX mot_connu_proche ON pharmacy_motconnu "
            "USING gist (officine_id, mot gist_trgm_ops(siglen=32))",
            "DROP INDEX mot_connu_proche",
        ),
        IsolerTable("pharmacy_motpatient"),
        IsolerTable("pharmacy_motconnu"),
    ]
