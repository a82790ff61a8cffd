"""`python -m config.lanceur run | reset | exec`: the doors of `make`."""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from config.lanceur.dossiers import RACINE, LanceurRefuse
from config.lanceur.environnement import charger
from config.lanceur.pile import Options, Pile, pile_de_donnees

DONNEES = RACINE / ".comptoir"


def _say(ligne: str) -> None:
    sys.stdout.write(ligne + "\n")
    sys.stdout.flush()


def _lock() -> IO[str]:
    DONNEES.mkdir(exist_ok=True, mode=0o711)
    verrou = (DONNEES / "lanceur.lock").open("w")
    try:
        fcntl.flock(verrou, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise LanceurRefuse("Comptoir tourne déjà dans ce dossier : arrêtez-le d'abord.") from exc
    return verrou


class _Fin(Exception):
    """A signal asked to stop."""


def _on_signal(_numero: int, _cadre: object) -> None:
    raise _Fin


def run(port: int) -> None:
    """Start everything, print one address, restart what dies, stop on Ctrl-C or SIGTERM."""
    verrou = _lock()
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    debut = time.monotonic()
    _say("Comptoir démarre…")
    pile = Pile(DONNEES, Options(port=port))
    try:
        pile.start_all()
        identifiants = pile.run_once("manage.py", "demonstration", "--identifiants")
        _say(f"\n  {pile.adresse}\n")
        _say(identifiants.rstrip())
        _say(f"\nPrêt en {time.monotonic() - debut:.1f} s. Ctrl-C arrête tout.")
        while True:
            for ligne in pile.supervise_once():
                _say(ligne)
            time.sleep(0.5)
    except _Fin:
        _say("Arrêt…")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        pile.stop()
        verrou.close()
        (DONNEES / "lanceur.lock").unlink(missing_ok=True)


def reset() -> None:
    """Forget the kept data by moving them aside; only in the `simulateur` environment."""
    if os.environ.get("COMPTOIR_ENVIRONNEMENT", "simulateur") != "simulateur":
        raise LanceurRefuse("« make reset » n'existe que dans l'environnement « simulateur ».")
    if not DONNEES.exists():
        _say("Rien à oublier.")
        return
    verrou = _lock()
    try:
        if os.environ.get("OUI") != "1":
            reponse = input("Oublier les données de démonstration ? (oui/non) ")
            if reponse.strip().lower() != "oui":
                _say("Rien n'est changé.")
                return
        ancien = Path(f"{DONNEES}.old-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
        DONNEES.rename(ancien)
        _say(f"Données mises de côté dans {ancien.name}.")
    finally:
        verrou.close()


def execute(commande: list[str]) -> int:
    """Run a command with the running stack's environment, or with data servers just for it."""
    charger()
    if "COMPTOIR_BASE_HOTE" in os.environ:
        return subprocess.run(commande, check=False, cwd=RACINE).returncode  # noqa: S603
    import tempfile

    with tempfile.TemporaryDirectory(
        prefix="comptoir-exec-", ignore_cleanup_errors=True
    ) as dossier:
        os.chmod(dossier, 0o711)  # noqa: PTH101, S103 - the data user goes through
        with pile_de_donnees(Path(dossier)) as pile:
            return subprocess.run(commande, check=False, cwd=RACINE, env=pile.env).returncode  # noqa: S603


def main() -> None:
    """Read the command line."""
    analyse = argparse.ArgumentParser(prog="python -m config.lanceur")
    verbes = analyse.add_subparsers(dest="verbe", required=True)
    verbe_run = verbes.add_parser("run")
    verbe_run.add_argument("--port", type=int, default=8000)
    verbes.add_parser("reset")
    verbe_exec = verbes.add_parser("exec")
    verbe_exec.add_argument("commande", nargs=argparse.REMAINDER)
    options = analyse.parse_args()
    if options.verbe == "run":
        run(options.port)
    elif options.verbe == "reset":
        reset()
    else:
        sys.exit(execute([c for c in options.commande if c != "--"]))


if __name__ == "__main__":
    main()
