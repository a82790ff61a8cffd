"""The audit journal: rows are only added (the application role has no other right)."""

from django.db import models

from pharmacy.models.officine import Officine


class Audit(models.Model):
    """One act of one operator. Holds identifiers, never a patient's trait."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    quand = models.DateTimeField(auto_now_add=True)
    operateur = models.ForeignKey(
        "pharmacy.Operateur", on_delete=models.PROTECT, related_name="+", null=True
    )
    role = models.CharField(max_length=20, blank=True)
    poste = models.ForeignKey("pharmacy.Poste", on_delete=models.PROTECT, null=True)
    acte = models.CharField(max_length=60)
    objet = models.CharField(max_length=60, blank=True)
    patient = models.ForeignKey("pharmacy.Patient", on_delete=models.PROTECT, null=True)
    resultat = models.CharField(max_length=20)
    precision = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = "acte tracé"
        indexes = [
            models.Index(fields=["officine", "-quand"], name="audit_recent"),
            models.Index(fields=["officine", "patient", "-quand"], name="audit_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.acte} {self.resultat}"
