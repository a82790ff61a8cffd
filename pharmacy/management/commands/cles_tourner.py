"""`manage.py cles_tourner`: write again, under the current keys, what former keys wrote."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.isolation.portes import officine_ids
from pharmacy.services import cles


class Command(BaseCommand):
    """By short batches, while the product works; started again, it does what is left.

    The processes of the product must already have the new key first: else they go on writing under
    the former one.
    """

    help = "Rechiffre par lots ce que les anciennes clés ont écrit, officine par officine."

    def add_arguments(self, parser: CommandParser) -> None:
        """One officine, or all of them."""
        parser.add_argument("--finess", help="une seule officine")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Print what was written in each officine, then what is left; exit 1 when some is."""
        officines = officine_ids()
        if options["finess"]:
            officine_id = officine_of_finess(options["finess"])
            if officine_id is None:
                raise CommandError("Aucune officine ouverte n'a ce FINESS.")
            officines = [officine_id]
        restes = 0
        for officine_id in officines:
            with officine_context(officine_id):
                try:
                    restes += self._one(officine_id, bavard=options["verbosity"] > 1)
                except ValueError as exc:
                    raise CommandError(
                        f"Officine {officine_id} : une valeur ne s'ouvre sous aucune clé donnée. "
                        "Remettez l'ancienne clé, puis relancez."
                    ) from exc
        if restes:
            raise CommandError(
                f"{restes} valeur(s) restent sous une autre clé : gardez les anciennes, relancez."
            )
        self.stdout.write("Tout est sous les clés courantes.")

    def _one(self, officine_id: int, *, bavard: bool) -> int:
        """Rotate an officine; return how many values stay under another key."""
        faites: Counter[str] = Counter()
        for colonne, nombre in cles.rotate(officine_id):
            faites[colonne] += nombre
            if bavard:
                self.stdout.write(f"  {colonne} : {faites[colonne]}")
                self.stdout.flush()
        if faites:
            audit.note_system(officine_id, "cle.tourner")
        self.stdout.write(f"Officine {officine_id} : {faites.total()} valeur(s) réécrites.")
        return cles.left(officine_id)
