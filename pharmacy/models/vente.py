"""The sale and what it delivers. It belongs to the officine and the poste, not to a web session."""

from django.db import models
from django.db.models import Q

from pharmacy.models.officine import Officine
from pharmacy.models.ordonnance import LignePrescrite, Ordonnance, Prescripteur
from pharmacy.models.patient import Patient
from pharmacy.models.poste import Poste


class Vente(models.Model):
    """A sale: what a counter is doing for one person."""

    class Etat(models.TextChoices):
        """States of design.md, « A sale »."""

        OUVERTE = "ouverte", "Ouverte"
        EN_ATTENTE = "en_attente", "En attente"
        CONTROLEE = "controlee", "Contrôlée"
        TERMINEE = "terminee", "Terminée"
        ANNULEE = "annulee", "Annulée"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, null=True)
    etat = models.CharField(max_length=12, choices=Etat.choices, default=Etat.OUVERTE)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True)
    prescripteur = models.ForeignKey(Prescripteur, on_delete=models.PROTECT, null=True)
    date_prescription = models.DateField("date de prescription", null=True)
    phase = models.CharField("phase de transmission", max_length=10, default="PHASE_2")
    carte_presente = models.BooleanField("carte Vitale dans le lecteur", default=False)
    carte_de = models.ForeignKey(
        Patient,
        verbose_name="personne de cette carte",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
    )
    version = models.PositiveIntegerField("version affichée", default=1)
    ouverte_par = models.ForeignKey(
        "pharmacy.Operateur", on_delete=models.PROTECT, related_name="+"
    )
    ouverte_le = models.DateTimeField(auto_now_add=True)
    tenue_par = models.ForeignKey(
        "pharmacy.Operateur", on_delete=models.PROTECT, related_name="+", null=True
    )
    terminee_par = models.ForeignKey(
        "pharmacy.Operateur", on_delete=models.PROTECT, related_name="+", null=True
    )
    terminee_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "vente"
        constraints = [
            models.UniqueConstraint(
                fields=["poste"],
                condition=Q(etat__in=["ouverte", "controlee"]),
                name="vente_en_cours_par_poste",
            )
        ]
        indexes = [models.Index(fields=["officine", "etat"], name="vente_etat")]

    def __str__(self) -> str:
        return f"vente {self.pk}"

    @property
    def est_finie(self) -> bool:
        """Whether nothing of this sale may change any more."""
        return self.etat in {self.Etat.TERMINEE, self.Etat.ANNULEE}


class Delivrance(models.Model):
    """What a sale delivers for one prescription (or without any)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    vente = models.ForeignKey(Vente, on_delete=models.PROTECT, related_name="delivrances")
    ordonnance = models.ForeignKey(Ordonnance, on_delete=models.PROTECT, null=True)
    numero_delivrance = models.PositiveSmallIntegerField("numéro de délivrance", default=0)
    validee_le = models.DateTimeField(null=True)
    validee_par = models.ForeignKey(
        "pharmacy.Operateur", on_delete=models.PROTECT, related_name="+", null=True
    )

    class Meta:
        verbose_name = "délivrance"

    def __str__(self) -> str:
        return f"délivrance {self.pk}"


class LigneDelivrance(models.Model):
    """One product of the sale: boxes of one CIP, lot and serial number."""

    class Exoneration(models.TextChoices):
        """What the product is exempted for, as invoiced."""

        AUCUNE = "", "hors ALD"
        ALD = "ALD", "ALD, 100 %"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    vente = models.ForeignKey(Vente, on_delete=models.CASCADE, related_name="lignes")
    delivrance = models.ForeignKey(Delivrance, on_delete=models.PROTECT, null=True)
    ligne_prescrite = models.ForeignKey(LignePrescrite, on_delete=models.SET_NULL, null=True)
    rattachement_manuel = models.BooleanField("rattachée à la main", default=False)
    # The national id of that line, kept across refetches; empty: put outside by hand.
    ligne_nationale = models.CharField("ligne choisie à la main", max_length=36, blank=True)
    cip13 = models.CharField(max_length=13, blank=True)
    cis = models.CharField(max_length=8, blank=True)
    lpp = models.CharField(max_length=7, blank=True)
    libelle = models.CharField(max_length=300)
    quantite = models.PositiveSmallIntegerField(default=1)
    lot = models.CharField(max_length=20, blank=True)
    peremption = models.DateField(null=True)
    numero_serie = models.CharField(max_length=20, blank=True)
    prix_centimes = models.PositiveIntegerField(null=True)
    exoneration = models.CharField(
        "exonération", max_length=3, choices=Exoneration.choices, default="", blank=True
    )
    livree = models.BooleanField("délivrée", default=False)
    annulee = models.BooleanField("retirée", default=False)
    cree_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "ligne de délivrance"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "cip13", "numero_serie"],
                condition=Q(livree=True, annulee=False) & ~Q(numero_serie=""),
                name="boite_delivree_une_fois",
                violation_error_message="Cette boîte est déjà délivrée (même numéro de série).",
            ),
            models.CheckConstraint(name="ligne_quantite_positive", condition=Q(quantite__gt=0)),
        ]

    def __str__(self) -> str:
        return f"ligne {self.pk}"


class Stock(models.Model):
    """Boxes of a product on the shelf; one quantity per product."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    cip13 = models.CharField(max_length=13)
    quantite = models.IntegerField(default=0)

    class Meta:
        verbose_name = "stock"
        constraints = [
            models.UniqueConstraint(fields=["officine", "cip13"], name="stock_produit_unique")
        ]

    def __str__(self) -> str:
        return self.cip13
