"""Which driver of cards this agent runs, from its command line."""

import argparse
from pathlib import Path

from agent.cards.base import Emettre
from agent.cards.pcsc import scard
from agent.cards.pcsc.pilote import VITALES, PilotePcsc
from agent.cards.scripted import PiloteScripte


def add_options(servir: argparse.ArgumentParser) -> None:
    """Declare the options of the drivers."""
    servir.add_argument("--pilote", choices=["scripte", "pcsc"], default="scripte")
    servir.add_argument("--commande", type=Path, help="prise de commande (pilote scripte)")
    servir.add_argument("--cartes-tls", type=Path, help="clés des cartes (pilote scripte)")
    servir.add_argument(
        "--vitale",
        choices=sorted(VITALES),
        default="sesam",
        help="ce qui lit la carte Vitale (pilote pcsc) : le composant officiel, ou notre lecture "
        "minimale, qui n'est pas homologuée",
    )


def build(options: argparse.Namespace, emettre: Emettre) -> PiloteScripte | PilotePcsc:
    """Return the driver asked for; SystemExit with a sentence when an option is missing."""
    if options.pilote == "pcsc":
        return PilotePcsc(scard.load(), emettre, options.dossier, options.vitale)
    if options.commande is None or options.cartes_tls is None:
        raise SystemExit("Le pilote scripte demande --commande et --cartes-tls.")
    return PiloteScripte(options.cartes_tls, emettre, options.dossier / "essais.json")
