"""What the titulaire decided of the rights, the open sessions, one RPPS a person."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

from pharmacy.isolation.fonctions import build_function
from pharmacy.isolation.operations import IsolerTable

ROLES = [
    ("titulaire", "Pharmacien titulaire"),
    ("adjoint", "Pharmacien adjoint"),
    ("remplacant", "Pharmacien remplaçant"),
    ("preparateur", "Préparateur"),
    ("etudiant", "Étudiant en pharmacie"),
    ("apprenti", "Apprenti"),
    ("administratif", "Administratif"),
]
PROTEGE = django.db.models.deletion.PROTECT
CASCADE = django.db.models.deletion.CASCADE


def _id():
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):

    dependencies = [("pharmacy", "0012_journal")]

    operations = [
        migrations.AddConstraint(
            model_name="operateur",
            constraint=models.UniqueConstraint(
                condition=Q(actif=True) & ~Q(rpps=""),
                fields=("officine", "rpps"),
                name="operateur_rpps_unique",
            ),
        ),
        migrations.CreateModel(
            name="Habilitation",
            fields=[
                ("id", _id()),
                ("droit", models.CharField(max_length=40, verbose_name="droit")),
                ("role", models.CharField(blank=True, choices=ROLES, max_length=20, verbose_name="rôle")),
                ("accorde", models.BooleanField(verbose_name="accordé")),
                ("le", models.DateTimeField(auto_now=True, verbose_name="décidée le")),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "operateur",
                    models.ForeignKey(
                        null=True, on_delete=CASCADE, related_name="habilitations", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "auteur",
                    models.ForeignKey(on_delete=PROTEGE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "verbose_name": "habilitation",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("officine", "droit", "role", "operateur"),
                        name="habilitation_unique",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=Q(role="", operateur__isnull=False) | ~Q(role="") & Q(operateur=None),
                        name="habilitation_un_role_ou_une_personne",
                    ),
                    models.CheckConstraint(
                        condition=~Q(role="titulaire"), name="habilitation_le_titulaire_les_a_toutes"
                    ),
                ],
            },
        ),
        IsolerTable("pharmacy_habilitation"),
        migrations.CreateModel(
            name="SessionOuverte",
            fields=[
                ("id", _id()),
                ("cle", models.CharField(max_length=40, verbose_name="clé de la session")),
                ("ouverte_le", models.DateTimeField(auto_now_add=True, verbose_name="ouverte le")),
                ("officine", models.ForeignKey(on_delete=PROTEGE, to="pharmacy.officine")),
                (
                    "operateur",
                    models.ForeignKey(on_delete=CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                ("poste", models.ForeignKey(null=True, on_delete=CASCADE, to="pharmacy.poste")),
            ],
            options={
                "verbose_name": "session ouverte",
                "constraints": [
                    models.UniqueConstraint(fields=("officine", "cle"), name="session_ouverte_unique")
                ],
            },
        ),
        IsolerTable("pharmacy_sessionouverte"),
        build_function(
            "comptoir_departs_a_finir(jour date)",
            "TABLE(officine_id bigint, operateur_id bigint)",
            "SELECT o.officine_id, o.id FROM pharmacy_operateur o WHERE o.actif AND o.depart < jour",
        ),
    ]
