"""Small files of this workstation: read by this user only, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_private(fichier: Path, octets: bytes, *, durable: bool = False) -> None:
    """Write a file that only this user reads. `durable`: it is on the disk before this returns."""
    fichier.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    provisoire = fichier.with_suffix(".tmp")
    provisoire.unlink(missing_ok=True)
    with os.fdopen(
        os.open(provisoire, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
    ) as sortie:
        sortie.write(octets)
        if durable:
            sortie.flush()
            os.fsync(sortie.fileno())
    provisoire.replace(fichier)


def write_object(fichier: Path, objet: object, *, durable: bool = False) -> None:
    """Write an object as JSON (see `write_private`)."""
    texte = json.dumps(objet, ensure_ascii=False, indent=1, sort_keys=True)
    write_private(fichier, texte.encode(), durable=durable)


def read_object(fichier: Path) -> dict[str, Any]:
    """Return the object of a JSON file; an empty one when the file is lost or broken."""
    try:
        lu = json.loads(fichier.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return lu if isinstance(lu, dict) else {}
