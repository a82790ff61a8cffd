"""Which driver of cards this agent runs, from its command line."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from agent.cards.base import Emettre
from agent.cards.code_porteur import CodePorteur
from agent.cards.cps.usage import Acces
from agent.cards.pcsc import scard
from agent.cards.pcsc.cps import AccesPcsc
from agent.cards.pcsc.lecteurs import Lecteurs
from agent.cards.pcsc.pilote import VITALES, PilotePcsc
from agent.cards.pkcs11.acces import AccesPkcs11
from agent.cards.pkcs11.bibliotheque import find_library
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
    servir.add_argument(
        "--cps",
        choices=["pkcs11", "apdu"],
        default="pkcs11",
        help="ce qui lit la CPS (pilote pcsc) : la bibliothèque officielle, ou nos commandes, "
        "dont les références de clés ne sont pas confirmées",
    )
    servir.add_argument("--pkcs11", default="", help="chemin de la bibliothèque officielle")


def _cps(options: argparse.Namespace) -> Callable[[Lecteurs], Acces]:
    """Return what makes the way to a CPS, once the readers are known."""
    if options.cps == "apdu":
        return AccesPcsc
    chemin = find_library(
        sys.platform, os.environ, bits=64 if sys.maxsize > 2**32 else 32, donne=options.pkcs11
    )

    def make(lecteurs: Lecteurs) -> Acces:
        def name(ident: str) -> str:
            return next((p.nom for p in lecteurs.prises.values() if p.ident == ident), ident)

        return AccesPkcs11(chemin, name)

    return make


def build(options: argparse.Namespace, emettre: Emettre) -> PiloteScripte | PilotePcsc:
    """Return the driver asked for; SystemExit with a sentence when an option is missing."""
    codes = CodePorteur(emettre)
    if options.pilote == "pcsc":
        vitale, cps = options.vitale, _cps(options)
        return PilotePcsc(scard.load(), emettre, options.dossier, vitale, cps, codes)
    if options.commande is None or options.cartes_tls is None:
        raise SystemExit("Le pilote scripte demande --commande et --cartes-tls.")
    return PiloteScripte(options.cartes_tls, emettre, options.dossier / "essais.json", codes)
