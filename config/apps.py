"""Application « config »: system checks and the commands that look at the whole house."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Registers the system checks, and makes our Celery app the current one in every process."""

    name = "config"

    def ready(self) -> None:
        """Import the checks and the bell."""
        from config import celery, checks

        celery.app.set_default()
        del checks
