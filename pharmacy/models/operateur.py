"""Operators of the officine, and the lock on their sign-in."""

from datetime import date
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from pharmacy.models.officine import Officine


class OperateurManager(BaseUserManager["Operateur"]):
    """Creates operators with a hashed password and PIN."""

    def create_operateur(
        self,
        officine: Officine,
        code: str,
        mot_de_passe: str,
        pin: str,
        **champs: Any,  # noqa: ANN401
    ) -> "Operateur":
        """Return a saved operator; both secrets are hashed (Argon2)."""
        operateur = self.model(officine=officine, code=code.upper(), **champs)
        operateur.set_password(mot_de_passe)
        operateur.set_pin(pin)
        operateur.save()
        return operateur

    def en_poste(self, jour: date | None = None) -> "QuerySet[Operateur]":
        """Return who may work on a day, today: active, arrived, last day not over (TIT-01), in an
        officine that its host did not suspend.
        """
        jour = jour or timezone.localdate()
        return self.filter(
            Q(arrivee=None) | Q(arrivee__lte=jour),
            Q(depart=None) | Q(depart__gte=jour),
            actif=True,
            officine__active=True,
        )


class Operateur(AbstractBaseUser):
    """Someone who works at the counter. Never deleted: a departure makes them inactive."""

    class Role(models.TextChoices):
        """Roles of `design.md`, « Who may do what »."""

        TITULAIRE = "titulaire", "Pharmacien titulaire"
        ADJOINT = "adjoint", "Pharmacien adjoint"
        REMPLACANT = "remplacant", "Pharmacien remplaçant"
        PREPARATEUR = "preparateur", "Préparateur"
        ETUDIANT = "etudiant", "Étudiant en pharmacie"
        APPRENTI = "apprenti", "Apprenti"
        ADMINISTRATIF = "administratif", "Administratif"

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT, related_name="operateurs")
    uuid = models.UUIDField("identifiant technique", default=uuid4, unique=True, editable=False)
    code = models.CharField("code", max_length=8)
    nom = models.CharField("nom", max_length=80)
    prenom = models.CharField("prénom", max_length=80)
    role = models.CharField("rôle", max_length=20, choices=Role.choices)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    pin = models.CharField("code PIN (empreinte)", max_length=200, blank=True)
    mot_de_passe_temporaire = models.BooleanField("mot de passe à changer", default=False)
    actif = models.BooleanField("actif", default=True)
    arrivee = models.DateField("arrivée", null=True, blank=True)
    depart = models.DateField("départ", null=True, blank=True)

    USERNAME_FIELD = "uuid"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[OperateurManager] = OperateurManager()

    class Meta:
        verbose_name = "opérateur"
        constraints = [
            models.UniqueConstraint(fields=["officine", "code"], name="operateur_code_unique"),
            models.CheckConstraint(
                name="operateur_rpps_forme",
                condition=models.Q(rpps="") | models.Q(rpps__regex=r"^[0-9]{11}$"),
            ),
            models.UniqueConstraint(
                fields=["officine", "rpps"],
                condition=Q(actif=True) & ~Q(rpps=""),
                name="operateur_rpps_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.prenom} {self.nom}"

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Tell Django whether this operator may sign in."""
        return self.actif

    @property
    def nom_court(self) -> str:
        """« A. MARTIN », as the header shows it."""
        return f"{self.prenom[:1]}. {self.nom}"

    @property
    def est_pharmacien(self) -> bool:
        """Whether the law counts this operator as a pharmacien."""
        return self.role in {self.Role.TITULAIRE, self.Role.ADJOINT, self.Role.REMPLACANT}

    def set_pin(self, pin: str) -> None:
        """Keep the six-digit PIN under the same slow hash as a password."""
        from django.contrib.auth.hashers import make_password

        self.pin = make_password(pin)

    def check_pin(self, pin: str) -> bool:
        """Tell whether `pin` is the operator's."""
        from django.contrib.auth.hashers import check_password

        return bool(self.pin) and check_password(pin, self.pin)


class VerrouConnexion(models.Model):
    """Failed sign-ins for one code on one workstation; never by address alone (design.md)."""

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    code = models.CharField("code", max_length=8)
    poste = models.ForeignKey("pharmacy.Poste", on_delete=models.CASCADE, null=True)
    echecs = models.PositiveSmallIntegerField("échecs", default=0)
    bloque_jusqua = models.DateTimeField("bloqué jusqu'à", null=True)

    class Meta:
        verbose_name = "verrou de connexion"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "code", "poste"],
                name="verrou_connexion_unique",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} : {self.echecs}"
