"""How far the search of duplicates has looked."""

from django.db import models

from pharmacy.models import Officine


class RechercheDoublons(models.Model):
    """The last search of an officine: what was created or changed since is still to be compared."""

    officine = models.OneToOneField(Officine, on_delete=models.PROTECT)
    lancee_le = models.DateTimeField("dernier essai")
    jusqu_au = models.DateTimeField("comparé jusqu'au", null=True)

    class Meta:
        verbose_name = "recherche de doublons"

    def __str__(self) -> str:
        return f"recherche de doublons {self.pk}"
