"""Former matricules, and the story of an identity."""

from django.db import models

from ins.models.appel import AppelInsi
from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models import Officine, Operateur, Patient


class HistoriqueIns(models.Model):
    """Former matricules: those INSi gives, as given (ins.md §3.4), and those a file no longer has.

    `appel` is the answer that listed it, empty when it left the file by itself; `retiree_le` says
    when it left.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="historique_ins")
    appel = models.ForeignKey(AppelInsi, on_delete=models.PROTECT, null=True)
    rang = models.PositiveSmallIntegerField()
    matricule = TexteChiffre()
    empreinte = models.CharField(max_length=64)
    oid = models.CharField(max_length=24)
    date_debut = models.CharField(max_length=10, blank=True)
    date_fin = models.CharField(max_length=10, blank=True)
    retiree_le = models.DateTimeField("retirée du dossier le", null=True)

    class Meta:
        verbose_name = "INS antérieure"

    def __str__(self) -> str:
        return f"rang {self.rang}"


class EvenementIdentite(models.Model):
    """One move of an identity: which transition, who, why. Rows are only added."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="evenements")
    quand = models.DateTimeField(auto_now_add=True)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    transition = models.CharField(max_length=4)
    statut_avant = models.CharField(max_length=5, blank=True)
    statut_apres = models.CharField(max_length=5)
    motif = models.CharField(max_length=200, blank=True)
    avant = OctetsChiffres(null=True)

    class Meta:
        verbose_name = "événement d'identité"

    def __str__(self) -> str:
        return f"{self.transition} {self.statut_apres}"
