"""`manage.py officine_suspendre FINESS`: nobody works there any more, nothing is lost."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pharmacy.services.hebergement import officine_find, officine_suspend


class Command(BaseCommand):
    """Closes the sessions at once; what is to send waits."""

    help = "Suspend une officine : sessions fermées, connexions refusées, envois gardés en place."

    def add_arguments(self, parser: CommandParser) -> None:
        """FINESS."""
        parser.add_argument("finess")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Suspend, and print how many sessions were closed."""
        officine = officine_find(options["finess"])
        if officine is None:
            raise CommandError("Aucune officine de cette installation n'a ce FINESS.")
        if not officine.active:
            raise CommandError("Cette officine est déjà suspendue.")
        fermees = officine_suspend(officine)
        self.stdout.write(f"Officine {officine.finess} suspendue, {fermees} session(s) fermée(s).")
