import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("ins", "0002_socle_identite")]

    operations = [
        migrations.AlterField(
            model_name="historiqueins",
            name="appel",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="ins.appelinsi"
            ),
        ),
        migrations.AddField(
            model_name="historiqueins",
            name="retiree_le",
            field=models.DateTimeField(null=True, verbose_name="retirée du dossier le"),
        ),
    ]
