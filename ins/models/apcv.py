"""What an appli carte Vitale gave at the counter."""

from django.db import models
from django.db.models import Q

from ins.models.piece import PieceControlee
from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Patient, Vente
from teleservices.models import Envoi


class ContexteApcv(models.Model):
    """One presentation of an appli carte Vitale in a sale, from the scan to the end of the sale.

    The presented string is not here (encrypted on its Envoi until it has served), nor the token
    (in the ephemeral store). `donnees` is wiped once a person is chosen. Source: ins.md §5.3.
    """

    class Etat(models.TextChoices):
        """Life of a presentation."""

        DEMANDE = "demande", "Lecture en cours"
        A_CHOISIR = "a_choisir", "Bénéficiaire à choisir"
        CHOISI = "choisi", "Bénéficiaire choisi"
        ECHEC = "echec", "Lecture refusée"
        CLOS = "clos", "Terminée"

    class Usage(models.TextChoices):
        """Who presents it."""

        TITULAIRE = "titulaire", "Son titulaire"
        DELEGUE = "delegue", "Une personne déléguée"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    vente = models.ForeignKey(Vente, on_delete=models.PROTECT, related_name="contextes_apcv")
    envoi = models.OneToOneField(Envoi, on_delete=models.PROTECT)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.DEMANDE)
    mode = models.PositiveSmallIntegerField("mode de lecture", default=2)
    identifiant = models.CharField("identifiant du contexte", max_length=42, blank=True)
    usage = models.CharField(max_length=10, choices=Usage.choices, blank=True)
    expire_le = models.DateTimeField("valable jusqu'à", null=True)
    donnees = OctetsChiffres("personnes lues, effacées après usage", null=True)
    code = models.CharField("code de refus", max_length=40, blank=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+", null=True)
    numero = models.PositiveSmallIntegerField("numéro du bénéficiaire", null=True)
    piece = models.OneToOneField(PieceControlee, on_delete=models.PROTECT, null=True)
    prolonge = models.ForeignKey("self", on_delete=models.PROTECT, related_name="+", null=True)
    cree_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "contexte d'appli carte Vitale"
        constraints = [
            models.CheckConstraint(
                name="apcv_choisi_un_patient",
                condition=~Q(etat="choisi") | Q(patient__isnull=False),
            )
        ]
        indexes = [models.Index(fields=["officine", "vente", "-id"], name="apcv_vente")]

    def __str__(self) -> str:
        return self.etat
