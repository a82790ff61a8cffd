"""`python -m config.lanceur run | reset | exec`: the doors of `make`.

The data stand in `.comptoir` beside the code, or where COMPTOIR_DONNEES says.
"""

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from config import env
from config.lanceur.dossiers import RACINE, LanceurRefuse, data_folder, folder_elsewhere
from config.lanceur.environnement import charger
from config.lanceur.pile import Options, Pile, pile_de_donnees

VERROU = "lanceur.lock"


def _say(ligne: str) -> None:
    sys.stdout.write(ligne + "\n")
    sys.stdout.flush()


def _lock(donnees: Path) -> IO[str]:
    """Take the lock of these data; LanceurRefuse when another launcher has it."""
    donnees.mkdir(parents=True, exist_ok=True, mode=0o711)
    chemin = donnees / VERROU
    while True:
        verrou = chemin.open("w")
        try:
            fcntl.flock(verrou, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            verrou.close()
            raise LanceurRefuse(
                "Comptoir tourne déjà dans ce dossier : arrêtez-le d'abord."
            ) from exc
        # A launcher that was ending may have removed the file we had just opened.
        with contextlib.suppress(FileNotFoundError):
            if chemin.stat().st_ino == os.fstat(verrou.fileno()).st_ino:
                return verrou
        verrou.close()


def _unlock(verrou: IO[str]) -> None:
    Path(verrou.name).unlink(missing_ok=True)
    verrou.close()


class _Fin(Exception):
    """A signal asked to stop."""


def _on_signal(_numero: int, _cadre: object) -> None:
    for numero in FINS:
        signal.signal(numero, signal.SIG_IGN)
    raise _Fin


FINS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _check_environment(commande: str) -> None:
    if env.texte("ENVIRONNEMENT", "simulateur") != "simulateur":
        raise LanceurRefuse(f"« {commande} » n'existe que dans l'environnement « simulateur ».")


def run(port: int) -> None:
    """Start everything, print one address, restart what dies, stop on Ctrl-C or SIGTERM."""
    _check_environment("make run")
    donnees = data_folder()
    verrou = _lock(donnees)
    debut = time.monotonic()
    _say("Comptoir démarre…")
    pile = Pile(donnees, Options(port=port))
    for numero in FINS:
        signal.signal(numero, _on_signal)
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
        for numero in FINS:
            signal.signal(numero, signal.SIG_IGN)
        pile.stop()
        _unlock(verrou)


def reset() -> None:
    """Forget the kept data by moving them aside; only in the `simulateur` environment."""
    _check_environment("make reset")
    donnees = data_folder()
    if not donnees.exists():
        _say("Rien à oublier.")
        return
    verrou = _lock(donnees)
    try:
        if os.environ.get("OUI") != "1" and not _is_confirmed():
            _say("Rien n'est changé.")
            return
        suffixe = f".old-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        ailleurs = folder_elsewhere(donnees)
        for dossier in (donnees, ailleurs):
            if dossier.exists():
                dossier.rename(f"{dossier}{suffixe}")
                _say(f"Données mises de côté dans {dossier.name}{suffixe}.")
    finally:
        verrou.close()


def _is_confirmed() -> bool:
    try:
        reponse = input("Oublier les données de démonstration ? (oui/non) ")
    except EOFError:
        reponse = ""
    return reponse.strip().lower() == "oui"


def execute(commande: list[str]) -> int:
    """Run a command with the running stack's environment, or with data servers just for it."""
    charger()
    if "COMPTOIR_BASE_HOTE" in os.environ:
        return subprocess.run(commande, check=False, cwd=RACINE).returncode  # noqa: S603
    import tempfile

    signal.signal(signal.SIGTERM, _on_signal)
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
