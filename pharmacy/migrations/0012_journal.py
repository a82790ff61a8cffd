"""The journal in months and kinds, its seal, and the doors of its upkeep."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

from pharmacy.isolation.fonctions import build_function
from pharmacy.isolation.journal import (
    A_RETIRER,
    A_SCELLER,
    PREPARER,
    RETIRER,
    PartagerJournal,
    build_door,
)
from pharmacy.isolation.operations import FigerTable, IsolerTable

GENRES = [
    ("dossier", "Accès aux dossiers"),
    ("securite", "Sécurité"),
    ("mssante", "MSSanté"),
]
SANS_CONTRAINTE = {
    "db_constraint": False,
    "db_index": False,
    "on_delete": django.db.models.deletion.PROTECT,
}


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0011_situations_cps")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[PartagerJournal()],
            state_operations=[
                migrations.RemoveIndex("audit", "audit_recent"),
                migrations.RemoveIndex("audit", "audit_patient"),
                migrations.AddField(
                    "audit",
                    "genre",
                    models.CharField(choices=GENRES, default="dossier", max_length=10),
                ),
                migrations.AlterField("audit", "quand", models.DateTimeField(db_default=Now())),
                migrations.AlterField(
                    "audit",
                    "officine",
                    models.ForeignKey(to="pharmacy.officine", **SANS_CONTRAINTE),
                ),
                migrations.AlterField(
                    "audit",
                    "operateur",
                    models.ForeignKey(
                        null=True,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        **SANS_CONTRAINTE,
                    ),
                ),
                migrations.AlterField(
                    "audit",
                    "poste",
                    models.ForeignKey(null=True, to="pharmacy.poste", **SANS_CONTRAINTE),
                ),
                migrations.AlterField(
                    "audit",
                    "patient",
                    models.ForeignKey(null=True, to="pharmacy.patient", **SANS_CONTRAINTE),
                ),
                migrations.AddIndex(
                    "audit",
                    models.Index(fields=["officine", "-quand", "-id"], name="audit_recent"),
                ),
                migrations.AddIndex(
                    "audit",
                    models.Index(
                        fields=["officine", "patient", "-quand", "-id"],
                        name="audit_patient",
                        condition=models.Q(("patient__isnull", False)),
                    ),
                ),
                migrations.AddIndex(
                    "audit",
                    models.Index(
                        fields=["officine", "operateur", "-quand", "-id"], name="audit_operateur"
                    ),
                ),
                migrations.AddIndex(
                    "audit",
                    models.Index(fields=["officine", "acte", "-quand", "-id"], name="audit_acte"),
                ),
            ],
        ),
        IsolerTable("pharmacy_audit"),
        FigerTable("pharmacy_audit"),
        migrations.CreateModel(
            name="BlocAudit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("genre", models.CharField(choices=GENRES, max_length=10)),
                ("rang", models.PositiveBigIntegerField()),
                (
                    "nature",
                    models.CharField(
                        choices=[("lignes", "Lignes"), ("retrait", "Mois retiré")],
                        default="lignes",
                        max_length=8,
                    ),
                ),
                ("mois", models.DateField(verbose_name="premier jour du mois")),
                ("apres", models.BigIntegerField(verbose_name="borne exclue")),
                ("dernier", models.BigIntegerField(verbose_name="borne comprise")),
                ("nombre", models.PositiveBigIntegerField(verbose_name="lignes")),
                ("empreinte", models.CharField(max_length=64)),
                ("precedent", models.CharField(blank=True, max_length=64)),
                ("cle", models.CharField(max_length=8, verbose_name="repère de la clé")),
                ("sceau", models.CharField(max_length=64)),
                ("scelle_le", models.DateTimeField()),
                (
                    "officine",
                    models.ForeignKey(to="pharmacy.officine", **SANS_CONTRAINTE),
                ),
            ],
            options={
                "verbose_name": "bloc scellé du journal",
                "indexes": [
                    models.Index(fields=["officine", "genre", "mois", "rang"], name="bloc_mois")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("officine", "genre", "rang"), name="bloc_rang")
                ],
            },
        ),
        IsolerTable("pharmacy_blocaudit"),
        FigerTable("pharmacy_blocaudit"),
        migrations.RunSQL(
            "REVOKE UPDATE, DELETE, TRUNCATE ON pharmacy_blocaudit FROM CURRENT_USER",
            migrations.RunSQL.noop,
        ),
        build_function(
            "comptoir_journal_officines()",
            "TABLE(officine_id bigint)",
            "SELECT id FROM pharmacy_officine ORDER BY id",
        ),
        build_door(
            "comptoir_journal_a_sceller(attente_s integer)",
            "TABLE(officine_id bigint, genre text)",
            A_SCELLER,
        ),
        build_function(
            "comptoir_journal_a_retirer()", "TABLE(genre text, mois date)", A_RETIRER
        ),
        build_door("comptoir_journal_preparer(devant integer)", "integer", PREPARER),
        build_door("comptoir_journal_retirer(sorte text, premier date)", "bigint", RETIRER),
    ]
