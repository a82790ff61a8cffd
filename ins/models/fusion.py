"""Two files made one."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Patient


class Fusion(models.Model):
    """Two files of one person made one; undone within 30 days (INS-28, T27, T28)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    garde = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="fusions")
    absorbe = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    avant = OctetsChiffres("les deux dossiers et ce qui leur appartenait")
    faite_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    faite_le = models.DateTimeField(auto_now_add=True)
    annulee_par = models.ForeignKey(
        Operateur, on_delete=models.PROTECT, related_name="+", null=True
    )
    annulee_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "fusion de dossiers"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "absorbe"],
                condition=models.Q(annulee_le__isnull=True),
                name="fusion_en_vigueur_unique",
            )
        ]

    def __str__(self) -> str:
        return f"fusion {self.pk}"
