"""Medicines: dated reference data shared by all officines, read-only for the application."""

from django.db import models


class Produit(models.Model):
    """A presentation of the base publique des médicaments, by its CIP13."""

    cip13 = models.CharField("CIP13", max_length=13, primary_key=True)
    cip7 = models.CharField("CIP7", max_length=7, blank=True, db_index=True)
    cis = models.CharField("CIS", max_length=8, db_index=True)
    libelle = models.CharField("libellé", max_length=300)
    presentation = models.CharField("présentation", max_length=300, blank=True)
    dci = models.CharField("DCI", max_length=300, blank=True)
    substances = models.JSONField("substances et dosages", default=list)
    forme = models.CharField("forme", max_length=120, blank=True)
    groupes = models.JSONField("groupes génériques", default=list)
    liste = models.CharField("liste", max_length=12, blank=True)
    unites = models.DecimalField("unités par boîte", max_digits=8, decimal_places=2, null=True)
    prix_centimes = models.PositiveIntegerField("prix public en centimes", null=True)
    recherche = models.CharField("clé de recherche", max_length=300, db_index=True)
    donnees_du = models.DateField("date des données")

    class Meta:
        verbose_name = "produit"

    def __str__(self) -> str:
        return self.libelle
