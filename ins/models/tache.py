"""What came from outside, and what a person must still look at."""

from django.db import models

from ins.models.appel import AppelInsi
from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models import Officine, Operateur, Patient


class IdentiteRecue(models.Model):
    """An INS that came from outside (datamatrix, document, import): a candidate, never a status.

    Source: ins.md §2.5 T4 and T5, §2.8.
    """

    class Source(models.TextChoices):
        """Where it came from."""

        DATAMATRIX = "datamatrix", "Datamatrix INS"
        DOCUMENT = "document", "Document reçu"
        IMPORT = "import", "Ancien logiciel"

    class Etat(models.TextChoices):
        """What became of it."""

        A_VERIFIER = "a_verifier", "À vérifier"
        CONFORME = "conforme", "Conforme"
        NON_CONFORME = "non_conforme", "Non conforme"
        ECARTEE = "ecartee", "Écartée"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="identites_recues")
    source = models.CharField(max_length=10, choices=Source.choices)
    etat = models.CharField(max_length=12, choices=Etat.choices, default=Etat.A_VERIFIER)
    matricule = TexteChiffre()
    empreinte = models.CharField(max_length=64)
    oid = models.CharField(max_length=24)
    traits = OctetsChiffres(null=True)
    appel = models.OneToOneField(
        AppelInsi,
        verbose_name="appel qui la vérifie",
        on_delete=models.PROTECT,
        related_name="identite_recue",
        null=True,
    )
    recue_le = models.DateTimeField(auto_now_add=True)
    recue_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    close_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "identité reçue"
        indexes = [
            models.Index(fields=["officine", "empreinte"], name="identite_recue_empreinte"),
            models.Index(fields=["officine", "patient"], name="identite_recue_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.etat}"


class TacheIdentite(models.Model):
    """A work item about an identity: what a person must still look at (INS-15, INS-34)."""

    class Nature(models.TextChoices):
        """Why."""

        PIECE_DIFFERENTE = "piece_differente", "La pièce montre autre chose"
        VERIFICATION = "verification", "INS non conforme à la vérification"
        AUTRE_MATRICULE = "autre_matricule", "INSi donne un autre matricule"
        COLLISION = "collision", "INS déjà portée par un autre dossier"
        DOUBLON = "doublon", "Doublon possible"
        RELANCE = "relance", "INS à relancer à la prochaine visite"
        NOM = "nom", "Nom de naissance à confirmer"
        TRANSMIS = "transmis", "Documents déjà transmis sous l'ancienne INS"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="taches_identite")
    autre = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+", null=True)
    nature = models.CharField(max_length=20, choices=Nature.choices)
    precision = models.CharField(max_length=60, blank=True)
    score = models.PositiveSmallIntegerField(default=0)
    ouverte_le = models.DateTimeField(auto_now_add=True)
    close_le = models.DateTimeField(null=True)
    close_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+", null=True)
    issue = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name = "tâche d'identité"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "patient", "nature", "autre"],
                condition=models.Q(close_le__isnull=True),
                nulls_distinct=False,
                name="tache_identite_ouverte_unique",
            )
        ]
        indexes = [
            models.Index(
                fields=["officine", "nature", "-score", "ouverte_le"],
                condition=models.Q(close_le__isnull=True),
                name="tache_identite_ouverte",
            )
        ]

    def __str__(self) -> str:
        return self.nature
