"""Who came back waits on the attempt, encrypted, until somebody answers; an attempt may restart one."""

from django.db import migrations, models

import pharmacy.chiffre


class Migration(migrations.Migration):
    dependencies = [("psc", "0003_demandes_de_rattachement")]

    operations = [
        migrations.AddField(
            "tentativepsc", "recu", pharmacy.chiffre.OctetsChiffres(null=True)
        ),
        migrations.AddField(
            "tentativepsc",
            "reprise",
            models.BooleanField(default=False, verbose_name="repart d'une session fermée"),
        ),
        migrations.AlterField(
            "tentativepsc", "issue", models.CharField(blank=True, max_length=60)
        ),
    ]
