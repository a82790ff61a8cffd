"""Readings of a card kept for a choice: found by their age, whatever the officine."""

from django.db import migrations, models

from pharmacy.isolation.fonctions import build_function


class Migration(migrations.Migration):
    dependencies = [
        ("pharmacy", "0005_socle_identite"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="recucarte",
            index=models.Index(
                condition=models.Q(("donnees__isnull", False)),
                fields=["recu_le"],
                name="recu_donnees_gardees",
            ),
        ),
        build_function(
            "comptoir_lectures_gardees(age_s integer)",
            "TABLE(officine_id bigint, recu_id bigint)",
            """
            SELECT r.officine_id, r.id FROM pharmacy_recucarte r
            WHERE r.donnees IS NOT NULL AND r.recu_le <= now() - make_interval(secs => age_s)
            ORDER BY r.recu_le LIMIT 500
            """,
        ),
    ]
