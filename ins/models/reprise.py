"""The taking over of a former software's patient base."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres
from pharmacy.models import Officine, Operateur, Patient


class ImportPatients(models.Model):
    """One CSV file of patients: read whole, shown, then written whole or not at all (case 90).

    The file is kept encrypted here, where any worker finds it, and forgotten as soon as it is
    written, refused or cancelled.
    """

    class Etat(models.TextChoices):
        """How far it is. The titulaire confirms between the reading and the writing."""

        A_LIRE = "a_lire", "En attente de lecture"
        LECTURE = "lecture", "Lecture en cours"
        LU = "lu", "Lu, à confirmer"
        REFUSE = "refuse", "Refusé : des lignes sont à corriger"
        A_ECRIRE = "a_ecrire", "En attente d'écriture"
        ECRITURE = "ecriture", "Écriture en cours"
        FAIT = "fait", "Terminé"
        ANNULE = "annule", "Annulé, rien n'a été écrit"

    EN_COURS = ("a_lire", "lecture", "lu", "a_ecrire", "ecriture")

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.A_LIRE)
    contenu = OctetsChiffres("fichier", null=True)
    total = models.PositiveIntegerField("lignes du fichier", default=0)
    faites = models.PositiveIntegerField("lignes lues", default=0)
    creables = models.PositiveIntegerField("dossiers à créer", default=0)
    crees = models.PositiveIntegerField("dossiers créés", default=0)
    doublons = models.PositiveIntegerField(default=0)
    erreurs = models.PositiveIntegerField(default=0)
    phrase = models.CharField("ce qui empêche", max_length=200, blank=True)
    demande_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    demande_le = models.DateTimeField(auto_now_add=True)
    avance_le = models.DateTimeField("dernier signe de vie", auto_now=True)

    class Meta:
        verbose_name = "reprise de patients"
        constraints = [
            models.UniqueConstraint(
                fields=["officine"],
                condition=models.Q(etat__in=["a_lire", "lecture", "lu", "a_ecrire", "ecriture"]),
                name="import_patients_un_a_la_fois",
            )
        ]

    def __str__(self) -> str:
        return f"reprise {self.pk} {self.etat}"

    @property
    def est_en_cours(self) -> bool:
        """Whether a worker has it, or will."""
        return self.etat in {self.Etat.A_LIRE, self.Etat.LECTURE} | {
            self.Etat.A_ECRIRE,
            self.Etat.ECRITURE,
        }


class ConstatImport(models.Model):
    """What is to be said of one line: a mistake, which stops all, or a file that exists already."""

    class Nature(models.TextChoices):
        """A mistake refuses the whole file; a double is only not created."""

        ERREUR = "erreur", "Erreur"
        DOUBLON = "doublon", "Déjà un dossier"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    importation = models.ForeignKey(
        ImportPatients, on_delete=models.PROTECT, related_name="constats"
    )
    nature = models.CharField(max_length=8, choices=Nature.choices)
    ligne = models.PositiveIntegerField()
    colonne = models.CharField(max_length=30, blank=True)
    phrase = models.CharField(max_length=160)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        verbose_name = "constat de reprise"
        indexes = [models.Index(fields=["officine", "importation", "ligne"], name="constat_ligne")]

    def __str__(self) -> str:
        return f"ligne {self.ligne} {self.nature}"
