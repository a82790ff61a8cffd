"""Authentication backend: an operator is found within the current officine only."""

from django.contrib.auth.backends import BaseBackend

from pharmacy.models import Operateur


class OperateurBackend(BaseBackend):
    """Sessions are opened by `pharmacy.services.connexion`; this only reads them back."""

    def get_user(self, user_id: int) -> Operateur | None:
        """Return the operator of a session, unless they left."""
        return Operateur.objects.filter(pk=user_id, actif=True).first()
