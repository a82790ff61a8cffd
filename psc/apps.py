"""Application « psc »."""

from django.apps import AppConfig


class PscConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "psc"
    default_auto_field = "django.db.models.BigAutoField"
