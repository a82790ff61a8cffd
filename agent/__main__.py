"""`python -m agent`: make the workstation's key, serve, look at what is plugged in."""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import journal, jws
from agent.appareils import association
from agent.appareils.evdev import PiloteEvdev
from agent.appareils.gestion import Appareils
from agent.appareils.gestion import load as appareils_associes
from agent.appareils.serie import PiloteSerie
from agent.cards import montage
from agent.cards.commande import Commande, describe_window
from agent.cards.pcsc.pilote import PilotePcsc
from agent.cards.scripted import PiloteScripte
from agent.policy import Enrolement
from agent.protocol.classification import Motifs
from agent.receipts import Registre
from agent.server import Agent


def load_key(dossier: Path, *, create: bool) -> Ed25519PrivateKey:
    """Return the workstation's key, kept 0600; SystemExit with a sentence when absent."""
    fichier = dossier / "poste.key"
    if not fichier.exists():
        if not create:
            raise SystemExit("Ce poste n'a pas de clé : lancez d'abord « python -m agent cle ».")
        dossier.mkdir(parents=True, exist_ok=True, mode=0o700)
        cle = Ed25519PrivateKey.generate()
        pem = cle.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with os.fdopen(
            os.open(fichier, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as sortie:
            sortie.write(pem)
    cle_lue = serialization.load_pem_private_key(fichier.read_bytes(), None)
    if not isinstance(cle_lue, Ed25519PrivateKey):
        raise SystemExit("La clé du poste n'est pas une clé Ed25519.")
    return cle_lue


def load_enrolment(dossier: Path) -> tuple[Enrolement, Motifs]:
    """Return what the server said, after checking its signature with its own key."""
    try:
        objet = json.loads((dossier / "enrolement.json").read_text(encoding="utf-8"))
        enrolement = Enrolement.from_dict(objet)
        signe = jws.verify(objet["config_jws"], "agent-config+jwt", enrolement.cles)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SystemExit(
            "Poste non associé à l'officine : l'enrôlement manque ou est faux."
        ) from exc
    if signe != {nom: valeur for nom, valeur in objet.items() if nom != "config_jws"}:
        raise SystemExit("Poste non associé à l'officine : l'enrôlement a été modifié.")
    return enrolement, Motifs(**objet["config"]["motifs"])


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
    if chemin is None:
        return
    provisoire = chemin.with_suffix(".tmp")
    provisoire.write_text(json.dumps({"pid": os.getpid(), "port": port}), encoding="ascii")
    provisoire.replace(chemin)


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    enrolement, motifs = load_enrolment(options.dossier)
    registre = Registre(load_key(options.dossier, create=False), enrolement, options.dossier)
    agent = Agent(enrolement, registre, motifs, options.port)
    pilote = montage.build(options, agent.onglets.broadcast)
    agent.pilote = pilote
    appareils = Appareils(
        appareils_associes(options.dossier),
        [PiloteSerie(options.racine), PiloteEvdev(options.racine)],
        agent.scans,
        agent.on_scanners,
    )
    agent.appareils = appareils
    fin = asyncio.Event()
    boucle = asyncio.get_running_loop()
    for signal_fin in (signal.SIGTERM, signal.SIGINT):
        boucle.add_signal_handler(signal_fin, fin.set)
    serveur = await agent.listen()
    battement = asyncio.create_task(agent.beat())
    veille = asyncio.create_task(appareils.watch())
    commande = None
    if isinstance(pilote, PilotePcsc):
        await pilote.start()
    else:
        commande = await Commande(pilote, agent.scans.on_bytes, partial(etat, agent, pilote)).serve(
            options.commande
        )
    journal.note("pret", port=options.port)
    write_ready(options.pret, options.port)
    await fin.wait()
    battement.cancel()
    veille.cancel()
    appareils.close()
    if commande is not None:
        commande.close()
    if isinstance(pilote, PilotePcsc):
        await pilote.stop()
    serveur.close(close_connections=True)
    for chemin in (options.commande, options.pret):
        if chemin is not None:
            chemin.unlink(missing_ok=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serveur.wait_closed(), 3)
    journal.note("fini")


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
        "enrolled": bool(agent.enrolement.wid),
        "focus": agent.onglets.focus is not None,
    }


def main() -> None:
    """Read the command line."""
    analyse = argparse.ArgumentParser(prog="python -m agent")
    verbes = analyse.add_subparsers(dest="verbe", required=True)
    cle = verbes.add_parser("cle", help="crée la clé du poste et imprime sa moitié publique")
    cle.add_argument("--dossier", type=Path, required=True)
    servir = verbes.add_parser("servir", help="sert la page de l'officine")
    servir.add_argument("--dossier", type=Path, required=True)
    servir.add_argument("--port", type=int, required=True)
    montage.add_options(servir)
    servir.add_argument("--pret", type=Path)
    servir.add_argument(
        "--racine", type=Path, default=Path("/"), help="où sont /sys et /dev (essais)"
    )
    association.add_parser(verbes)
    options = analyse.parse_args()
    if options.verbe == "cle":
        sys.stdout.write(jws.public_raw(load_key(options.dossier, create=True)) + "\n")
        return
    journal.start()
    if options.verbe == "lecteur":
        association.run(options)
        return
    verrou = lock(options.dossier)
    try:
        asyncio.run(run(options))
    finally:
        verrou.close()


if __name__ == "__main__":
    main()
