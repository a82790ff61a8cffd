"""`python -m agent`: make the workstation's key, serve, look at what is plugged in."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import IO

from agent import VERSION, diagnostic, dossiers, enroler, journal, jws, lecture, session_os
from agent.appareils import association
from agent.appareils.evdev import PiloteEvdev
from agent.appareils.gestion import Appareils
from agent.appareils.gestion import load as appareils_associes
from agent.appareils.serie import PiloteSerie
from agent.cards import montage
from agent.cards.base import Pilote
from agent.cards.commande import Commande, Geste, describe_window
from agent.cards.pcsc.pilote import PilotePcsc
from agent.cards.scripted import PiloteScripte
from agent.confiance import load_enrolment, load_key
from agent.diagnostic import PORTS
from agent.fenetre.lien import Fenetre
from agent.fichiers import write_object
from agent.maj.depot import Depot
from agent.maj.service import RELANCER, MiseAJour
from agent.receipts import Registre
from agent.server import Agent
from agent.server.relais import Relais
from agent.suivi import Suivi

FENETRES = {"pcsc": "tk", "scripte": "aucune"}


def lock(dossier: Path) -> IO[str]:
    """Take the lock of this folder: one agent at a time."""
    verrou = (dossier / "agent.lock").open("w")
    try:
        fcntl.flock(verrou, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise SystemExit("Un agent tourne déjà avec ce dossier.") from exc
    return verrou


def write_ready(chemin: Path | None, port: int) -> None:
    """Tell the launcher that connections are accepted."""
    if chemin is not None:
        write_object(chemin, {"pid": os.getpid(), "port": port})


def build(options: argparse.Namespace) -> tuple[Agent, Suivi, Appareils]:
    """Return this workstation's agent, who follows the server, and its scanners: none open yet."""
    enrolement, motifs = load_enrolment(options.dossier)
    registre = Registre(load_key(options.dossier, create=False), enrolement, options.dossier)
    agent = Agent(enrolement, registre, motifs)
    agent.pilote = pilote = montage.build(options, agent.onglets.broadcast)
    pilote.codes.limit(enrolement.code_minutes)
    if (options.fenetre or FENETRES[options.pilote]) == "tk":
        Fenetre(pilote.codes)
    agent.suivi = suivi = Suivi(agent, options.dossier)
    agent.appareils = appareils = Appareils(
        appareils_associes(options.dossier),
        [PiloteSerie(options.racine), PiloteEvdev(options.racine)],
        agent.scans,
        agent.on_scanners,
    )
    return agent, suivi, appareils


@contextlib.asynccontextmanager
async def readers_running(
    options: argparse.Namespace, agent: Agent, pilote: Pilote
) -> AsyncIterator[None]:
    """Open the readers, or the socket by which a tray or a test plays them; close them after."""
    if isinstance(pilote, PiloteScripte):
        commande = await Commande(
            pilote, agent.scans.on_bytes, partial(etat, agent, pilote), build_acts(agent, pilote)
        ).serve(options.commande)
        yield
        commande.close()
        options.commande.unlink(missing_ok=True)
    elif isinstance(pilote, PilotePcsc):
        await pilote.start()
        yield
        await pilote.stop()


async def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code."""
    agent, suivi, appareils = build(options)
    fin = asyncio.Event()
    codes: list[int] = []
    agent.maj = maj = MiseAJour(agent, Depot(options.dossier / "maj"), lambda: leave(fin, codes))
    boucle = asyncio.get_running_loop()
    for signal_fin in (signal.SIGTERM, signal.SIGINT):
        boucle.add_signal_handler(signal_fin, fin.set)
    serveur = await agent.listen(options.port or PORTS)
    suites = [
        agent.beat(),
        suivi.run(),
        Relais(agent).run(),
        session_os.watch(agent.on_lock, agent.on_wake),
        appareils.watch(),
        *([maj.run()] if options.maj else []),
    ]
    taches = [asyncio.create_task(suite) for suite in suites]
    async with readers_running(options, agent, agent.pilote):
        journal.note("pret", port=agent.porte.port)
        if options.maj:
            maj.note_ready()
        write_ready(options.pret, agent.porte.port)
        await fin.wait()
        for tache in taches:
            tache.cancel()
        appareils.close()
    serveur.close(close_connections=True)
    if options.pret is not None:
        options.pret.unlink(missing_ok=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serveur.wait_closed(), 3)
    journal.note("fini")
    return codes[0] if codes else 0


def leave(fin: asyncio.Event, codes: list[int]) -> None:
    """End so that the service starts the version just applied."""
    codes.append(RELANCER)
    fin.set()


def build_acts(agent: Agent, pilote: PiloteScripte) -> dict[str, Geste]:
    """Return what a tray or a test may play of the machine: its session, its sleep, its faults."""
    return {
        "session": lambda demande: agent.on_lock(bool(demande["locked"])),
        "wake": lambda _demande: agent.on_wake(),
        "degrade": lambda demande: degrade(agent, pilote, demande["names"]),
    }


def degrade(agent: Agent, pilote: PiloteScripte, noms: list[str]) -> None:
    """Play what does not work on this poste: `pcsc`, `scanner`."""
    pilote.pannes = [str(nom) for nom in noms]
    agent.tell_status()


def etat(agent: Agent, pilote: PiloteScripte) -> dict[str, object]:
    """Return what the tray shows: readers, cards by label, the PIN window."""
    return {
        "readers": [
            {
                "name": nom,
                "kind": nom,
                "plugged": poste.branche,
                "card": {
                    "kind": poste.carte["kind"],
                    "label": poste.carte.get("label"),
                    "insertion_id": poste.insertion,
                }
                if poste.carte
                else None,
            }
            for nom, poste in pilote.postes.items()
        ],
        "scanners": ["comptoir", "patient"],
        "pin_window": describe_window(pilote.codes.vue),
        "connections": len(agent.onglets.connexions),
        "enrolled": agent.enrole,
        "focus": agent.onglets.focus is not None,
    }


def parser() -> argparse.ArgumentParser:
    """Return what the command line may say."""
    analyse = argparse.ArgumentParser(prog="agent-poste")
    verbes = analyse.add_subparsers(dest="verbe", required=True)
    cle = verbes.add_parser("cle", help="crée la clé du poste et imprime sa moitié publique")
    cle.add_argument("--dossier", type=Path, default=dossiers.default())
    servir = verbes.add_parser("servir", help="sert la page de l'officine")
    servir.add_argument("--dossier", type=Path, default=dossiers.default())
    servir.add_argument("--port", type=int, nargs="+", help="le premier libre est pris")
    montage.add_options(servir)
    servir.add_argument("--pret", type=Path)
    servir.add_argument(
        "--racine", type=Path, default=Path("/"), help="où sont /sys et /dev (essais)"
    )
    servir.add_argument("--maj", action="store_true", help="se met à jour (lancé par le service)")
    servir.add_argument(
        "--fenetre",
        choices=["tk", "aucune"],
        help="ce qui demande le code porteur : une fenêtre (pcsc), ou la prise de commande",
    )
    diagnose = verbes.add_parser("diagnose", help="dit ce qui manque à ce poste")
    diagnose.add_argument("--dossier", type=Path, default=dossiers.default())
    lecture.add_parser(verbes)
    association.add_parser(verbes)
    enrole = verbes.add_parser("enroler", help="associe ce poste par le code de « Postes »")
    enrole.add_argument("--dossier", type=Path, default=dossiers.default())
    enrole.add_argument("--serveur", required=True)
    enrole.add_argument("--code", default="")
    analyse.add_argument("--version", action="version", version=VERSION)
    return analyse


def main() -> int:
    """Do what the command line asks; return the exit code."""
    options = parser().parse_args()
    if options.verbe == "cle":
        sys.stdout.write(jws.public_raw(load_key(options.dossier, create=True)) + "\n")
        return 0
    if options.verbe == "enroler":
        enroler.run(options.dossier, options.serveur, options.code)
        return 0
    if options.verbe == "diagnose":
        return diagnostic.run(options.dossier)
    if options.verbe == "read":
        return lecture.run(options)
    journal.start(options.dossier)
    if options.verbe == "lecteur":
        association.run(options)
        return 0
    verrou = lock(options.dossier)
    try:
        return asyncio.run(run(options))
    finally:
        verrou.close()


if __name__ == "__main__":
    sys.exit(main())
