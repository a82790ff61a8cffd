"""What the titulaire decided of the rights, and which sessions are open (TIT-02, TIT-04)."""

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Value, When
from django.db.models.functions import Concat

from pharmacy.models.officine import Officine
from pharmacy.models.operateur import Operateur


class Habilitation(models.Model):
    """A right given or taken away: to a role, or to one person, who comes before their role.

    A row exists only where the titulaire departed from the default; the journal keeps the past.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    droit = models.CharField("droit", max_length=40)
    role = models.CharField("rôle", max_length=20, choices=Operateur.Role.choices, blank=True)
    operateur = models.ForeignKey(
        Operateur, on_delete=models.CASCADE, null=True, related_name="habilitations"
    )
    accorde = models.BooleanField("accordé")
    auteur = models.ForeignKey(Operateur, on_delete=models.PROTECT, related_name="+")
    le = models.DateTimeField("décidée le", auto_now=True)

    class Meta:
        verbose_name = "habilitation"
        constraints = [
            models.UniqueConstraint(
                fields=["officine", "droit", "role", "operateur"],
                name="habilitation_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="habilitation_un_role_ou_une_personne",
                condition=Q(role="", operateur__isnull=False) | ~Q(role="") & Q(operateur=None),
            ),
            models.CheckConstraint(
                name="habilitation_le_titulaire_les_a_toutes", condition=~Q(role="titulaire")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.droit} {'+' if self.accorde else '-'}"


def ecarts_of_row() -> ArraySubquery:
    """Return, as a column of a query on operators, what was decided for each: role, then person.

    One text a decision: « + » or « - », then the right. Read it with `ecarts_read`.
    """
    lignes = (
        Habilitation.objects.filter(officine=OuterRef("officine_id"))
        .filter(Q(operateur=OuterRef("pk")) | Q(role=OuterRef("role")))
        .order_by(F("operateur").asc(nulls_first=True))
    )
    signe = Case(When(accorde=True, then=Value("+")), default=Value("-"))
    return ArraySubquery(lignes.annotate(ecart=Concat(signe, "droit")).values("ecart"))


def ecarts_read(lus: list[str]) -> frozenset[tuple[str, bool]]:
    """Return the decisions in force, each right once: the person's comes after the role's."""
    return frozenset({texte[1:]: texte[0] == "+" for texte in lus}.items())


class SessionOuverte(models.Model):
    """Whose web session is open, on which workstation: what the titulaire can close from afar.

    The session itself is Django's, which knows no officine: its row, once gone, ends it.
    """

    officine = models.ForeignKey(Officine, on_delete=models.PROTECT)
    operateur = models.ForeignKey(Operateur, on_delete=models.CASCADE, related_name="+")
    poste = models.ForeignKey("pharmacy.Poste", on_delete=models.CASCADE, null=True)
    cle = models.CharField("clé de la session", max_length=40)
    ouverte_le = models.DateTimeField("ouverte le", auto_now_add=True)

    class Meta:
        verbose_name = "session ouverte"
        constraints = [
            models.UniqueConstraint(fields=["officine", "cle"], name="session_ouverte_unique")
        ]

    def __str__(self) -> str:
        return f"session {self.pk}"
