"""The officine, and its settings."""

from django.db import models


class Officine(models.Model):
    """A pharmacy: every business row belongs to one."""

    finess = models.CharField("FINESS géographique", max_length=9, unique=True)
    nom = models.CharField("raison sociale", max_length=120)
    adresse = models.CharField("adresse", max_length=200, blank=True)
    numero_am = models.CharField("numéro Assurance Maladie", max_length=9, blank=True)
    active = models.BooleanField("active", default=True)

    class Meta:
        verbose_name = "officine"
        constraints = [
            models.CheckConstraint(
                name="officine_finess_forme",
                condition=models.Q(finess__regex=r"^[0-9][0-9AB][0-9]{7}$"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.nom} ({self.finess})"


class Parametre(models.Model):
    """A setting that differs from its default, with its author and date (TIT-08).

    The value in force is the latest row whose date has come; older rows are the history.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    cle = models.CharField("clé", max_length=80)
    valeur = models.JSONField("valeur")
    a_partir_du = models.DateTimeField("à partir du")
    auteur = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    cree_le = models.DateTimeField("créé le", auto_now_add=True)

    class Meta:
        verbose_name = "paramètre"
        indexes = [
            models.Index(fields=["officine", "cle", "-a_partir_du"], name="parametre_en_vigueur")
        ]

    def __str__(self) -> str:
        return self.cle
