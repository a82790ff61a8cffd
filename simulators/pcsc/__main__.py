"""`python -m simulators.pcsc`: the bench, until Ctrl-C. The address to give to clients is printed.

`--interne` is the same program started again inside its namespaces; not for hands.
"""

import argparse
import shutil
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from simulators.pcsc.banc import Banc, BancImpossible
from simulators.pcsc.controle import Tableau, serve
from simulators.pcsc.service import ServicePcsc, isolate, write_readers


def _inside(base: Path, pilote: Path, cles: Path) -> int:
    """Run until a line comes: stop; or until the one who started us is gone."""
    isolate(base)
    service = ServicePcsc(write_readers(base, pilote), base / "pcscd.log")
    tableau = Tableau(service, cles, base / "etat")
    with socket.socket(socket.AF_UNIX) as prise:
        prise.bind(str(base / "controle"))
        prise.listen(8)
        try:
            service.start()
            threading.Thread(target=serve, args=(tableau, prise), daemon=True).start()
            sys.stdout.write("pret\n")
            sys.stdout.flush()
            sys.stdin.readline()
        finally:
            for logement in tableau.logements:
                logement.remove()
            service.stop()
            shutil.rmtree(base, ignore_errors=True)
    return 0


def _outside(cles: Path | None, reset: bool) -> int:
    try:
        with Banc(cles=cles, garder_essais=not reset) as banc:
            sys.stdout.write(
                f"Banc de cartes prêt. Clients : PCSCLITE_CSOCK_NAME={banc.adresse}\n"
                f"Commandes : {banc.controle}\nCtrl-C pour arrêter.\n"
            )
            sys.stdout.flush()
            signal.pause()
    except BancImpossible as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def main() -> int:
    """Return the exit code."""
    lecteur = argparse.ArgumentParser(prog="python -m simulators.pcsc")
    lecteur.add_argument("--interne", nargs=3, type=Path, help=argparse.SUPPRESS)
    lecteur.add_argument("--cles", type=Path, help="dossier de « python -m simulators.pki »")
    lecteur.add_argument(
        "--reset", action="store_true", help="rend leurs essais aux codes porteurs"
    )
    choix = lecteur.parse_args()
    if choix.interne:
        return _inside(*choix.interne)
    with suppress(KeyboardInterrupt):
        return _outside(choix.cles, choix.reset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
