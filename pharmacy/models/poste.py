"""Workstations: enrolment, nonces, receipts and signature requests (agent.md §5.17)."""

from django.db import models

from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models.officine import Officine


class Poste(models.Model):
    """A counter workstation; its agent signs what it reads with the key kept here."""

    class Etat(models.TextChoices):
        """Life of the pairing."""

        SANS_AGENT = "sans_agent", "Sans agent"
        ASSOCIE = "associe", "Associé"
        REVOQUE = "revoque", "Révoqué"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT, related_name="postes")
    code = models.SlugField("code", max_length=40)
    libelle = models.CharField("libellé", max_length=60)
    wid = models.CharField("identifiant public", max_length=24, unique=True)
    cle_publique = models.CharField("clé publique de l'agent", max_length=64, blank=True)
    kid = models.CharField("empreinte de la clé", max_length=64, blank=True)
    etat = models.CharField(max_length=12, choices=Etat.choices, default=Etat.SANS_AGENT)
    version_agent = models.CharField("version de l'agent", max_length=20, blank=True)
    vu_le = models.DateTimeField("dernier signe de vie", null=True)
    ouvert_le = models.DateTimeField("ouvert par mot de passe le", null=True)
    dernier_recu = models.CharField("empreinte du dernier reçu", max_length=64, blank=True)
    config_seq = models.PositiveIntegerField("rang de la configuration", default=0)
    config_empreinte = models.CharField("empreinte de la configuration", max_length=64, blank=True)

    class Meta:
        verbose_name = "poste"
        constraints = [
            models.UniqueConstraint(fields=["officine", "code"], name="poste_code_unique"),
            models.CheckConstraint(
                name="poste_associe_a_une_cle",
                condition=~models.Q(etat="associe") | ~models.Q(cle_publique=""),
            ),
        ]

    def __str__(self) -> str:
        return self.libelle


class CodeEnrolement(models.Model):
    """A short code that pairs one agent with a poste: ten minutes, once, five tries (§5.4).

    `repere` is its first half, which finds the row; `secret` is the whole code, kept until it ends.
    """

    class Etat(models.TextChoices):
        """Life of a code."""

        EMIS = "emis", "Donné"
        DEMANDE = "demande", "À confirmer"
        CONFIRME = "confirme", "Confirmé"
        REFUSE = "refuse", "Refusé"
        MORT = "mort", "Annulé"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    poste = models.ForeignKey(Poste, on_delete=models.CASCADE, related_name="codes")
    repere = models.CharField(max_length=4, unique=True, null=True)  # noqa: DJ001 - ended: none
    secret = TexteChiffre("code")
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.EMIS)
    essais = models.PositiveSmallIntegerField("essais faux", default=0)
    cree_par = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    expire_le = models.DateTimeField()
    cle_publique = models.CharField("clé publique de l'agent", max_length=64, blank=True)
    comparaison = models.CharField("code de comparaison", max_length=6, blank=True)
    version_agent = models.CharField("version de l'agent", max_length=20, blank=True)
    systeme = models.CharField("système", max_length=40, blank=True)
    machine = models.CharField("nom donné par l'agent", max_length=40, blank=True)

    class Meta:
        verbose_name = "code d'enrôlement"
        indexes = [models.Index(fields=["poste", "-id"], name="code_enrolement_recent")]

    def __str__(self) -> str:
        return self.etat


class NonceLecture(models.Model):
    """A number given by the server for one reading, used once within two minutes."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    valeur_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    operateur = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    poste = models.ForeignKey(Poste, on_delete=models.CASCADE)
    operation = models.CharField(max_length=20)
    expire_le = models.DateTimeField()
    consomme_le = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "nonce de lecture"

    def __str__(self) -> str:
        return self.operation


class RecuCarte(models.Model):
    """Proof of a reading: what the agent signed, without the data.

    `donnees` waits for a choice among several persons; the choice, or fifteen minutes, erase it.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    jti = models.CharField(max_length=64)
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT)
    operateur = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    operation = models.CharField(max_length=20)
    data_sha256 = models.CharField(max_length=64)
    precedent = models.CharField(max_length=64, blank=True)
    chaine_rompue = models.BooleanField("chaîne rompue", default=False)
    simule = models.BooleanField("lecteur simulé")
    donnees = OctetsChiffres("données lues, effacées après usage", null=True)
    recu_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "reçu de lecture"
        constraints = [models.UniqueConstraint(fields=["officine", "jti"], name="recu_jti_unique")]
        indexes = [
            models.Index(
                fields=["recu_le"],
                condition=models.Q(donnees__isnull=False),
                name="recu_donnees_gardees",
            )
        ]

    def __str__(self) -> str:
        return self.operation


class SituationsCps(models.Model):
    """What the card on a poste says its holder practises, and which of it is in force (§1.5).

    Gone with the session, and with the card when another is read there.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    poste = models.ForeignKey(Poste, on_delete=models.CASCADE)
    operateur = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    id_nat = models.CharField("identifiant de la carte", max_length=40)
    situations = OctetsChiffres("situations lues")
    choisie = models.PositiveSmallIntegerField("rang de celle en vigueur", null=True)
    lues_le = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "situations d'exercice lues"
        constraints = [
            models.UniqueConstraint(fields=["officine", "poste"], name="situations_poste_unique")
        ]

    def __str__(self) -> str:
        return f"situation {self.choisie}"


class DemandeSignature(models.Model):
    """What the server asked a card to sign, until the answer comes back."""

    class Etat(models.TextChoices):
        """Life of a request."""

        DEMANDEE = "demandee", "Demandée"
        SIGNEE = "signee", "Signée"
        REFUSEE = "refusee", "Refusée"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    jti = models.CharField(max_length=64)
    operateur = models.ForeignKey("pharmacy.Operateur", on_delete=models.PROTECT, related_name="+")
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT)
    service = models.CharField(max_length=20)
    certificat_der = models.BinaryField()
    prepare = OctetsChiffres()
    empreinte_b64 = models.CharField(max_length=64)
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.DEMANDEE)
    expire_le = models.DateTimeField()

    class Meta:
        verbose_name = "demande de signature"
        constraints = [
            models.UniqueConstraint(fields=["officine", "jti"], name="demande_jti_unique")
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.etat}"
