"""Application « ins »."""

from django.apps import AppConfig


class InsConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "ins"
    default_auto_field = "django.db.models.BigAutoField"
