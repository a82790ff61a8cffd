"""`manage.py lire_code '<texte>'`: what the product reads in a scanned code, as JSON."""

import json
import re
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
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


_ECHAPPES = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
_ECHAPPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([rnt\\])|)")


def _unescape(trouve: re.Match[str]) -> str:
    octet, unite, court = trouve.groups()
    if octet or unite:
        return chr(int(octet or unite, 16))
    if not court:
        raise CommandError("Échappement inconnu : \\xHH, \\uHHHH, \\r, \\n, \\t ou \\\\.")
    return _ECHAPPES[court]


class Command(BaseCommand):
    """Reads like the screen: same code, same grammars. Exits with 1 when the screen refuses it."""

    help = "Lit un code scanné et imprime son genre, ses champs et ses erreurs (JSON)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Text, and how it came."""
        parser.add_argument("texte")
        parser.add_argument("--canal", choices=["scan", "saisie", "clavier"], default="scan")
        parser.add_argument("--echappe", action="store_true", help="le texte contient des \\xHH")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Print the JSON object; exit with 1 for what is not read."""
        texte: str = options["texte"]
        if options["echappe"]:
            texte = _ECHAPPE.sub(_unescape, texte)
        code = lire_code(texte, options["canal"], motifs_en_vigueur(), nom_produit=_libelle)
        objet = json.dumps(code.as_dict(), ensure_ascii=False, indent=1)
        # A lone surrogate has no UTF-8 form: it leaves as its JSON escape.
        self.stdout.write(objet.encode("utf-8", "backslashreplace").decode())
        if code.suite == "refus" or code.classe in {"inconnu", "rejet"}:
            sys.exit(1)
