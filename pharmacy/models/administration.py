"""The second factor of an operator, and the ten minutes of administration it opens (TIT-03)."""

from datetime import UTC, datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import CharField, OuterRef, Value
from django.db.models.functions import Cast, Concat, Extract

from pharmacy.chiffre import TexteChiffre
from pharmacy.models.officine import Officine
from pharmacy.models.operateur import Operateur


class SecondFacteur(models.Model):
    """The key that an operator's authenticator shares with us, encrypted; and the one proposed.

    `dernier_pas` is the last step used: a code serves once. `invite_jusqua`: until when it may be
    activated from outside the officine (`manage.py operateur_reinitialiser --totp`).
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.OneToOneField(
        Operateur, on_delete=models.CASCADE, related_name="second_facteur"
    )
    secret = TexteChiffre("clé")
    propose = TexteChiffre("clé proposée")
    propose_le = models.DateTimeField("proposée le", null=True)
    active_le = models.DateTimeField("activé le", null=True)
    dernier_pas = models.BigIntegerField("dernier pas servi", default=0)
    echecs = models.PositiveSmallIntegerField("échecs", default=0)
    bloque_jusqua = models.DateTimeField("bloqué jusqu'à", null=True)
    invite_jusqua = models.DateTimeField("activable hors de l'officine jusqu'à", null=True)

    class Meta:
        verbose_name = "second facteur"

    def __str__(self) -> str:
        return "activé" if self.active_le else "proposé"


class CodeSecours(models.Model):
    """A recovery code: its rank, its slow hash, and when it served. Shown once, used once."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    facteur = models.ForeignKey(SecondFacteur, on_delete=models.CASCADE, related_name="secours")
    rang = models.PositiveSmallIntegerField("rang")
    empreinte = models.CharField("empreinte", max_length=200)
    servi_le = models.DateTimeField("servi le", null=True)

    class Meta:
        verbose_name = "code de secours"
        constraints = [
            models.UniqueConstraint(fields=["facteur", "rang"], name="code_secours_unique")
        ]

    def __str__(self) -> str:
        return f"code {self.rang}"


class ModeAdministration(models.Model):
    """The administration mode of one web session: who opened it, how, until when."""

    class Moyen(models.TextChoices):
        """What proved who opens it."""

        TOTP = "totp", "Code d'application"
        SECOURS = "secours", "Code de secours"
        PSC = "psc", "Pro Santé Connect"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.ForeignKey(Operateur, on_delete=models.CASCADE, related_name="+")
    cle = models.CharField("clé de la session", max_length=40)
    moyen = models.CharField("moyen", max_length=8, choices=Moyen.choices)
    ouvert_le = models.DateTimeField("ouvert le", auto_now_add=True)
    jusqua = models.DateTimeField("ouvert jusqu'à")

    class Meta:
        verbose_name = "mode administration"
        constraints = [
            models.UniqueConstraint(fields=["officine", "cle"], name="mode_administration_unique")
        ]

    def __str__(self) -> str:
        return f"administration {self.pk}"


def modes_of_row(quand: datetime) -> ArraySubquery:
    """Return, as a column of a query on operators, the modes each has open at `quand`.

    One text a mode: the key of its session, then its deadline in seconds since 1970.
    """
    ouverts = ModeAdministration.objects.filter(
        officine=OuterRef("officine_id"), operateur=OuterRef("pk"), jusqua__gt=quand
    )
    secondes = Cast(Extract("jusqua", "epoch", tzinfo=UTC), CharField())
    return ArraySubquery(ouverts.annotate(mode=Concat("cle", Value(" "), secondes)).values("mode"))
