"""Keys by which other tools of the officine read it: what each reads, and until when (SEC-15)."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models

from pharmacy.models.officine import Officine


class CleIntegration(models.Model):
    """One key given to one tool: `repere` finds the row, `empreinte` proves the secret.

    The secret has 256 bits of chance and is shown once: a plain SHA-256 of it is kept.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    nom = models.CharField("nom de l'outil", max_length=60)
    repere = models.CharField("repère", max_length=10, unique=True)
    empreinte = models.CharField("empreinte du secret", max_length=64)
    portees = ArrayField(models.CharField(max_length=20), verbose_name="portées")
    cree_par = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    cree_le = models.DateTimeField(auto_now_add=True)
    expire_le = models.DateField("dernier jour")
    servie_le = models.DateField("dernier usage", null=True)
    revoquee_le = models.DateTimeField("révoquée le", null=True)

    class Meta:
        verbose_name = "clé d'intégration"
        constraints = [
            models.CheckConstraint(
                name="cle_integration_une_portee", condition=~models.Q(portees=[])
            ),
        ]
        indexes = [models.Index(fields=["officine", "-id"], name="cle_integration_recente")]

    def __str__(self) -> str:
        return f"clé {self.repere}"

    def is_open(self, jour: date) -> bool:
        """Whether the key is neither revoked nor past its last day."""
        return self.revoquee_le is None and self.expire_le >= jour
