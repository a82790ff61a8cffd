"""The outbox, the journal of exchanges, the actors' assertions and the breakers."""

from django.db import models
from django.db.models import Q

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Poste
from teleservices.etats import CODES_CARTE


class Envoi(models.Model):
    """A call to a national service: a row before it is a call, the truth of what was sent.

    States and moves stand in `teleservices.etats`; their diagram is generated in docs/.
    """

    class Etat(models.TextChoices):
        """States of design.md, « States of an Envoi »."""

        A_ENVOYER = "a_envoyer", "En attente d'envoi"
        EN_VOL = "en_vol", "En cours d'envoi"
        ENVOYE = "envoye", "Envoyé, accusé reçu"
        REFUSE = "refuse", "Refusé par le service"
        INCERTAIN = "incertain", "Incertain"
        ABANDONNE = "abandonne", "Abandonné"

    class File(models.TextChoices):
        """Queues: a batch never delays a counter."""

        INTERACTIF = "interactif", "Comptoir"
        LOTS = "lots", "Tâche de fond"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    service = models.CharField(max_length=20)
    operation = models.CharField(max_length=60)
    cle = models.CharField("clé d'idempotence", max_length=120)
    sujet = models.CharField("sujet", max_length=60)
    ordre = models.CharField("clé d'ordre", max_length=60, blank=True)
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.A_ENVOYER)
    file = models.CharField(max_length=10, choices=File.choices)
    lecture = models.BooleanField("lecture pour le comptoir", default=False)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    signataire = models.ForeignKey(
        Operateur,
        verbose_name="signe pour lui",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
    )
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, null=True)
    vente_id = models.BigIntegerField("vente concernée", null=True)
    corps = OctetsChiffres("corps figé", null=True)
    accuse = models.CharField("accusé de réception", max_length=120, blank=True)
    horodatage_service = models.DateTimeField(null=True)
    tentatives = models.PositiveSmallIntegerField(default=0)
    pas_avant = models.DateTimeField("pas avant")
    attend_service = models.BooleanField("attend le retour du service", default=False)
    pris_le = models.DateTimeField("pris le", null=True)
    libere_le = models.DateTimeField("libéré par une signature le", null=True)
    regle_le = models.DateTimeField("réglé le", null=True)
    dernier_code = models.CharField(max_length=40, blank=True)
    dernier_message = models.CharField(max_length=300, blank=True)
    motif_abandon = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)
    cree_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "envoi"
        constraints = [
            models.UniqueConstraint(fields=["officine", "cle"], name="envoi_cle_unique"),
            models.CheckConstraint(
                name="envoi_en_vol_pris", condition=~Q(etat="en_vol") | Q(pris_le__isnull=False)
            ),
            models.CheckConstraint(
                name="envoi_abandon_motive", condition=~Q(etat="abandonne") | ~Q(motif_abandon="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["pas_avant"], condition=Q(etat="a_envoyer"), name="envoi_a_envoyer"
            ),
            models.Index(fields=["pris_le"], condition=Q(etat="en_vol"), name="envoi_en_vol"),
            models.Index(
                fields=["pas_avant"], condition=Q(etat="incertain"), name="envoi_incertain"
            ),
            models.Index(fields=["officine", "etat", "-cree_le"], name="envoi_file"),
            models.Index(fields=["officine", "operation", "sujet"], name="envoi_sujet"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.etat}"

    @property
    def attend_carte(self) -> bool:
        """Whether only a professional's signature is missing."""
        return self.etat == self.Etat.A_ENVOYER and self.dernier_code in CODES_CARTE


class Trace(models.Model):
    """One exchange with a service: identifiers, times, result; the messages are encrypted."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    envoi = models.ForeignKey(Envoi, on_delete=models.PROTECT, related_name="traces")
    message_id = models.CharField(max_length=60)
    environnement = models.CharField(max_length=12)
    debut = models.DateTimeField()
    duree_ms = models.PositiveIntegerField()
    http = models.PositiveSmallIntegerField(null=True)
    resultat = models.CharField(max_length=60)
    empreinte_requete = models.CharField(max_length=64)
    requete = OctetsChiffres()
    reponse = OctetsChiffres(null=True)

    class Meta:
        verbose_name = "échange"

    def __str__(self) -> str:
        return self.resultat


class AssertionActeur(models.Model):
    """The SAML assertion an operator's card signed, kept for the workers until it expires.

    Sign-out, another's card or a departure destroys it (design.md, « Who signs »).
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.ForeignKey(Operateur, on_delete=models.CASCADE)
    poste = models.ForeignKey(Poste, on_delete=models.CASCADE)
    service = models.CharField(max_length=20)
    assertion = OctetsChiffres()
    certificat_sha256 = models.CharField(max_length=64)
    id_nat = models.CharField(max_length=20)
    situation = models.PositiveSmallIntegerField("situation de la carte", null=True)
    expire_le = models.DateTimeField()
    cree_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "assertion d'acteur"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "operateur", "service"], name="assertion_unique"
            )
        ]

    def __str__(self) -> str:
        return self.service


class Disjoncteur(models.Model):
    """One breaker per service and environment, shared by all officines; holds no business data."""

    service = models.CharField(max_length=20)
    environnement = models.CharField(max_length=12)
    echecs = models.PositiveSmallIntegerField(default=0)
    ouvert_jusqua = models.DateTimeField(null=True)
    dernier_succes = models.DateTimeField(null=True)
    dernier_echec = models.DateTimeField(null=True)
    dernier_code = models.CharField(max_length=40, blank=True)
    a_regler = models.CharField("réglage refusé par le service", max_length=40, blank=True)

    class Meta:
        verbose_name = "disjoncteur"
        constraints = [
            models.UniqueConstraint(fields=["service", "environnement"], name="disjoncteur_unique")
        ]

    def __str__(self) -> str:
        return self.service
