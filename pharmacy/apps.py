"""Application « pharmacy »."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "pharmacy"
    default_auto_field = "django.db.models.BigAutoField"
