"""`manage.py lire_code '<texte>'`: what the product reads in a scanned code, as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from agent.protocol.classification import lire_code
from pharmacy.motifs import motifs_en_vigueur
from pharmacy.selectors.produit import produit_libelle


def _libelle(cip: str) -> str | None:
    """Name a product when the base answers; a code is read all the same without it."""
    try:
        return produit_libelle(cip)
    except DatabaseError:
        return None


class Command(BaseCommand):
    r"""Reads like the screen: same code, same grammars. `\xHH`, `\r`, `\t` may be escaped."""

    help = "Lit un code scanné et imprime son genre, ses champs et ses erreurs (JSON)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Text, and how it came."""
        parser.add_argument("texte")
        parser.add_argument("--canal", choices=["scan", "saisie", "clavier"], default="scan")
        parser.add_argument("--echappe", action="store_true", help="le texte contient des \\xHH")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Print the JSON object."""
        texte: str = options["texte"]
        if options["echappe"]:
            texte = texte.encode("latin-1", "backslashreplace").decode("unicode_escape")
        code = lire_code(texte, options["canal"], motifs_en_vigueur(), nom_produit=_libelle)
        self.stdout.write(json.dumps(code.as_dict(), ensure_ascii=False, indent=1))
