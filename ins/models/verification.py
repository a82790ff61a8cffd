"""Verification of the whole file, by lots."""

from django.db import models

from pharmacy.models import Officine, Operateur, Patient
from teleservices.models import Envoi


class Verification(models.Model):
    """A campaign of verification of the whole file: lots of 500, one Envoi each (INS-34)."""

    class Etat(models.TextChoices):
        """A person starts, pauses, resumes, stops it."""

        EN_COURS = "en_cours", "En cours"
        EN_PAUSE = "en_pause", "En pause"
        TERMINEE = "terminee", "Terminée"
        ARRETEE = "arretee", "Arrêtée"

    class Perimetre(models.TextChoices):
        """Which INS are verified."""

        A_VERIFIER = "a_verifier", "INS à vérifier"
        TOUTES = "toutes", "Toutes les INS"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.EN_COURS)
    perimetre = models.CharField(
        max_length=10, choices=Perimetre.choices, default=Perimetre.A_VERIFIER
    )
    automatique = models.BooleanField("lancée par la période", default=False)
    total = models.PositiveIntegerField(default=0)
    demandee_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    demandee_le = models.DateTimeField(auto_now_add=True)
    finie_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "vérification d'INS"
        constraints = [
            models.UniqueConstraint(
                fields=["officine"],
                condition=models.Q(etat__in=["en_cours", "en_pause"]),
                name="verification_une_a_la_fois",
            )
        ]

    def __str__(self) -> str:
        return self.etat


class LotVerification(models.Model):
    """At most 500 identities, deposited once under one id, then polled (ins.md §3.7).

    The numbers are those of its identities, kept here so that a progress bar reads few rows.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    verification = models.ForeignKey(Verification, on_delete=models.PROTECT, related_name="lots")
    uuid = models.UUIDField("identifiant du lot")
    envoi = models.OneToOneField(Envoi, on_delete=models.PROTECT, null=True)
    numero = models.CharField("numéro donné par le service", max_length=20, blank=True)
    essai = models.PositiveSmallIntegerField("combientième demande", default=1)
    nombre = models.PositiveSmallIntegerField()
    conformes = models.PositiveSmallIntegerField(default=0)
    non_conformes = models.PositiveSmallIntegerField(default=0)
    non_verifiees = models.PositiveSmallIntegerField("à redemander", default=0)
    ecartees = models.PositiveSmallIntegerField("écartées", default=0)
    depose_le = models.DateTimeField(null=True)
    releve_le = models.DateTimeField("réglé le", null=True)

    class Meta:
        verbose_name = "lot de vérification"
        constraints = [
            models.UniqueConstraint(fields=["officine", "uuid"], name="lot_verification_unique")
        ]

    def __str__(self) -> str:
        return self.numero or "lot"


class IdentiteVerifiee(models.Model):
    """One identity of a lot, and what the service said of it (INS-35: method « lot »).

    `code` is the service's (00 conform, 01 and 02 not, 91 to ask again), or ours: CH the identity
    changed meanwhile, NE it cannot be sent, EC its lot was refused.
    """

    CHANGEE, NON_ENVOYABLE, ECHEC = "CH", "NE", "EC"

    # Read by lot only, and written by the thousand: one index, that of the unique pair.
    officine = models.ForeignKey(Officine, on_delete=models.PROTECT, db_index=False)
    lot = models.ForeignKey(
        LotVerification, on_delete=models.PROTECT, related_name="identites", db_index=False
    )
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+", db_index=False)
    traits_version = models.PositiveIntegerField()
    empreinte = models.CharField("INS vérifiée", max_length=64)
    code = models.CharField(max_length=2, blank=True)

    class Meta:
        verbose_name = "identité vérifiée"
        constraints = [
            models.UniqueConstraint(fields=["lot", "patient"], name="identite_verifiee_unique")
        ]

    def __str__(self) -> str:
        return self.code
