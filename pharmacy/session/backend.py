"""Authentication backend: an operator is found within the current officine only."""

from datetime import UTC, date, datetime

from django.contrib.auth.backends import BaseBackend
from django.db.models import OuterRef, QuerySet
from django.utils import timezone

from pharmacy import parametres
from pharmacy.figee import Figee
from pharmacy.models import Operateur
from pharmacy.models.habilitation import ecarts_of_row

VERROUILLAGE = "session.verrouillage_minutes"


def _operateur(pk: int, jour: date, quand: datetime) -> "QuerySet[Operateur]":
    return (
        Operateur.objects.en_poste(jour)
        .filter(pk=pk)
        .annotate(
            verrouillage=parametres.subquery(VERROUILLAGE, OuterRef("officine_id"), quand),
            ecarts=ecarts_of_row(),
        )
    )


# Read at each request.
_OPERATEUR = Figee(
    _operateur, pk=2**50, jour=date(1900, 1, 2), quand=datetime(1900, 1, 3, tzinfo=UTC)
)


class OperateurBackend(BaseBackend):
    """Sessions are opened by `pharmacy.services.connexion`; this only reads them back."""

    def get_user(self, user_id: int) -> Operateur | None:
        """Return the operator of a session, unless they left: with the delay before the lock, and
        what the titulaire decided of their rights. One query.
        """
        return _OPERATEUR.first(
            Operateur, pk=user_id, jour=timezone.localdate(), quand=timezone.now()
        )
