import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from pharmacy.isolation.operations import FigerTable, IsolerTable


class Migration(migrations.Migration):

    dependencies = [
        ("ins", "0008_question"),
        ("pharmacy", "0006_recherche"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RappelPiece",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seul", models.BooleanField(verbose_name="ouvert de lui-même")),
                ("quand", models.DateTimeField(auto_now_add=True)),
                (
                    "officine",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="pharmacy.officine"
                    ),
                ),
                (
                    "operateur",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rappels_piece",
                        to="pharmacy.patient",
                    ),
                ),
                (
                    "vente",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="pharmacy.vente",
                    ),
                ),
            ],
            options={
                "verbose_name": "rappel de pièce",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("officine", "patient", "vente"), name="rappel_piece_unique"
                    )
                ],
            },
        ),
        IsolerTable("ins_rappelpiece"),
        FigerTable("ins_rappelpiece"),
    ]
