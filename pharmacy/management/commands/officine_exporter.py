"""`manage.py officine_exporter FINESS --sortie FICHIER --cle FICHIER`: an officine leaves whole."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pharmacy.archive import CLE_MIN, ArchiveIllisible, read_archive
from pharmacy.services.export import export_officine
from pharmacy.services.hebergement import officine_find


class Command(BaseCommand):
    """Writes an encrypted archive as it reads; the format is in docs/export.md."""

    help = "Exporte les données d'une officine dans une archive chiffrée, ou en rend le contenu."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which officine, where, under which key; or which archive to open."""
        parser.add_argument("finess", nargs="?", default="")
        parser.add_argument("--sortie", required=True, type=Path, help="fichier, qui n'existe pas")
        parser.add_argument(
            "--cle", default="-", help=f"fichier de la clé ({CLE_MIN} caractères) ; « - » : entrée"
        )
        parser.add_argument("--ouvrir", type=Path, help="archive à déchiffrer dans la sortie (tar)")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Export or open; nothing is left of a file that could not be finished."""
        cle = _read_key(options["cle"])
        if len(cle) < CLE_MIN:
            raise CommandError(
                f"La clé a moins de {CLE_MIN} caractères : faites-la par "
                "« openssl rand -base64 32 »."
            )
        sortie: Path = options["sortie"]
        try:
            fd = os.open(sortie, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise CommandError(f"{sortie} : {exc.strerror}. Donnez un fichier neuf.") from exc
        fini = False
        try:
            with os.fdopen(fd, "wb") as fichier:
                if options["ouvrir"]:
                    self._open(options["ouvrir"], fichier, cle)
                else:
                    self._export(options["finess"], fichier, cle)
            fini = True
        finally:
            if not fini:
                sortie.unlink()

    def _export(self, finess: str, fichier: Any, cle: str) -> None:  # noqa: ANN401
        officine = officine_find(finess)
        if officine is None:
            raise CommandError("Aucune officine de cette installation n'a ce FINESS.")
        comptes = export_officine(officine, fichier, cle)
        self.stdout.write(f"{sum(comptes.values())} lignes de {len(comptes)} tables exportées.")

    def _open(self, archive: Path, fichier: Any, cle: str) -> None:  # noqa: ANN401
        try:
            with archive.open("rb") as lue:
                for morceau in read_archive(lue, cle):
                    fichier.write(morceau)
        except ArchiveIllisible as exc:
            raise CommandError("Cette clé n'ouvre pas cette archive, ou elle est abîmée.") from exc
        except OSError as exc:
            raise CommandError(f"{archive} : {exc.strerror}.") from exc
        self.stdout.write("Archive ouverte.")


def _read_key(source: str) -> str:
    try:
        texte = sys.stdin.readline() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, ValueError) as exc:
        raise CommandError("Le fichier de la clé n'est pas lisible.") from exc
    return texte.strip()
