"""`manage.py officine_ouvrir FINESS RAISON_SOCIALE CODE NOM PRENOM`: an officine, its titulaire."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from pharmacy.models import Officine, Operateur
from pharmacy.rules.rpps import is_rpps
from pharmacy.services.hebergement import officine_find, officine_open


class Command(BaseCommand):
    """Prints the temporary password of the titulaire once; postes are added on the screen."""

    help = "Ouvre une officine et donne à son titulaire un mot de passe temporaire."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, where."""
        for nom in ("finess", "raison_sociale", "code", "nom", "prenom"):
            parser.add_argument(nom)
        parser.add_argument("--adresse", default="")
        parser.add_argument("--numero-am", default="", help="numéro Assurance Maladie")
        parser.add_argument("--rpps", default="", help="RPPS du titulaire")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Open, and print what the titulaire must type first."""
        if options["rpps"] and not is_rpps(options["rpps"]):
            raise CommandError("Ce RPPS n'en est pas un : onze chiffres, le dernier contrôlé.")
        if officine_find(options["finess"]) is not None:
            raise CommandError("Une officine de cette installation a déjà ce FINESS.")
        officine = Officine(
            finess=options["finess"],
            nom=options["raison_sociale"],
            adresse=options["adresse"],
            numero_am=options["numero_am"],
        )
        titulaire = Operateur(
            code=options["code"].upper(),
            nom=options["nom"],
            prenom=options["prenom"],
            rpps=options["rpps"],
        )
        try:
            temporaire = officine_open(officine, titulaire)
        except IntegrityError as exc:
            raise CommandError("Ce FINESS n'a pas la forme d'un FINESS.") from exc
        self.stdout.write(f"Officine {officine.finess} ouverte. Titulaire : {titulaire.code}.")
        self.stdout.write(f"Mot de passe temporaire : {temporaire}")
