"""Application « ordonnance »."""

from django.apps import AppConfig


class OrdonnanceConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "ordonnance"
    default_auto_field = "django.db.models.BigAutoField"
