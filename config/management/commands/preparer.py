"""`manage.py preparer`: migrations, reference and demonstration data, enrolment, at once."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from pharmacy.referentiel import medicaments


class Command(BaseCommand):
    """What the launcher runs before the product starts."""

    help = "Prépare la base de l'environnement « simulateur »."

    def add_arguments(self, parser: CommandParser) -> None:
        """Key of the agent and where its enrolment goes."""
        parser.add_argument("--cle-publique")
        parser.add_argument("--sortie", type=Path)
        parser.add_argument("--sans-migrations", action="store_true")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Run each step; the first failure stops the start."""
        if not options["sans_migrations"]:
            call_command("migrate", database="proprietaire", interactive=False, verbosity=0)
            medicaments.load()
            call_command("demonstration")
        if options["cle_publique"]:
            call_command(
                "agent_enroler",
                poste="comptoir-1",
                cle_publique=options["cle_publique"],
                origine=settings.ADRESSE,
                sortie=options["sortie"],
            )
