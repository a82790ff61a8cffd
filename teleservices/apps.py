"""Application « teleservices »."""

from django.apps import AppConfig


class TeleservicesConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "teleservices"
    default_auto_field = "django.db.models.BigAutoField"
