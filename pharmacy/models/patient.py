"""The patient's file. INS columns are written by `ins.services` alone."""

from django.db import models
from django.db.models import Q

from pharmacy.chiffre import TexteChiffre
from pharmacy.models.officine import Officine


class Patient(models.Model):
    """A person's file in one officine: strict traits, INS, billing identity.

    Strict traits follow ins.md §1.3; the matricule is encrypted and found through a keyed digest.
    The billing NIR of the card is not the INS and never becomes it (ins.md §1.1).
    """

    class Statut(models.TextChoices):
        """Four statuses, computed from evidence (ins.md §2.1)."""

        PROV = "PROV", "Identité provisoire"
        RECUP = "RECUP", "Identité récupérée"
        VALI = "VALI", "Identité validée"
        QUAL = "QUAL", "Identité qualifiée"

    class Sexe(models.TextChoices):
        """As in ins.md §1.3; empty until known (a card gives no sex)."""

        M = "M", "Masculin"
        F = "F", "Féminin"
        INDETERMINE = "I", "Indéterminé"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    nom_naissance = models.CharField("nom de naissance", max_length=100, blank=True)
    premier_prenom = models.CharField("premier prénom de naissance", max_length=100)
    prenoms_naissance = models.CharField("prénoms de naissance", max_length=100, blank=True)
    date_naissance = models.DateField("date de naissance", null=True)
    date_naissance_interpretee = models.BooleanField("date interprétée", default=False)
    sexe = models.CharField("sexe", max_length=1, choices=Sexe.choices, blank=True)
    cog_naissance = models.CharField("code lieu de naissance", max_length=5, blank=True)
    nom_utilise = models.CharField("nom utilisé", max_length=100, blank=True)
    prenom_utilise = models.CharField("prénom utilisé", max_length=100, blank=True)
    traits_version = models.PositiveIntegerField("version des traits stricts", default=1)
    recherche = models.CharField("clé de recherche", max_length=420, blank=True)

    statut = models.CharField("statut INS", max_length=5, choices=Statut.choices, default="PROV")
    attr_homonyme = models.BooleanField("homonyme", default=False)
    attr_douteux = models.BooleanField("identité douteuse", default=False)
    attr_fictif = models.BooleanField("identité fictive", default=False)
    ins_matricule = TexteChiffre("matricule INS")
    ins_empreinte = models.CharField(max_length=64, blank=True)
    ins_oid = models.CharField("OID de l'INS", max_length=24, blank=True)
    ins_obtenu_le = models.DateTimeField(null=True)
    ins_traits_version = models.PositiveIntegerField("version des traits venus d'INSi", null=True)

    nir_assure = TexteChiffre("NIR de facturation de l'assuré")
    nir_certifie = TexteChiffre("NIR individuel certifié de la carte")
    naissance_facturation = models.CharField(
        "date de naissance de la carte", max_length=8, blank=True
    )
    rang_gemellaire = models.PositiveSmallIntegerField("rang gémellaire", default=1)
    carte_empreinte = models.CharField(max_length=64, blank=True)

    actif = models.BooleanField("actif", default=True)
    cree_le = models.DateTimeField(auto_now_add=True)
    cree_par = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "patient"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "ins_oid", "ins_empreinte"],
                condition=Q(actif=True) & ~Q(ins_empreinte=""),
                name="patient_ins_unique",
                violation_error_message="Cette INS est déjà portée par un autre dossier.",
            ),
            models.UniqueConstraint(
                fields=["officine", "carte_empreinte"],
                condition=Q(actif=True) & ~Q(carte_empreinte=""),
                name="patient_carte_unique",
            ),
            models.CheckConstraint(
                name="patient_ins_selon_statut",
                condition=(Q(statut__in=["RECUP", "QUAL"]) & ~Q(ins_empreinte="") & ~Q(ins_oid=""))
                | (Q(statut__in=["PROV", "VALI"]) & Q(ins_empreinte="") & Q(ins_oid="")),
            ),
            models.CheckConstraint(
                name="patient_douteux_ou_fictif_provisoire",
                condition=(Q(attr_douteux=False) & Q(attr_fictif=False)) | Q(statut="PROV"),
            ),
            models.CheckConstraint(
                name="patient_fictif_seul",
                condition=Q(attr_fictif=False) | (Q(attr_douteux=False) & Q(attr_homonyme=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["officine", "date_naissance"], name="patient_naissance"),
            models.Index(fields=["officine", "recherche"], name="patient_recherche"),
        ]

    def __str__(self) -> str:
        return f"patient {self.pk}"
