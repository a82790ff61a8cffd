"""What the kernel knows of processes: birth, folder, parent-death signal, who listens.

Read in /proc, so Linux; elsewhere the questions are answered « nothing known » and the launcher
relies on its lock alone.
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_PRCTL = getattr(_LIBC, "prctl", None)
_PROC = Path("/proc")


def build_tie(numero: signal.Signals) -> Callable[[], None]:
    """Return what a child runs between fork and exec, once its user is changed.

    The kernel then signals it when the thread that started it ends; a parent that died before the
    request is noticed too. Nothing is imported nor loaded in the child.
    """
    parent = os.getpid()

    def tie() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, int(numero))
        if os.getppid() != parent:
            os._exit(1)
        os.setsid()

    return tie


def birth(pid: int) -> str:
    """Return when a process was born (clock ticks since boot), "" when there is none.

    A pid alone proves nothing: the kernel gives it again to someone else.
    """
    try:
        texte = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    apres = texte.rpartition(")")[2].split()
    return "" if apres[0] in "ZX" else apres[19]


def postgres_in(dossier: Path) -> list[int]:
    """Return the PostgreSQL processes, backends included, whose working folder is `dossier`."""
    trouves = []
    cible = str(dossier.resolve())
    for entree in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            programme = (entree / "exe").readlink().name
            if programme.startswith("postgres") and str((entree / "cwd").readlink()) == cible:
                trouves.append(int(entree.name))
    return trouves


def end_orphans(dossier: Path, patience_s: float = 5.0) -> None:
    """Wait for the servers that a dead launcher left in `dossier`, then end them.

    Called under the lock of the installation only: a server found there has no launcher any more.
    """
    for numero in (None, signal.SIGQUIT, signal.SIGKILL):
        fin = time.monotonic() + patience_s
        if numero is not None:
            for pid in postgres_in(dossier):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, numero)
        while time.monotonic() < fin:
            if not postgres_in(dossier):
                return
            time.sleep(0.05)


def listens(pid: int, port: int) -> bool:
    """Tell whether this very process listens on a loopback port (True where it cannot be known)."""
    try:
        lignes = (_PROC / "net/tcp").read_text(encoding="ascii").splitlines()[1:]
        prises = {str(lien.readlink()) for lien in (_PROC / str(pid) / "fd").iterdir()}
    except OSError:
        return not _PROC.joinpath("net/tcp").exists()
    champs = [ligne.split() for ligne in lignes]
    return any(
        c[3] == "0A" and c[1].endswith(f":{port:04X}") and f"socket:[{c[9]}]" in prises
        for c in champs
    )
