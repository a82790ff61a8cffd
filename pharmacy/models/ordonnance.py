"""Prescriptions, paper or numeric, and who wrote them."""

from django.db import models

from pharmacy.models.officine import Officine
from pharmacy.models.patient import Patient


class Prescripteur(models.Model):
    """Someone who prescribes, known by RPPS when the base gave it."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    nom = models.CharField("nom", max_length=80)
    prenom = models.CharField("prénom", max_length=80, blank=True)
    profession = models.CharField("profession et savoir-faire", max_length=40, blank=True)
    finess = models.CharField("FINESS", max_length=9, blank=True)
    telephone = models.CharField("téléphone", max_length=20, blank=True)

    class Meta:
        verbose_name = "prescripteur"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "rpps"],
                condition=~models.Q(rpps=""),
                name="prescripteur_rpps_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.nom} {self.prenom}".strip()


class Ordonnance(models.Model):
    """A prescription presented in a sale."""

    class Origine(models.TextChoices):
        """Where its content comes from."""

        PAPIER = "papier", "Papier"
        NUMERIQUE = "numerique", "Ordonnance Numérique"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    origine = models.CharField(max_length=10, choices=Origine.choices)
    vente = models.ForeignKey(
        "pharmacy.Vente", on_delete=models.PROTECT, related_name="ordonnances", null=True
    )
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True)
    prescripteur = models.ForeignKey(Prescripteur, on_delete=models.PROTECT, null=True)
    date_prescription = models.DateField("date de prescription", null=True)
    cree_le = models.DateTimeField(auto_now_add=True)
    cree_par = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "ordonnance"

    def __str__(self) -> str:
        return f"ordonnance {self.pk}"


class LignePrescrite(models.Model):
    """One prescribed line (ordonnance.md §5.1). Flags have three values: absent is not false."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    ordonnance = models.ForeignKey(Ordonnance, on_delete=models.CASCADE, related_name="lignes")
    id_national = models.CharField(max_length=36, blank=True)
    rang = models.PositiveSmallIntegerField()
    nature = models.CharField(max_length=12)
    statut = models.CharField(max_length=20, blank=True)
    cis = models.CharField(max_length=8, blank=True)
    cip13 = models.CharField(max_length=13, blank=True)
    ucd13 = models.CharField(max_length=13, blank=True)
    mv = models.CharField(max_length=10, blank=True)
    lpp = models.CharField(max_length=7, blank=True)
    emdn = models.CharField(max_length=20, blank=True)
    atc = models.CharField(max_length=8, blank=True)
    libelle = models.CharField(max_length=300)
    dci = models.CharField(max_length=300, blank=True)
    posologie_texte = models.TextField(blank=True)
    unites_par_jour = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    debut = models.DateField(null=True)
    fin = models.DateField(null=True)
    duree_jours = models.PositiveIntegerField(null=True)
    quantite = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    unite = models.CharField(max_length=20, blank=True)
    renouvellements = models.PositiveSmallIntegerField(null=True)
    delivrances_effectuees = models.PositiveSmallIntegerField(default=0)
    prochaine_au_plus_tot = models.DateField(null=True)
    substituable = models.BooleanField(null=True)
    motif_ns = models.CharField(max_length=3, blank=True)
    ald = models.BooleanField(null=True)
    atmp = models.BooleanField(null=True)
    prevention = models.BooleanField(null=True)
    non_remboursable = models.BooleanField(null=True)
    hors_amm = models.BooleanField(null=True)
    instruction_dispensateur = models.TextField(blank=True)
    instruction_patient = models.TextField(blank=True)
    manuscrite = models.BooleanField(default=False)

    class Meta:
        verbose_name = "ligne prescrite"
        ordering = ["rang"]
        constraints = [
            models.UniqueConstraint(
                fields=["ordonnance", "id_national"],
                condition=~models.Q(id_national=""),
                name="ligne_prescrite_id_unique",
            )
        ]

    def __str__(self) -> str:
        return f"ligne {self.rang}"
