"""What ADRi said of someone's rights, at a date."""

from django.db import models

from pharmacy.chiffre import TexteChiffre
from pharmacy.models import Officine, Patient
from teleservices.models import Envoi


class DroitsAssure(models.Model):
    """The rights of a patient at one date of care, as answered; never changed, asked again.

    Exonerations and complémentaire tell of health and means: encrypted. Source: CTR-18.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="droits")
    envoi = models.OneToOneField(Envoi, on_delete=models.PROTECT)
    date_soins = models.DateField("date des soins")
    code = models.CharField("code de réponse", max_length=20, blank=True)
    libelle = models.CharField(max_length=200, blank=True)
    regime = models.CharField("régime", max_length=2, blank=True)
    caisse = models.CharField(max_length=3, blank=True)
    centre = models.CharField(max_length=4, blank=True)
    debut = models.DateField("ouverts depuis le", null=True)
    fin = models.DateField("ouverts jusqu'au", null=True)
    exonerations = TexteChiffre("exonérations")
    css = TexteChiffre("complémentaire santé solidaire")
    demande_le = models.DateTimeField(auto_now_add=True)
    recu_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "droits d'assuré"
        indexes = [models.Index(fields=["officine", "patient", "-id"], name="droits_patient")]

    def __str__(self) -> str:
        return self.code
