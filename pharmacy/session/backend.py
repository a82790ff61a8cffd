"""Authentication backend: an operator is found within the current officine only."""

from django.contrib.auth.backends import BaseBackend
from django.db.models import OuterRef

from pharmacy import parametres
from pharmacy.models import Operateur
from pharmacy.models.administration import modes_of_row
from pharmacy.models.habilitation import ecarts_of_row

VERROUILLAGE = "session.verrouillage_minutes"


class OperateurBackend(BaseBackend):
    """Sessions are opened by `pharmacy.services.connexion`; this only reads them back."""

    def get_user(self, user_id: int) -> Operateur | None:
        """Return the operator of a session, unless they left: with the delay before the lock,
        what the titulaire decided of their rights, and their modes of administration. One query.
        """
        return (
            Operateur.objects.en_poste()
            .filter(pk=user_id)
            .annotate(
                verrouillage=parametres.subquery(VERROUILLAGE, OuterRef("officine_id")),
                ecarts=ecarts_of_row(),
                modes=modes_of_row(),
            )
            .first()
        )
