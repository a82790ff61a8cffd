"""`manage.py operateur_reinitialiser FINESS CODE`: a temporary password, changed at first use.

With `--totp`, the second factor is removed instead; for a day, it is activated from any browser.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import Operateur
from pharmacy.services.connexion import set_temporaire
from pharmacy.services.second_facteur import reset_by_host


class Command(BaseCommand):
    """Prints the temporary password once; the audit keeps the act."""

    help = "Donne un mot de passe temporaire à un opérateur."

    def add_arguments(self, parser: CommandParser) -> None:
        """FINESS, code, and what to reset."""
        parser.add_argument("finess")
        parser.add_argument("code")
        parser.add_argument("--totp", action="store_true", help="retire le second facteur")

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
            if options["totp"]:
                reset_by_host(operateur)
                self.stdout.write("Second facteur retiré : un autre s'active à la connexion.")
                return
            temporaire = set_temporaire(operateur)
            audit.note_system(officine_id, "operateur.reinitialiser", f"operateur:{operateur.pk}")
        self.stdout.write(f"Mot de passe temporaire : {temporaire}")
