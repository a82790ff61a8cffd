from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("teleservices", "0002_envoi_signataire")]

    operations = [
        migrations.AddField(
            model_name="disjoncteur",
            name="a_regler",
            field=models.CharField(
                blank=True, max_length=40, verbose_name="réglage refusé par le service"
            ),
        ),
    ]
