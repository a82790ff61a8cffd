"""What the process is told at its start."""

import argparse
import os
import sys

MODE_DEMONSTRATION = "simulateur"


def declare_options(analyse: argparse.ArgumentParser) -> None:
    """Add the options of this service; leave when the environment is the one of real people."""
    if os.environ.get("COMPTOIR_ENVIRONNEMENT", MODE_DEMONSTRATION) == "production":
        sys.exit("Le simulateur de Pro Santé Connect ne démarre pas en production.")
    analyse.add_argument("--portail-port", type=int, default=0)
    analyse.add_argument(
        "--portail-http", action="store_true", help="browsers do not know the test authority"
    )
    analyse.add_argument("--retour", action="append", default=[], help="a declared redirect URI")
    analyse.add_argument(
        "--apres-deconnexion", action="append", default=[], help="a declared post-logout URI"
    )
    analyse.add_argument("--deconnexion-serveur", default="", help="back-channel logout URI")
    analyse.add_argument("--secret", default="", help="of the client that has one")
    analyse.add_argument("--ciba-intervalle", type=int, default=5, help="seconds between polls")
