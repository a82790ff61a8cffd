"""What was asked of INSi, what came back, what was decided."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Patient, Poste
from teleservices.models import Envoi


class AppelInsi(models.Model):
    """One question to INSi: what was asked, what came back, what was decided (ins.md §1.5).

    Without a file, the question is about somebody the officine does not know yet (INS-25).
    `empreinte` tells two same questions, of a verification the INS verified; `traits_version` is
    the file's when it was asked.
    """

    class Decision(models.TextChoices):
        """What the counter did with the answer."""

        SANS_OBJET = "sans_objet", "Sans objet"
        EN_ATTENTE = "en_attente", "À décider"
        ACCEPTEE = "acceptee", "Acceptée"
        REFUSEE = "refusee", "Refusée"

    class Methode(models.TextChoices):
        """What the question was made from (INS-35)."""

        CARTE = "carte", "Carte Vitale"
        TRAITS = "traits", "Traits saisis"
        DATAMATRIX = "datamatrix", "Datamatrix INS"
        LOT = "lot", "Vérification par lot"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    envoi = models.OneToOneField(Envoi, on_delete=models.PROTECT)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="appels_insi", null=True
    )
    traits_version = models.PositiveIntegerField(null=True)
    empreinte = models.CharField("empreinte de la question", max_length=64, blank=True)
    methode = models.CharField(
        "moyen", max_length=10, choices=Methode.choices, default=Methode.CARTE
    )
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, null=True)
    operation = models.CharField(max_length=40)
    environnement = models.CharField(max_length=12)
    mode = models.CharField("certificat", max_length=10)
    reponse = OctetsChiffres(null=True)
    code = models.CharField("code de réponse", max_length=20, blank=True)
    libelle = models.CharField(max_length=200, blank=True)
    decision = models.CharField(max_length=12, choices=Decision.choices, default="sans_objet")
    decide_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+", null=True)
    decide_le = models.DateTimeField(null=True)
    declenche_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    declenche_le = models.DateTimeField(auto_now_add=True)
    recu_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "appel INSi"
        indexes = [
            models.Index(fields=["officine", "patient", "-declenche_le"], name="appel_insi_patient")
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.code}"
