import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("ins", "0007_apcv_droits")]

    operations = [
        migrations.AlterField(
            model_name="appelinsi",
            name="patient",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appels_insi",
                to="pharmacy.patient",
            ),
        ),
        migrations.AddField(
            model_name="appelinsi",
            name="traits_version",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="appelinsi",
            name="empreinte",
            field=models.CharField(
                blank=True, max_length=64, verbose_name="empreinte de la question"
            ),
        ),
    ]
