"""The agent's log: typed fields only, so that no trait, token, scan or PIN can slip in."""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

_IDENT = re.compile(r"^[A-Za-z0-9_.:\-]{1,64}\Z")
_LONG = re.compile(r"[0-9]{13}")
_FORME = '{"ts":"%(asctime)s","level":"%(levelname)s",%(message)s}'
JOURS, TAILLE_MAX = 14, 20 * 1024 * 1024
DOSSIER = "journaux"
logger = logging.getLogger("agent")


class _Tu(logging.Handler):
    """Says that a library complained, and nothing of what it said: it may quote data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the library and the class of the exception only."""
        genre = record.exc_info[0] if record.exc_info else None
        note("bibliotheque", source=record.name, genre=genre.__name__ if genre else "aucun")


class Fichiers(logging.Handler):
    """One file a day, 0600; fourteen days and twenty mebibytes, the oldest go first (§5.14).

    A disk that refuses is no reason to stop reading cards: the line is lost, standard error has it.
    """

    def __init__(self, dossier: Path, taille_max: int = TAILLE_MAX) -> None:
        super().__init__()
        self.dossier = dossier
        self._taille_max = taille_max
        self._jour = ""
        self._ecrits = 0

    def today(self) -> datetime:
        """Return the day of the file to write."""
        return datetime.now(UTC)

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line to the file of the day."""
        ligne = (self.format(record) + "\n").encode()
        jour = f"{self.today():%Y-%m-%d}"
        try:
            if jour != self._jour or self._ecrits > self._taille_max // 8:
                self._jour, self._ecrits = jour, 0
                self.clean()
            self._ecrits += len(ligne)
            drapeaux = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            fichier = os.open(self.dossier / f"agent-{jour}.jsonl", drapeaux, 0o600)
            try:
                os.write(fichier, ligne)
            finally:
                os.close(fichier)
        except OSError:
            self._jour = ""

    def clean(self) -> None:
        """Remove what is too old, then the oldest until the rest is small enough."""
        self.dossier.mkdir(parents=True, exist_ok=True, mode=0o700)
        debut = f"agent-{self.today() - timedelta(days=JOURS - 1):%Y-%m-%d}.jsonl"
        gardes = []
        for fichier in sorted(self.dossier.glob("agent-*.jsonl"), reverse=True):
            if fichier.name < debut:
                fichier.unlink()
            else:
                gardes.append(fichier)
        total = 0
        for fichier in gardes:
            total += fichier.stat().st_size
            if total > self._taille_max * 7 // 8:
                fichier.unlink()


def start(dossier: Path | None = None) -> None:
    """Write JSON lines on standard error, and in a folder; libraries are reduced to a fact."""
    sorties: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if dossier is not None:
        sorties.append(Fichiers(dossier / DOSSIER))
    for sortie in sorties:
        sortie.setFormatter(logging.Formatter(_FORME))
        logger.addHandler(sortie)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for nom in ("websockets", "asyncio"):
        bavard = logging.getLogger(nom)
        bavard.addHandler(_Tu(logging.WARNING))
        bavard.propagate = False


def note(evenement: str, **champs: int | str) -> None:
    """Log an event; what is no short identifier, or holds a long number, is written « ? »."""
    propres = {nom: tidy(valeur) for nom, valeur in {"event": evenement, **champs}.items()}
    logger.info("%s", json.dumps(propres)[1:-1])


def tidy(valeur: int | str) -> int | str:
    """Return a value that may be written. Thirteen digits in a row might be a matricule INS."""
    texte = str(valeur)
    return "?" if _LONG.search(texte) or not _IDENT.match(texte) else valeur
