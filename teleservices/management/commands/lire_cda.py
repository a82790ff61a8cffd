"""`manage.py lire_cda FILE`: what a CDA document says, as JSON (support)."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from teleservices.cda import lecteurs

TAILLE_MAX = 20_000_000


class Command(BaseCommand):
    """Read with the same code as the screens; exit 1 with one sentence when it cannot."""

    help = "Lit un document CDA (eP-MED-DM niveau 3) et l'affiche en JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file to read."""
        parser.add_argument("fichier", type=Path)

    def handle(self, *_args: object, fichier: Path, **_options: Any) -> None:  # noqa: ANN401
        """Print the document, or raise the sentence."""
        try:
            if fichier.stat().st_size > TAILLE_MAX:
                raise CommandError("Ce fichier dépasse 20 Mo : ce n'est pas un CDA lisible.")
            octets = fichier.read_bytes()
        except OSError as exc:
            raise CommandError(f"Fichier illisible : {exc.strerror}.") from exc
        try:
            lu = lecteurs.read(octets)
        except lecteurs.CdaIllisible as exc:
            raise CommandError(f"{exc.phrase} ({exc.code})") from exc
        self.stdout.write(json.dumps(lu, ensure_ascii=False, indent=2))
