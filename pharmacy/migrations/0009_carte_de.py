import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pharmacy', '0008_methode_document'),
    ]

    operations = [
        migrations.AddField(
            model_name='vente',
            name='carte_de',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pharmacy.patient', verbose_name='personne de cette carte'),
        ),
    ]
