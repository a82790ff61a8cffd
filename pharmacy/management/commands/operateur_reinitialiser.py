"""`manage.py operateur_reinitialiser FINESS CODE`: a temporary password, changed at first use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import Operateur
from pharmacy.services.connexion import set_temporaire


class Command(BaseCommand):
    """Prints the temporary password once; the audit keeps the act."""

    help = "Donne un mot de passe temporaire à un opérateur."

    def add_arguments(self, parser: CommandParser) -> None:
        """FINESS and code."""
        parser.add_argument("finess")
        parser.add_argument("code")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Set and print a temporary password."""
        officine_id = officine_of_finess(options["finess"])
        if officine_id is None:
            raise CommandError("Aucune officine ouverte n'a ce FINESS.")
        with officine_context(officine_id), transaction.atomic():
            operateur = Operateur.objects.filter(
                officine_id=officine_id, code=options["code"].upper()
            ).first()
            if operateur is None:
                raise CommandError("Aucun opérateur n'a ce code.")
            if not operateur.actif:
                raise CommandError("Cet opérateur est parti : un titulaire le fait revenir.")
            temporaire = set_temporaire(operateur)
            audit.note_system(officine_id, "operateur.reinitialiser", f"operateur:{operateur.pk}")
        self.stdout.write(f"Mot de passe temporaire : {temporaire}")
