"""What INSi answered, what was shown at the counter, and the history of an identity."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models import Officine, Operateur, Patient
from teleservices.models import Envoi


class AppelInsi(models.Model):
    """One recovery: what was asked, what came back, what was decided (ins.md §1.5)."""

    class Decision(models.TextChoices):
        """What the counter did with the answer."""

        SANS_OBJET = "sans_objet", "Sans objet"
        EN_ATTENTE = "en_attente", "À décider"
        ACCEPTEE = "acceptee", "Acceptée"
        REFUSEE = "refusee", "Refusée"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    envoi = models.OneToOneField(Envoi, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="appels_insi")
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


class PieceControlee(models.Model):
    """A document shown at the counter and what it said (ins.md §2.4)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="pieces")
    type_piece = models.CharField(max_length=6)
    niveau = models.CharField(max_length=6)
    traits_vus = OctetsChiffres()
    traits_version = models.PositiveIntegerField()
    coherente = models.BooleanField()
    controlee_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    controlee_le = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "pièce contrôlée"

    def __str__(self) -> str:
        return self.type_piece


class HistoriqueIns(models.Model):
    """Former matricules given by INSi, as given (ins.md §3.4)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="historique_ins")
    appel = models.ForeignKey(AppelInsi, on_delete=models.PROTECT)
    rang = models.PositiveSmallIntegerField()
    matricule = TexteChiffre()
    empreinte = models.CharField(max_length=64)
    oid = models.CharField(max_length=24)
    date_debut = models.CharField(max_length=10, blank=True)
    date_fin = models.CharField(max_length=10, blank=True)

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
