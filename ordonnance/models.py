"""Ordonnance Numérique: what the base said, what we send back (ordonnance.md §5.1)."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models import LignePrescrite, Officine, Operateur, Ordonnance, Poste, Vente


class OrdonnanceNumerique(models.Model):
    """One prescription number in one officine, and the local state of the workflow (§1.6)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    ordonnance = models.OneToOneField(
        Ordonnance, on_delete=models.PROTECT, related_name="numerique"
    )
    numero = models.CharField("numéro", max_length=32)
    origine = models.CharField(max_length=8, default="SCAN")
    version = models.PositiveIntegerField("version connue", null=True)
    statut = models.CharField(max_length=24, blank=True)
    statut_brut = models.CharField(max_length=40, blank=True)
    etat = models.CharField("état local", max_length=14, default="lue")
    debut_validite = models.DateTimeField(null=True)
    fin_validite = models.DateTimeField(null=True)
    date_souhaitee = models.DateField(null=True)
    types = models.JSONField(default=list)
    beneficiaire = OctetsChiffres("bénéficiaire lu", null=True)
    identite_comparee = models.CharField(max_length=12, default="NON_COMPAREE")
    retour_autorise = models.BooleanField(null=True)
    executant_designe = models.CharField(max_length=9, blank=True)
    commentaire = TexteChiffre()
    empreinte = models.CharField(max_length=64, blank=True)
    avertissements = models.JSONField(default=list)
    dernier_code = models.CharField(max_length=20, blank=True)
    patient_confirme_par = models.ForeignKey(
        Operateur, on_delete=models.PROTECT, related_name="+", null=True
    )
    patient_confirme_le = models.DateTimeField(null=True)
    conforme_confirme_par = models.ForeignKey(
        Operateur, on_delete=models.PROTECT, related_name="+", null=True
    )
    conforme_confirme_le = models.DateTimeField(null=True)
    numero_delivrance = models.PositiveSmallIntegerField(null=True)
    motif_cloture = TexteChiffre("motif, quand rien ne sera envoyé")
    lue_le = models.DateTimeField(auto_now_add=True)
    lue_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "Ordonnance Numérique"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "numero"],
                condition=Q(
                    etat__in=["lue", "recuperee", "confirmee", "en_delivrance", "controlee"]
                ),
                name="ordonnance_numerique_en_cours",
                violation_error_message="Cette ordonnance est déjà ouverte dans une autre vente.",
            )
        ]
        indexes = [models.Index(fields=["officine", "numero"], name="ordonnance_numero")]

    def __str__(self) -> str:
        return f"…{self.numero[-4:]} {self.etat}"


class OrdonnanceVersion(models.Model):
    """A reply as received; never overwritten (ordonnance.md §5.1)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    numerique = models.ForeignKey(
        OrdonnanceNumerique, on_delete=models.PROTECT, related_name="versions"
    )
    contenu = OctetsChiffres()
    empreinte = models.CharField(max_length=64)
    recue_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "version reçue"

    def __str__(self) -> str:
        return self.empreinte[:8]


class ExecutionExterne(models.Model):
    """What pharmacies, ours included, already executed, as the base tells it."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    numerique = models.ForeignKey(
        OrdonnanceNumerique, on_delete=models.CASCADE, related_name="executions_externes"
    )
    id_execution = models.CharField(max_length=36)
    date_delivrance = models.DateTimeField()
    finess = models.CharField(max_length=9)
    numero_delivrance = models.PositiveSmallIntegerField()
    annulee = models.BooleanField()
    lignes = models.JSONField(default=list)

    class Meta:
        verbose_name = "exécution connue"
        constraints = [
            models.UniqueConstraint(
                fields=["numerique", "id_execution"], name="execution_externe_unique"
            )
        ]

    def __str__(self) -> str:
        return self.finess


class Verrou(models.Model):
    """The short lock of the service, and between two counters of the officine (§2.3)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    numerique = models.OneToOneField(OrdonnanceNumerique, on_delete=models.CASCADE)
    id_execution = models.CharField(max_length=36)
    jeton = TexteChiffre()
    expire_le = models.DateTimeField()
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, null=True)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "verrou"

    def __str__(self) -> str:
        return f"verrou {self.pk}"


class Execution(models.Model):
    """Our execution: its uuid exists before anything is sent (§5.3)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    numerique = models.ForeignKey(
        OrdonnanceNumerique, on_delete=models.PROTECT, related_name="executions"
    )
    vente = models.ForeignKey(Vente, on_delete=models.PROTECT, related_name="executions")
    numero_delivrance = models.PositiveSmallIntegerField()
    date_delivrance = models.DateTimeField()
    executant_rpps = models.CharField(max_length=11, blank=True)
    valide_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    controle_le = models.DateTimeField()
    mode = models.CharField(max_length=10)
    hors_ligne = models.BooleanField(default=False)
    version_connue = models.PositiveIntegerField(null=True)
    remplace = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    complement_de = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    annulee_le = models.DateTimeField(null=True)
    motif_annulation = models.CharField(max_length=40, blank=True)
    commentaire_prescripteur = TexteChiffre()
    etat = models.CharField(max_length=14, default="a_transmettre")
    accuse_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "exécution"
        constraints = [
            models.UniqueConstraint(
                fields=["numerique", "numero_delivrance"],
                condition=Q(
                    annulee_le__isnull=True, remplace__isnull=True, complement_de__isnull=True
                ),
                name="execution_unique_par_delivrance",
                violation_error_message="Cette délivrance est déjà validée.",
            ),
            models.CheckConstraint(
                name="execution_annulee_etat",
                condition=Q(annulee_le__isnull=True) | Q(etat="annulee"),
            ),
        ]

    def __str__(self) -> str:
        return f"exécution {self.pk} {self.etat}"


class LigneExecutee(models.Model):
    """Frozen copy of a line that goes out."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="lignes")
    uuid = models.UUIDField(default=uuid4, editable=False)
    ligne = models.ForeignKey(LignePrescrite, on_delete=models.PROTECT, null=True)
    resultat = models.CharField(max_length=20)
    cis = models.CharField(max_length=8, blank=True)
    cip13 = models.CharField(max_length=13, blank=True)
    lpp = models.CharField(max_length=7, blank=True)
    libelle = models.CharField(max_length=300, blank=True)
    quantite = models.DecimalField(max_digits=8, decimal_places=2)
    unite = models.CharField(max_length=20, default="BOITE")
    lot = models.CharField(max_length=20, blank=True)
    peremption = models.DateField(null=True)
    numero_serie = models.CharField(max_length=20, blank=True)
    rattachement = models.CharField(max_length=12, blank=True)

    class Meta:
        verbose_name = "ligne exécutée"
        constraints = [
            models.CheckConstraint(
                name="ligne_executee_quantite",
                condition=(Q(resultat="NON_DELIVRE") & Q(quantite=0))
                | (~Q(resultat="NON_DELIVRE") & Q(quantite__gt=0)),
            ),
            models.CheckConstraint(
                name="ligne_executee_hors_prescription",
                condition=(Q(resultat="HORS_PRESCRIPTION") & Q(ligne__isnull=True))
                | (~Q(resultat="HORS_PRESCRIPTION") & Q(ligne__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.resultat


class Ecart(models.Model):
    """A difference found by the control, and the answer given to it."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="ecarts")
    code = models.CharField(max_length=4)
    severite = models.CharField(max_length=10)
    ligne = models.ForeignKey(LignePrescrite, on_delete=models.PROTECT, null=True)
    parametres = models.JSONField(default=dict)
    motif = models.CharField(max_length=40, blank=True)
    accord_obtenu = models.BooleanField(null=True)
    accord_date = models.DateField(null=True)
    commentaire = TexteChiffre()
    leve_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+", null=True)
    leve_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "écart"

    def __str__(self) -> str:
        return self.code


class Intervention(models.Model):
    """What goes out about a line: substitution, modification, non-delivery, addition."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    ligne_executee = models.ForeignKey(
        LigneExecutee, on_delete=models.CASCADE, related_name="interventions"
    )
    type_intervention = models.CharField(max_length=16)
    motif = models.CharField(max_length=40)
    sous_motif = models.CharField(max_length=80, blank=True)
    accord_obtenu = models.BooleanField(null=True)
    accord_date = models.DateField(null=True)
    commentaire = TexteChiffre()
    ecart = models.ForeignKey(Ecart, on_delete=models.PROTECT, null=True)

    class Meta:
        verbose_name = "intervention pharmaceutique"

    def __str__(self) -> str:
        return f"{self.type_intervention} {self.motif}"


class SaisieControle(models.Model):
    """The answers being given in the control window, kept until it is validated."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    numerique = models.ForeignKey(
        OrdonnanceNumerique, on_delete=models.CASCADE, related_name="saisies"
    )
    cle = models.CharField("écart", max_length=60)
    motif = models.CharField(max_length=40, blank=True)
    accord_date = models.DateField(null=True)
    commentaire = TexteChiffre()
    saisie_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    saisie_le = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "réponse au contrôle"
        constraints = [
            models.UniqueConstraint(fields=["numerique", "cle"], name="saisie_controle_unique")
        ]

    def __str__(self) -> str:
        return self.cle
