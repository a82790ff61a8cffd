"""Application « mssante »."""

from django.apps import AppConfig


class MssanteConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "mssante"
    default_auto_field = "django.db.models.BigAutoField"
