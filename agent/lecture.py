"""`python -m agent read`: read the card in a reader once and print what the counter would get."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from agent import dossiers
from agent.cards import montage
from agent.cards.base import Carte
from agent.cards.pcsc.pilote import PilotePcsc
from agent.cards.scripted import PiloteScripte
from agent.protocol.messages import ERREURS, ErreurAgent

ATTENTE_S = 3.0
TOUR_S = 0.05


def add_parser(verbes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the verb."""
    lire = verbes.add_parser("read", help="lit une carte et l'imprime : elle nomme une personne")
    lire.add_argument("--dossier", type=Path, default=dossiers.default())
    lire.add_argument("--genre", choices=["vitale", "cps"], default="vitale")
    lire.add_argument("--json", action="store_true", help="l'objet normalisé, en JSON")
    lire.add_argument("--carte", type=Path, help="fichier de carte (pilote scripte)")
    montage.add_options(lire)


async def read(options: argparse.Namespace) -> dict[str, Any]:
    """Return the normalised object. Raises ErreurAgent."""
    if options.pilote == "scripte":
        options.commande = options.commande or options.dossier / "read.sock"
        options.cartes_tls = options.cartes_tls or options.dossier
    pilote = montage.build(options, lambda *_: None)
    if isinstance(pilote, PiloteScripte):
        if options.carte is None:
            raise ErreurAgent("E_NO_CARD")
        fichier = json.loads(options.carte.read_text(encoding="utf-8"))
        pilote.inserer(options.genre, fichier)
        return await _read(pilote, options.genre)
    await pilote.start()
    try:
        return await _read(pilote, options.genre)
    finally:
        await pilote.stop()


async def _read(pilote: PiloteScripte | PilotePcsc, genre: str) -> dict[str, Any]:
    """Read once the card is seen: the readers are found while we wait, three seconds at most."""
    fin = time.monotonic() + ATTENTE_S
    while (carte := _card(pilote, genre, encore=time.monotonic() < fin)) is None:
        await asyncio.sleep(TOUR_S)
    return await (pilote.lire_vitale(carte) if genre == "vitale" else pilote.lire_cps(carte))


def _card(pilote: PiloteScripte | PilotePcsc, genre: str, *, encore: bool) -> Carte | None:
    """Return the card, None while the readers are being found. Raises ErreurAgent."""
    try:
        return pilote.carte(genre)
    except ErreurAgent:
        if encore and isinstance(pilote, PilotePcsc):
            return None
        raise


def run(options: argparse.Namespace) -> int:
    """Print the card; 1 with a sentence and its code when there is nothing to print."""
    try:
        objet = asyncio.run(read(options))
    except ErreurAgent as erreur:
        sys.stderr.write(f"{ERREURS[erreur.code][1]} {erreur.code}\n")
        return 1
    except (OSError, ValueError, KeyError):
        sys.stderr.write("Ce fichier n'est pas celui d'une carte de simulation.\n")
        return 1
    if options.json:
        sys.stdout.write(json.dumps(objet, ensure_ascii=False, indent=1) + "\n")
        return 0
    sys.stdout.write(f"Carte lue ({options.genre}), {len(objet)} champs. Ajoutez --json.\n")
    return 0
