"""Application « psc »."""

from django.apps import AppConfig


class PscConfig(AppConfig):
    """Wires the app: system checks; screens and panels come with them."""

    name = "psc"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and how its tokens are sealed again when keys rotate."""
        from pharmacy.services.cles import register_scelle
        from psc import checks, coffre

        register_scelle("psc.SessionPsc", "jetons", coffre.renew)
        del checks
