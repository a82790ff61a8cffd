"""Application « config »: system checks and the commands that look at the whole house."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Registers the system checks."""

    name = "config"

    def ready(self) -> None:
        """Import the checks."""
        from config import checks

        del checks
