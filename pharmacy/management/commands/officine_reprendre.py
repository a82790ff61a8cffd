"""`manage.py officine_reprendre FINESS`: an officine that was suspended works again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pharmacy.services.hebergement import officine_find, officine_resume


class Command(BaseCommand):
    """What waited leaves by itself."""

    help = "Rétablit une officine suspendue ; ce qui attendait part seul."

    def add_arguments(self, parser: CommandParser) -> None:
        """FINESS."""
        parser.add_argument("finess")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Take it up again."""
        officine = officine_find(options["finess"])
        if officine is None:
            raise CommandError("Aucune officine de cette installation n'a ce FINESS.")
        if officine.active:
            raise CommandError("Cette officine n'est pas suspendue.")
        officine_resume(officine)
        self.stdout.write(f"Officine {officine.finess} rétablie.")
