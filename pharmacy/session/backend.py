"""Authentication backend: an operator is found within the current officine only."""

from django.contrib.auth.backends import BaseBackend
from django.db.models import OuterRef

from pharmacy import parametres
from pharmacy.models import Operateur

VERROUILLAGE = "session.verrouillage_minutes"


class OperateurBackend(BaseBackend):
    """Sessions are opened by `pharmacy.services.connexion`; this only reads them back."""

    def get_user(self, user_id: int) -> Operateur | None:
        """Return the operator of a session, unless they left, with the delay before the lock."""
        return (
            Operateur.objects.filter(pk=user_id, actif=True)
            .annotate(verrouillage=parametres.subquery(VERROUILLAGE, OuterRef("officine_id")))
            .first()
        )
