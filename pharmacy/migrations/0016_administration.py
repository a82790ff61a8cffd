"""The second factor of an operator, its recovery codes, the administration mode."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import pharmacy.chiffre
from pharmacy.isolation.operations import IsolerTable

PROTEGE = django.db.models.deletion.PROTECT
CASCADE = django.db.models.deletion.CASCADE


def _id():
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):

    dependencies = [("pharmacy", "0015_cles_integration")]

    operations = [
        migrations.CreateModel(
            name="SecondFacteur",
            fields=[
                ("id", _id()),
                ("secret", pharmacy.chiffre.TexteChiffre(blank=True, default="", verbose_name="clé")),
                (
                    "propose",
                    pharmacy.chiffre.TexteChiffre(blank=True, default="", verbose_name="clé proposée"),
                ),
                ("propose_le", models.DateTimeField(null=True, verbose_name="proposée le")),
                ("active_le", models.DateTimeField(null=True, verbose_name="activé le")),
                ("dernier_pas", models.BigIntegerField(default=0, verbose_name="dernier pas servi")),
                ("echecs", models.PositiveSmallIntegerField(default=0, verbose_name="échecs")),
                ("bloque_jusqua", models.DateTimeField(null=True, verbose_name="bloqué jusqu'à")),
                (
                    "invite_jusqua",
                    models.DateTimeField(
                        null=True, verbose_name="activable hors de l'officine jusqu'à"
                    ),
                ),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "operateur",
                    models.OneToOneField(
                        on_delete=CASCADE, related_name="second_facteur", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"verbose_name": "second facteur"},
        ),
        IsolerTable("pharmacy_secondfacteur"),
        migrations.CreateModel(
            name="CodeSecours",
            fields=[
                ("id", _id()),
                ("rang", models.PositiveSmallIntegerField(verbose_name="rang")),
                ("empreinte", models.CharField(max_length=200, verbose_name="empreinte")),
                ("servi_le", models.DateTimeField(null=True, verbose_name="servi le")),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "facteur",
                    models.ForeignKey(
                        on_delete=CASCADE, related_name="secours", to="pharmacy.secondfacteur"
                    ),
                ),
            ],
            options={
                "verbose_name": "code de secours",
                "constraints": [
                    models.UniqueConstraint(fields=("facteur", "rang"), name="code_secours_unique")
                ],
            },
        ),
        IsolerTable("pharmacy_codesecours"),
        migrations.CreateModel(
            name="ModeAdministration",
            fields=[
                ("id", _id()),
                ("cle", models.CharField(max_length=40, verbose_name="clé de la session")),
                (
                    "moyen",
                    models.CharField(
                        choices=[
                            ("totp", "Code d'application"),
                            ("secours", "Code de secours"),
                            ("psc", "Pro Santé Connect"),
                        ],
                        max_length=8,
                        verbose_name="moyen",
                    ),
                ),
                ("ouvert_le", models.DateTimeField(auto_now_add=True, verbose_name="ouvert le")),
                ("jusqua", models.DateTimeField(verbose_name="ouvert jusqu'à")),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "operateur",
                    models.ForeignKey(on_delete=CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "verbose_name": "mode administration",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("officine", "cle"), name="mode_administration_unique"
                    )
                ],
            },
        ),
        IsolerTable("pharmacy_modeadministration"),
    ]
