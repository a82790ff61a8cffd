"""Application « psc »."""

from django.apps import AppConfig


class PscConfig(AppConfig):
    """Wires the app: system checks; screens and panels come with them."""

    name = "psc"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from psc import checks

        del checks
