"""An INS datamatrix read at the counter, until a person says what becomes of it."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Poste, Vente


class LectureDatamatrix(models.Model):
    """A code that was read, for one sale, on one poste (ins.md §4.3).

    What it says is encrypted, and forgotten (None) once answered, or when the next one is read.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    vente = models.ForeignKey(Vente, on_delete=models.PROTECT, related_name="+")
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, null=True)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    donnees = OctetsChiffres(null=True)
    lue_le = models.DateTimeField(auto_now_add=True)
    close_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "lecture d'un datamatrix INS"
        indexes = [models.Index(fields=["officine", "vente"], name="lecture_datamatrix_vente")]

    def __str__(self) -> str:
        return f"lecture {self.pk}"
