"""The door that measures the queue of all the officines: numbers and ages by service, no row."""

from django.db import migrations

from pharmacy.isolation.fonctions import build_function

_MESURER = (
    "SELECT e.service::text, e.etat::text, count(*), "
    "greatest(0, extract(epoch FROM now() - min(e.cree_le)))::bigint "
    "FROM teleservices_envoi e WHERE NOT e.lecture "
    "AND e.etat IN ('a_envoyer', 'en_vol', 'refuse', 'incertain') "
    "GROUP BY e.service, e.etat ORDER BY e.service, e.etat"
)


class Migration(migrations.Migration):

    dependencies = [("teleservices", "0004_assertion_situation")]

    operations = [
        build_function(
            "comptoir_file_mesures()",
            "TABLE(service text, etat text, nombre bigint, age_s bigint)",
            _MESURER,
        )
    ]
