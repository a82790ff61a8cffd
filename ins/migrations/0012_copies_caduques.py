"""Names also the officines where a copy outlives the document it is of (INS-37)."""

from django.db import migrations

_FONCTION = """
CREATE OR REPLACE FUNCTION comptoir_copies_a_supprimer(limite integer)
RETURNS TABLE(officine_id bigint) LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $corps$
SELECT DISTINCT c.officine_id FROM ins_copiepiece c
{jointure}
WHERE c.purge_le <= (now() AT TIME ZONE 'Europe/Paris')::date {ou}
ORDER BY c.officine_id LIMIT limite
$corps$
"""
_AVANCEE = """
OR (NOT p.active AND c.purge_le > (now() AT TIME ZONE 'Europe/Paris')::date + 30)
"""


class Migration(migrations.Migration):
    dependencies = [("ins", "0011_copies")]

    operations = [
        migrations.RunSQL(
            _FONCTION.format(
                jointure="JOIN ins_piececontrolee p ON p.id = c.piece_id", ou=_AVANCEE
            ),
            _FONCTION.format(jointure="", ou=""),
        )
    ]
