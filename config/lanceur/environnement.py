"""`python manage.py X` finds the running stack of this checkout by itself."""

import json
import os
from pathlib import Path

from config.lanceur.dossiers import data_folder
from config.lanceur.noyau import birth


def fichier_env(donnees: Path | None = None) -> Path:
    """Return where the environment of the running stack is written (mode 0600)."""
    return (donnees or data_folder()) / "env.json"


def charger() -> None:
    """Load that environment when none is given and the stack is alive."""
    if "COMPTOIR_BASE_HOTE" in os.environ:
        return
    try:
        contenu = json.loads(fichier_env().read_text(encoding="utf-8"))
        os.kill(int(contenu["pid"]), 0)
        vivante = birth(int(contenu["pid"])) == contenu["naissance"]
    except (OSError, ValueError, KeyError):
        return
    if not vivante:
        return
    os.environ.update(contenu["env"])
