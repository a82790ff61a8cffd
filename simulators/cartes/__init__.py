"""Virtual cards, one JSON file each (agent.md §7). All persons are fictitious."""

import json
from pathlib import Path
from typing import Any

DOSSIER = Path(__file__).parent


def carte_list(genre: str = "") -> list[dict[str, Any]]:
    """Return the cards (of one kind), usual ones first, their file name under `fichier`."""
    cartes = []
    for chemin in sorted(DOSSIER.glob("*.json")):
        carte = json.loads(chemin.read_text(encoding="utf-8"))
        if not genre or carte["kind"] == genre:
            cartes.append({**carte, "fichier": chemin.stem})
    return sorted(cartes, key=lambda c: c.get("ordre", 5))


def read_card(nom: str) -> dict[str, Any]:
    """Return one card file by its name: `vitale-01` of the tray, `banc/vitale-01` of the tests."""
    carte: dict[str, Any] = json.loads((DOSSIER / f"{nom}.json").read_text(encoding="utf-8"))
    return carte
