"""The audit journal and its seal: rows are only added (no role of ours has another right)."""

from django.db import models
from django.db.models.functions import Now

from pharmacy.models.officine import Officine


class Audit(models.Model):
    """One act of one operator. Holds identifiers, never a patient's trait.

    The table is partitioned by month, then by kind (`quand` in UTC, `genre`). It names rows without
    referring to them: the journal outlives what it speaks of, and an act pays no look-up.
    """

    class Genre(models.TextChoices):
        """What decides how long a line is kept (SEC-03)."""

        DOSSIER = "dossier", "Accès aux dossiers"
        SECURITE = "securite", "Sécurité"
        MSSANTE = "mssante", "MSSanté"

    # The column order of the table: the number is drawn before the clock is read.
    quand = models.DateTimeField(db_default=Now())
    officine = models.ForeignKey(
        Officine, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    operateur = models.ForeignKey(
        "pharmacy.Operateur",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    poste = models.ForeignKey(
        "pharmacy.Poste",
        on_delete=models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
    )
    patient = models.ForeignKey(
        "pharmacy.Patient",
        on_delete=models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
    )
    genre = models.CharField(max_length=10, choices=Genre.choices, default=Genre.DOSSIER)
    role = models.CharField(max_length=20, blank=True)
    acte = models.CharField(max_length=60)
    objet = models.CharField(max_length=60, blank=True)
    resultat = models.CharField(max_length=20)
    precision = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = "acte tracé"
        indexes = [
            models.Index(fields=["officine", "-quand", "-id"], name="audit_recent"),
            models.Index(
                fields=["officine", "patient", "-quand", "-id"],
                name="audit_patient",
                condition=models.Q(patient__isnull=False),
            ),
            models.Index(fields=["officine", "operateur", "-quand", "-id"], name="audit_operateur"),
            models.Index(fields=["officine", "acte", "-quand", "-id"], name="audit_acte"),
        ]

    def __str__(self) -> str:
        return f"{self.acte} {self.resultat}"


class BlocAudit(models.Model):
    """One link of the seal of an officine's journal, for one kind (design, « Audit seal »).

    Covers the lines of `mois` whose number is above `apres` and not above `dernier`: none may come,
    go or change afterwards without `empreinte` or `nombre` telling. `sceau` is an HMAC over all of
    the link and the seal before it, under a key that the database does not hold.
    """

    class Nature(models.TextChoices):
        """What the link says of its month."""

        LIGNES = "lignes", "Lignes"
        RETRAIT = "retrait", "Mois retiré"

    officine = models.ForeignKey(
        Officine, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    genre = models.CharField(max_length=10, choices=Audit.Genre.choices)
    rang = models.PositiveBigIntegerField()
    nature = models.CharField(max_length=8, choices=Nature.choices, default=Nature.LIGNES)
    mois = models.DateField(verbose_name="premier jour du mois")
    apres = models.BigIntegerField(verbose_name="borne exclue")
    dernier = models.BigIntegerField(verbose_name="borne comprise")
    nombre = models.PositiveBigIntegerField(verbose_name="lignes")
    empreinte = models.CharField(max_length=64)
    precedent = models.CharField(max_length=64, blank=True)
    cle = models.CharField(max_length=8, verbose_name="repère de la clé")
    sceau = models.CharField(max_length=64)
    scelle_le = models.DateTimeField()

    class Meta:
        verbose_name = "bloc scellé du journal"
        constraints = [
            models.UniqueConstraint(fields=["officine", "genre", "rang"], name="bloc_rang"),
        ]
        indexes = [
            models.Index(fields=["officine", "genre", "mois", "rang"], name="bloc_mois"),
        ]

    def __str__(self) -> str:
        return f"{self.genre} {self.rang}"
