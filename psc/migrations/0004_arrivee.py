"""Who came back waits on the attempt, encrypted, until somebody answers; an attempt may restart one."""

from django.db import migrations, models

import pharmacy.chiffre
from pharmacy.isolation.fonctions import build_function


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
        migrations.RunSQL(
            "DROP FUNCTION comptoir_psc_entretien(timestamptz)", migrations.RunSQL.noop
        ),
        # Whose rows are due, those who came back and were never answered included: their sessions
        # at Pro Santé Connect are closed (psc.md §3.2, §3.9, §4.1).
        build_function(
            "comptoir_psc_entretien(maintenant timestamptz)",
            "TABLE(officine_id bigint)",
            "SELECT s.officine_id FROM public.psc_sessionpsc s "
            "WHERE s.etat <> 'terminee' AND s.echeance_fin <= $1 "
            "UNION SELECT d.officine_id FROM public.psc_deconnexionpsc d WHERE d.pas_avant <= $1 "
            "UNION SELECT t.officine_id FROM public.psc_tentativepsc t "
            "WHERE t.expire_le <= $1 - interval '1 day' OR t.expire_le <= $1 AND t.recu IS NOT NULL "
            "UNION SELECT i.officine_id FROM public.psc_instantanepsc i WHERE i.purge_le <= $1",
        ),
    ]
