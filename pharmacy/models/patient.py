"""The patient's file. INS columns are written by `ins.services` alone."""

import pghistory
from django.db import models
from django.db.models import Q

from pharmacy.chiffre import TexteChiffre
from pharmacy.identite import EtatIdentite
from pharmacy.models.officine import Officine

# What the database itself keeps of a former state, at each change (pharmacy.PatientVersion).
CHAMPS_SUIVIS = (
    "officine",
    "nom_naissance",
    "premier_prenom",
    "prenoms_naissance",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "nom_utilise",
    "prenom_utilise",
    "traits_version",
    "statut",
    "attr_homonyme",
    "attr_douteux",
    "attr_fictif",
    "ins_matricule",
    "ins_empreinte",
    "ins_oid",
    "fusionne_dans",
    "actif",
)


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

    class Methode(models.TextChoices):
        """How the traits came, as FR Core names it (ins.md §6bis, « channel, dates »)."""

        SAISIE = "SM", "Saisie manuelle"
        CARTE = "CV", "Carte Vitale"
        INSI = "INSI", "Téléservice INSi"
        CODE = "CB", "Datamatrix INS"
        APPLI = "AV", "Appli carte Vitale"
        IMPORT = "IMP", "Reprise de l'ancien logiciel"
        DOCUMENT = "DOC", "Document reçu"

    class MotifSansIns(models.TextChoices):
        """Why a person has no INS; prompting stops (INS-18, ins.md §2.10)."""

        ETRANGER = "etranger", "Personne étrangère, sans droits en France"
        NON_PROUVEE = "non_prouvee", "Identité impossible à prouver ou douteuse"
        ANONYMAT = "anonymat", "Anonymat prévu par la loi"
        REFUS = "refus", "Refuse l'appel à INSi"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    nom_naissance = models.CharField("nom de naissance", max_length=100, blank=True)
    premier_prenom = models.CharField("premier prénom de naissance", max_length=100)
    prenoms_naissance = models.CharField("prénoms de naissance", max_length=100, blank=True)
    date_naissance = models.DateField("date de naissance", null=True)
    date_naissance_interpretee = models.BooleanField("date interprétée", default=False)
    sexe = models.CharField("sexe", max_length=1, choices=Sexe.choices, blank=True)
    cog_naissance = models.CharField("code lieu de naissance", max_length=5, blank=True)
    nom_a_confirmer = models.BooleanField("nom de naissance à confirmer", default=False)
    methode = models.CharField(
        "recueil des traits", max_length=4, choices=Methode.choices, default=Methode.SAISIE
    )
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
    ins_verifie_le = models.DateTimeField("INS vérifiée le", null=True)
    ins_cle_calculee = models.BooleanField("clé calculée par nous", default=False)
    motif_sans_ins = models.CharField(
        "pourquoi sans INS", max_length=12, choices=MotifSansIns.choices, blank=True
    )

    nir_assure = TexteChiffre("NIR de facturation de l'assuré")
    nir_certifie = TexteChiffre("NIR individuel certifié de la carte")
    naissance_facturation = models.CharField(
        "date de naissance de la carte", max_length=8, blank=True
    )
    rang_gemellaire = models.PositiveSmallIntegerField("rang gémellaire", default=1)
    carte_empreinte = models.CharField(max_length=64, blank=True)

    actif = models.BooleanField("actif", default=True)
    fusionne_dans = models.ForeignKey(
        "self", verbose_name="fusionné dans", on_delete=models.PROTECT, related_name="+", null=True
    )
    decede_le = models.DateField("décédé le", null=True)
    vu_le = models.DateField("dernière visite", null=True)
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
            models.CheckConstraint(
                name="patient_fusionne_inactif",
                condition=Q(fusionne_dans__isnull=True) | Q(actif=False),
            ),
        ]
        indexes = [
            models.Index(fields=["officine", "date_naissance"], name="patient_naissance"),
        ]

    def __str__(self) -> str:
        return f"patient {self.pk}"

    @property
    def etat_identite(self) -> EtatIdentite:
        """What the gate looks at (pharmacy.identite)."""
        return EtatIdentite(
            statut=self.statut,
            douteuse=self.attr_douteux,
            fictive=self.attr_fictif,
            anonyme=self.motif_sans_ins == self.MotifSansIns.ANONYMAT,
            sexe_connu=self.sexe in {self.Sexe.M, self.Sexe.F},
            lieu_connu=bool(self.cog_naissance),
            decedee=self.decede_le is not None,
        )


class CartePatient(models.Model):
    """A card that was read for a file: a child is on the cards of both parents (ins.md §6, 55).

    Digests only: the billing identity in force is that of the last card read, on the file itself.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="cartes")
    empreinte = models.CharField(max_length=64)

    class Meta:
        verbose_name = "carte d'un patient"
        constraints = [
            models.UniqueConstraint(fields=["officine", "empreinte"], name="carte_patient_unique")
        ]

    def __str__(self) -> str:
        return f"carte du patient {self.patient_id}"


class PatientVersion(
    pghistory.create_event_model(  # type: ignore[misc]
        Patient,
        pghistory.UpdateEvent(
            "avant", condition=pghistory.AnyChange(*CHAMPS_SUIVIS), row=pghistory.Old
        ),
        fields=list(CHAMPS_SUIVIS),
        context_field=None,
        obj_field=pghistory.ObjForeignKey(related_name="+"),
    )
):
    """The state of a file before each change, written by the database itself (INS-24).

    Rows are only added: the application role may neither change nor remove them.
    """

    class Meta:
        verbose_name = "état antérieur d'un patient"
        indexes = [
            models.Index(fields=["officine", "pgh_obj", "-pgh_id"], name="patient_version"),
            models.Index(fields=["officine", "pgh_created_at"], name="patient_version_recente"),
        ]
