"""Who is attached to which national identity, who is on the way, and who is connected."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q

from pharmacy.chiffre import OctetsChiffres, TexteChiffre
from pharmacy.models import Officine, Operateur, Poste


class RattachementPsc(models.Model):
    """The link between an operator and a professional identity (psc.md §3.3).

    A removed link stays, as history; an identity has one living link in an officine and an
    environment, whatever happens at the same moment; one that is only asked for keeps nobody out.
    `situation` remembers the activity chosen; `responsable`, for who is no pharmacist, the one
    under whom they act; `avis` is to be read by the operator at their next sign-in.
    """

    class Etat(models.TextChoices):
        """Life of a link; `psc.rules.decision.Lien` says the same words."""

        DEMANDE = "demande", "Demandé, à approuver"
        DECLARE = "declare", "Déclaré, jamais prouvé"
        PROUVE = "prouve", "Prouvé"
        SUSPENDU = "suspendu", "Suspendu"
        RETIRE = "retire", "Retiré"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.ForeignKey(
        Operateur, on_delete=models.PROTECT, related_name="rattachements_psc"
    )
    environnement = models.CharField(max_length=12)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    national = models.CharField("identifiant national", max_length=64, blank=True)
    etat = models.CharField(max_length=10, choices=Etat.choices, default=Etat.DECLARE)
    declare_par = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    declare_le = models.DateTimeField(auto_now_add=True)
    prouve_le = models.DateTimeField("prouvé le", null=True)
    dernier_sub = models.CharField(max_length=255, blank=True)
    dernier_emetteur = models.CharField(max_length=200, blank=True)
    derniers_noms = TexteChiffre("noms reçus")
    motif_suspension = models.CharField("motif de suspension", max_length=200, blank=True)
    situation = models.CharField("situation d'exercice choisie", max_length=255, blank=True)
    responsable = models.ForeignKey(
        Operateur, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    avis = models.CharField("avis à lire", max_length=40, blank=True)

    class Meta:
        verbose_name = "rattachement à Pro Santé Connect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["officine", "environnement", "rpps"],
                condition=~Q(etat__in=["demande", "retire"]) & ~Q(rpps=""),
                name="rattachement_rpps_unique",
                violation_error_message="Ce RPPS est déjà celui d'un autre opérateur.",
            ),
            models.UniqueConstraint(
                fields=["officine", "environnement", "national"],
                condition=~Q(etat__in=["demande", "retire"]) & ~Q(national=""),
                name="rattachement_national_unique",
                violation_error_message="Cet identifiant est déjà celui d'un autre opérateur.",
            ),
            models.UniqueConstraint(
                fields=["officine", "environnement", "operateur"],
                condition=~Q(etat="retire"),
                name="rattachement_operateur_unique",
                violation_error_message="Cet opérateur a déjà un rattachement.",
            ),
            models.CheckConstraint(
                name="rattachement_identifie", condition=~Q(rpps="") | ~Q(national="")
            ),
            models.CheckConstraint(
                name="rattachement_rpps_forme",
                condition=Q(rpps="") | Q(rpps__regex=r"^[0-9]{11}$"),
            ),
            models.CheckConstraint(
                name="rattachement_prouve_date",
                condition=~Q(etat="prouve") | Q(prouve_le__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.etat


class TentativePsc(models.Model):
    """One attempt, from the click to the way back: ten minutes, one use (psc.md §4.1, §5.1).

    What an outsider presents (state, start ticket, session) is here as a digest; what we must say
    again (nonce, verifier, CIBA request) is encrypted. So is `recu`, who came back, while a person
    must still answer; it is erased with the answer.
    """

    class Objet(models.TextChoices):
        """What it is for."""

        CONNEXION = "connexion", "Ouvrir la session"
        RENFORT = "renfort", "S'authentifier en travaillant"
        RATTACHEMENT = "rattachement", "Rattacher un opérateur"
        CIBA = "ciba", "Valider sur le téléphone"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    objet = models.CharField(max_length=12, choices=Objet.choices)
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, related_name="+")
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+", null=True)
    session_empreinte = models.CharField(max_length=64)
    etat_empreinte = models.CharField(max_length=64, blank=True)
    nonce = TexteChiffre()
    verifieur = TexteChiffre()
    billet_empreinte = models.CharField(max_length=64, blank=True)
    billet_utilise_le = models.DateTimeField(null=True)
    numero = models.CharField("nombre à comparer", max_length=2, blank=True)
    ip_depart = models.GenericIPAddressField(null=True)
    retour = models.CharField("route de retour", max_length=80, blank=True)
    retour_arguments = models.JSONField(default=dict)
    ciba_demande = TexteChiffre()
    ciba_prochaine_le = models.DateTimeField(null=True)
    cree_le = models.DateTimeField(auto_now_add=True)
    expire_le = models.DateTimeField()
    consommee_le = models.DateTimeField(null=True)
    issue = models.CharField(max_length=60, blank=True)
    recu = OctetsChiffres(null=True)
    reprise = models.BooleanField("repart d'une session fermée", default=False)

    class Meta:
        verbose_name = "tentative Pro Santé Connect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["officine", "etat_empreinte"],
                condition=~Q(etat_empreinte=""),
                name="tentative_etat_unique",
            ),
            models.UniqueConstraint(
                fields=["officine", "billet_empreinte"],
                condition=~Q(billet_empreinte=""),
                name="tentative_billet_unique",
            ),
            models.UniqueConstraint(
                fields=["officine", "poste"],
                condition=Q(consommee_le__isnull=True, issue=""),
                name="tentative_vivante_par_poste",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["officine", "operateur", "-cree_le"], name="tentative_operateur"),
        ]

    def __str__(self) -> str:
        return self.objet


class SessionPsc(models.Model):
    """One operator connected to Pro Santé Connect on one poste (psc.md §3.2, §4.1).

    `jetons` is sealed for this row alone (`psc.coffre`) and destroyed first when it ends. `version`
    grows at each write: who renews, or ends, wins once.
    """

    class Etat(models.TextChoices):
        """States that are kept; the deadlines say the others (`psc.rules.etats`)."""

        ACTIVE = "active", "Connecté"
        A_RECONFIRMER = "a_reconfirmer", "À reconfirmer"
        GAREE = "garee", "En attente de son opérateur"
        TERMINEE = "terminee", "Terminée"

    class Voie(models.TextChoices):
        """How the person was authenticated."""

        CODE = "code", "Navigateur"
        CIBA = "ciba", "Téléphone"
        RELAIS = "relais", "Relais"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="sessions_psc")
    poste = models.ForeignKey(Poste, on_delete=models.PROTECT, related_name="+")
    session_empreinte = models.CharField(max_length=64)
    environnement = models.CharField(max_length=12)
    emetteur = models.CharField("émetteur", max_length=200)
    sub = models.CharField(max_length=255)
    sid = models.CharField(max_length=255, blank=True)
    session_state = models.CharField(max_length=255, blank=True)
    national = models.CharField("identifiant national", max_length=64)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    acr = models.CharField("niveau", max_length=20)
    moyen = models.CharField("moyen", max_length=20, blank=True)
    voie = models.CharField(max_length=8, choices=Voie.choices)
    authentifie_le = models.DateTimeField("authentifié le", null=True)
    situation = models.JSONField("situation d'exercice", default=dict)
    jetons = models.BinaryField(null=True)
    derniere_activite = models.DateTimeField("dernière activité")
    echeance_inactivite = models.DateTimeField("à reconfirmer à")
    echeance_fin = models.DateTimeField("finit à")
    etat = models.CharField(max_length=14, choices=Etat.choices, default=Etat.ACTIVE)
    motif_fin = models.CharField("motif de fin", max_length=40, blank=True)
    garee_le = models.DateTimeField("mise en attente le", null=True)
    ouvre_locale = models.BooleanField("a ouvert la session du poste", default=False)
    version = models.PositiveIntegerField(default=1)
    cree_le = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "session Pro Santé Connect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["officine", "poste"],
                condition=Q(etat__in=["active", "a_reconfirmer"]),
                name="session_psc_active_par_poste",
            ),
            models.CheckConstraint(
                name="session_psc_terminee_sans_jeton",
                condition=Q(etat="terminee", jetons__isnull=True) & ~Q(motif_fin="")
                | ~Q(etat="terminee") & Q(jetons__isnull=False, motif_fin=""),
            ),
            models.CheckConstraint(
                name="session_psc_echeances",
                condition=Q(echeance_inactivite__lte=models.F("echeance_fin")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["emetteur", "sid"], name="session_psc_sid"),
            models.Index(fields=["emetteur", "sub"], name="session_psc_sub"),
            models.Index(
                fields=["officine", "operateur"],
                condition=~Q(etat="terminee"),
                name="session_psc_operateur",
            ),
        ]

    def __str__(self) -> str:
        return self.etat


class InstantanePsc(models.Model):
    """What UserInfo said, reduced to what is shown; purged a day after the end (psc.md §4.1)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    session = models.OneToOneField(SessionPsc, on_delete=models.CASCADE)
    contenu = OctetsChiffres()
    recu_le = models.DateTimeField(auto_now_add=True)
    purge_le = models.DateTimeField("à purger le", null=True)

    class Meta:
        verbose_name = "identité reçue de Pro Santé Connect"

    def __str__(self) -> str:
        return str(self.session_id)


class JetonApi(models.Model):
    """The token of one connected service, got for one session and destroyed with it (psc.md §1.9).

    `jetons` is sealed for this session and this service: copied elsewhere, it does not open.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    session = models.ForeignKey(SessionPsc, on_delete=models.CASCADE, related_name="jetons_api")
    cible = models.CharField("service", max_length=40)
    jetons = models.BinaryField()
    expire_le = models.DateTimeField()

    class Meta:
        verbose_name = "jeton d'un service connecté"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "cible"], name="jeton_api_unique")
        ]

    def __str__(self) -> str:
        return self.cible


class DeconnexionPsc(models.Model):
    """A remote session still to be closed: its identity token, kept fifteen minutes at most.

    The row goes as soon as the service has closed, or at `garder_jusqua` (psc.md §3.9).
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    session = models.OneToOneField(SessionPsc, on_delete=models.CASCADE)
    jeton = models.BinaryField(null=True)
    essais = models.PositiveSmallIntegerField(default=0)
    pas_avant = models.DateTimeField()
    garder_jusqua = models.DateTimeField()

    class Meta:
        verbose_name = "déconnexion à faire à Pro Santé Connect"

    def __str__(self) -> str:
        return str(self.session_id)


class DocumentPsc(models.Model):
    """A public document of the provider, kept for the installation (psc.md §5.3): no officine."""

    nom = models.CharField(max_length=255, unique=True)
    contenu = models.BinaryField(null=True)
    lu_le = models.DateTimeField("lu le", null=True)
    essaye_le = models.DateTimeField("demandé le", null=True)

    class Meta:
        verbose_name = "document de Pro Santé Connect"

    def __str__(self) -> str:
        return self.nom


class JetonVu(models.Model):
    """A logout token already taken: it serves once in the installation (psc.md §5.6)."""

    emetteur = models.CharField("émetteur", max_length=200)
    empreinte = models.CharField(max_length=64)
    expire_le = models.DateTimeField()

    class Meta:
        verbose_name = "jeton de déconnexion vu"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["emetteur", "empreinte"], name="jeton_vu_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["expire_le"], name="jeton_vu_expire")]

    def __str__(self) -> str:
        return self.empreinte[:8]
