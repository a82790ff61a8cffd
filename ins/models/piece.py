"""The documents shown at the counter."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Patient, Vente


class PieceControlee(models.Model):
    """A document shown at the counter and what it said (ins.md §2.4)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="pieces")
    type_piece = models.CharField(max_length=6)
    piece_representant = models.CharField("pièce du représentant légal", max_length=6, blank=True)
    perimee_le = models.DateField("périmée depuis le", null=True)
    methode = models.CharField(max_length=4, blank=True)
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


class CopiePiece(models.Model):
    """A copy of a document, encrypted, until its day; none by default (INS-37)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    piece = models.OneToOneField(PieceControlee, on_delete=models.PROTECT, related_name="copie")
    contenu = OctetsChiffres()
    genre = models.CharField("type de contenu", max_length=20)
    prise_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    prise_le = models.DateTimeField(auto_now_add=True)
    purge_le = models.DateField("supprimée le")

    class Meta:
        verbose_name = "copie d'une pièce"
        indexes = [models.Index(fields=["purge_le"], name="copie_purge")]

    def __str__(self) -> str:
        return f"copie de la pièce {self.piece_id}"


class RappelPiece(models.Model):
    """A sale in which a document was asked for: never twice in one sale (INS-16).

    `seul`: the dialog opened by itself; those alone count against the setting.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="rappels_piece")
    vente = models.ForeignKey(Vente, on_delete=models.PROTECT, related_name="+")
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    seul = models.BooleanField("ouvert de lui-même")
    quand = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "rappel de pièce"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "patient", "vente"], name="rappel_piece_unique"
            )
        ]

    def __str__(self) -> str:
        return "rappel"
