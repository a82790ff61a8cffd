"""Application « dmp »."""

from django.apps import AppConfig


class DmpConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "dmp"
    default_auto_field = "django.db.models.BigAutoField"
