"""`manage.py operateur_debloquer FINESS CODE`: free an operator locked out of every poste."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import VerrouConnexion


class Command(BaseCommand):
    """For whoever keeps the machine, when the titulaire is the one locked out."""

    help = "Débloque un opérateur après trop d'essais."

    def add_arguments(self, parser: CommandParser) -> None:
        """FINESS and code."""
        parser.add_argument("finess")
        parser.add_argument("code")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Erase the failures."""
        officine_id = officine_of_finess(options["finess"])
        if officine_id is None:
            raise CommandError("Aucune officine ouverte n'a ce FINESS.")
        with officine_context(officine_id), transaction.atomic():
            effaces = VerrouConnexion.objects.filter(
                officine_id=officine_id, code=options["code"].upper()
            ).update(echecs=0, bloque_jusqua=None)
            audit.note_system(officine_id, "operateur.debloquer")
        self.stdout.write(f"{effaces} verrou(s) levé(s).")
