"""Integration keys, and the door that turns the public part of one into ids."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from pharmacy.isolation.fonctions import build_function
from pharmacy.isolation.operations import IsolerTable

PROTEGE = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):

    dependencies = [("pharmacy", "0014_officine_suspendue")]

    operations = [
        migrations.CreateModel(
            name="CleIntegration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nom", models.CharField(max_length=60, verbose_name="nom de l'outil")),
                ("repere", models.CharField(max_length=10, unique=True, verbose_name="repère")),
                ("empreinte", models.CharField(max_length=64, verbose_name="empreinte du secret")),
                (
                    "portees",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), size=None, verbose_name="portées"
                    ),
                ),
                ("cree_le", models.DateTimeField(auto_now_add=True)),
                ("expire_le", models.DateField(verbose_name="dernier jour")),
                ("servie_le", models.DateField(null=True, verbose_name="dernier usage")),
                ("revoquee_le", models.DateTimeField(null=True, verbose_name="révoquée le")),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "cree_par",
                    models.ForeignKey(on_delete=PROTEGE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "verbose_name": "clé d'intégration",
                "indexes": [models.Index(fields=["officine", "-id"], name="cle_integration_recente")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(portees=[]), name="cle_integration_une_portee"
                    )
                ],
            },
        ),
        IsolerTable("pharmacy_cleintegration"),
        build_function(
            "comptoir_cle_integration(quoi text)",
            "TABLE(officine_id bigint, cle_id bigint)",
            "SELECT c.officine_id, c.id FROM pharmacy_cleintegration c "
            "JOIN pharmacy_officine o ON o.id = c.officine_id WHERE c.repere = quoi AND o.active",
        ),
    ]
