"""`manage.py importer_patients FICHIER`: take over a patient base from the command line."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ins.models import ConstatImport, ImportPatients
from ins.services import reprise
from pharmacy.acteurs import Acteur
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import Operateur
from pharmacy.services.vente import VenteRefusee


class Command(BaseCommand):
    """The same reading and the same writing as the screen, without a worker."""

    help = "Reprend la base de patients d'un autre logiciel (CSV : docs/import.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """File, officine, who answers for it."""
        parser.add_argument("fichier", type=Path)
        parser.add_argument("--finess", default=settings.FINESS_DEMONSTRATION)
        parser.add_argument("--operateur", default="A01", help="code du titulaire qui en répond")
        parser.add_argument("--lire", action="store_true", help="lit et vérifie, n'écrit rien")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Read, print what is wrong by line, write when nothing is."""
        officine_id = officine_of_finess(options["finess"])
        if officine_id is None:
            raise CommandError("Aucune officine ouverte n'a ce FINESS.")
        try:
            octets = options["fichier"].read_bytes()
        except OSError as exc:
            raise CommandError("Ce fichier ne se lit pas.") from exc
        with officine_context(officine_id):
            operateur = Operateur.objects.filter(
                officine_id=officine_id, code=options["operateur"], actif=True
            ).first()
            if operateur is None:
                raise CommandError("Cet opérateur n'existe pas dans cette officine.")
            acteur = Acteur(operateur.pk, officine_id, operateur.role)
            try:
                self._import(acteur, octets, lire=options["lire"])
            except VenteRefusee as exc:
                raise CommandError(f"{exc.phrase} {exc.code}") from exc
            except PermissionError as exc:
                raise CommandError(str(exc)) from exc

    def _import(self, acteur: Acteur, octets: bytes, *, lire: bool) -> None:
        pk = reprise.deposit(acteur, octets).pk
        reprise.advance(acteur.officine_id, pk)
        lue = reprise.import_get(acteur, pk)
        self._print(lue)
        if lue.etat != ImportPatients.Etat.LU:
            raise CommandError("Rien n'est écrit. " + lue.phrase)
        if lire:
            reprise.cancel(acteur, pk)
            self.stdout.write("Lu seulement : rien n'est écrit.")
            return
        reprise.confirm(acteur, pk)
        reprise.advance(acteur.officine_id, pk)
        self.stdout.write(f"{reprise.import_get(acteur, pk).crees} dossiers créés.")

    def _print(self, lue: ImportPatients) -> None:
        self.stdout.write(
            f"{lue.creables} dossiers à créer, {lue.doublons} déjà là, "
            f"{lue.erreurs} lignes à corriger."
        )
        for constat in ConstatImport.objects.filter(
            officine_id=lue.officine_id, importation=lue
        ).order_by("ligne", "pk"):
            self.stdout.write(f"ligne {constat.ligne}, {constat.colonne} : {constat.phrase}")
