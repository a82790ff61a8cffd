"""`manage.py agent_enroler`: attach an agent's key to a poste, write what the agent must know."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import Poste
from pharmacy.postes.configuration import build_enrolment
from pharmacy.postes.services import PosteRevoque, enrol_local


class Command(BaseCommand):
    """Used by the launcher in the `simulateur` environment, and by an installer."""

    help = "Associe la clé d'un agent à un poste et écrit son fichier d'enrôlement."

    def add_arguments(self, parser: CommandParser) -> None:
        """Poste, key, origin, output."""
        parser.add_argument("--finess", default=settings.FINESS_DEMONSTRATION)
        parser.add_argument("--poste", required=True)
        # Not « required »: argparse would take a key that begins with « - » for an option.
        parser.add_argument("--cle-publique", default="", metavar="=CLÉ")
        parser.add_argument("--origine", required=True)
        parser.add_argument("--sortie", required=True, type=Path)
        parser.add_argument("--retablir", action="store_true", help="rétablit un poste révoqué")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Write the enrolment file (mode 0600)."""
        if not options["cle_publique"]:
            raise CommandError("Donnez la clé de l'agent : --cle-publique=CLÉ.")
        officine_id = officine_of_finess(options["finess"])
        if officine_id is None:
            raise CommandError("Aucune officine ouverte n'a ce FINESS.")
        with officine_context(officine_id), transaction.atomic():
            poste = (
                Poste.objects.select_related("officine")
                .filter(code=options["poste"], officine_id=officine_id)
                .first()
            )
            if poste is None:
                raise CommandError("Ce poste n'existe pas.")
            try:
                enrol_local(poste, options["cle_publique"], retablir=options["retablir"])
            except PosteRevoque as exc:
                raise CommandError("Ce poste est révoqué. Pour le rétablir : --retablir.") from exc
            except ValueError as exc:
                raise CommandError("La clé publique n'est pas une clé Ed25519.") from exc
            poste.refresh_from_db()
            contenu = build_enrolment(poste, options["origine"])
        sortie: Path = options["sortie"]
        sortie.touch(mode=0o600)
        sortie.write_text(json.dumps(contenu, ensure_ascii=False, indent=1), encoding="utf-8")
