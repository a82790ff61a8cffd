"""Application « pharmacy »."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "pharmacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the routes of the codes the core understands."""
        from pharmacy.scans import register_routes

        register_routes()
