"""`python -m agent lecteur`: pairs the scanner that reads a box now (agent.md §4.1)."""

import argparse
import select
import sys
import time
from pathlib import Path

from agent import dossiers
from agent.appareils.base import DISPOSITIONS, ROLES, Branche, Flux, Partage, Pilote, Reglage
from agent.appareils.evdev import PiloteEvdev
from agent.appareils.gestion import load, save
from agent.appareils.serie import PiloteSerie
from agent.protocol.classification import Motifs
from agent.scanner import Appareil

# A box is always at hand, and its key tells a scanner from a modem or a hand on a keyboard.
PREUVES = {"gs1", "ean13"}


def add_parser(verbes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    lecteur = verbes.add_parser("lecteur", help="associe l'e-lecteur qui lit une boîte maintenant")
    lecteur.add_argument("--dossier", type=Path, default=dossiers.default())
    lecteur.add_argument("--role", choices=ROLES, required=True)
    lecteur.add_argument("--disposition", choices=DISPOSITIONS, default="us")
    lecteur.add_argument("--gs", default="", help="caractère que le lecteur envoie pour GS")
    lecteur.add_argument(
        "--clavier", action="store_true", help="le lecteur est vu comme un clavier"
    )
    lecteur.add_argument("--delai", type=float, default=60.0, help="secondes")
    lecteur.add_argument("--racine", type=Path, default=Path("/"))


def run(options: argparse.Namespace) -> None:
    """Wait for a box on any scanner; write who read it. SystemExit with a sentence without one."""
    sys.stdout.write("Scannez une boîte de médicament avec l'e-lecteur à associer.\n")
    sys.stdout.flush()
    pilotes: list[Pilote] = [PiloteSerie(options.racine)]
    if options.clavier:
        # Listened to, never grabbed: the person's own keyboard is among them.
        pilotes.append(PiloteEvdev(options.racine, exclusif=False))
    reglage = wait_for_box(pilotes, options)
    if reglage is None:
        raise SystemExit(
            "Aucune boîte lue. Vérifiez le câble et le mode du lecteur (port série), recommencez."
        )
    autres = [r for r in load(options.dossier) if r.device != reglage.device]
    save(options.dossier, [*autres, reglage])
    sys.stdout.write(
        f"E-lecteur associé côté {reglage.role} ({reglage.pilote}). Redémarrez l'agent.\n"
    )


def wait_for_box(pilotes: list[Pilote], options: argparse.Namespace) -> Reglage | None:
    """Return the setting of the first scanner that reads a box, None when time is over."""
    ouverts: dict[int, tuple[Flux, Reglage, Appareil]] = {}
    try:
        for pilote in pilotes:
            for branche in pilote.list_plugged():
                reglage = _setting(pilote, branche, options)
                try:
                    flux = pilote.open(branche, reglage)
                except (OSError, Partage):
                    continue
                ouverts[flux.fileno()] = (flux, reglage, Appareil(reglage.device, Motifs()))
        return _first(ouverts, time.monotonic() + options.delai)
    finally:
        for flux, _reglage, _appareil in ouverts.values():
            flux.close()


def _setting(pilote: Pilote, branche: Branche, options: argparse.Namespace) -> Reglage:
    return Reglage(
        options.role,
        options.role,
        pilote.nom,
        branche.identite,
        disposition=options.disposition,
        gs=options.gs[:1],
    )


def _first(ouverts: dict[int, tuple[Flux, Reglage, Appareil]], echeance: float) -> Reglage | None:
    while ouverts and (reste := echeance - time.monotonic()) > 0:
        prets, _, _ = select.select(list(ouverts), [], [], reste)
        for fd in prets:
            flux, reglage, appareil = ouverts[fd]
            try:
                evenements = appareil.feed(flux.read(), time.monotonic())
            except OSError:
                ouverts.pop(fd)[0].close()
                continue
            if any(nom == "scan" and lu["class"] in PREUVES for nom, lu in evenements):
                return reglage
    return None
