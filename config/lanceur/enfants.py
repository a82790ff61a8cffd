"""Children: started from the main thread, tied to its life, stopped in order."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.lanceur.dossiers import RACINE, LanceurRefuse
from config.lanceur.noyau import build_tie


@dataclass
class Commande:
    """How to start one process."""

    nom: str
    args: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    arret: signal.Signals = signal.SIGTERM
    mort_du_parent: signal.Signals = signal.SIGKILL
    pret: Path | None = None


class Enfant:
    """One running process and its log."""

    def __init__(self, commande: Commande, journaux: Path) -> None:
        self.commande = commande
        self.journal = journaux / f"{commande.nom}.log"
        self.morts: list[float] = []
        self.reprise = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.voulu = False
        self.prevenu = False

    def start(self) -> None:
        """Start (again)."""
        commande = self.commande
        if commande.pret is not None:
            commande.pret.unlink(missing_ok=True)
        qui: dict[str, Any] = {}
        if commande.uid is not None:
            qui = {"user": commande.uid, "group": commande.uid, "extra_groups": []}
        with self.journal.open("ab") as sortie:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                list(commande.args),
                stdin=subprocess.DEVNULL,
                stdout=sortie,
                stderr=subprocess.STDOUT,
                env=dict(commande.env),
                cwd="/" if commande.uid is not None else RACINE,
                preexec_fn=build_tie(commande.mort_du_parent),  # noqa: PLW1509
                **qui,
            )
        self.voulu = True
        self.prevenu = False
        self.reprise = 0.0

    @property
    def pid(self) -> int:
        """Return the process id; 0 when it does not run."""
        return self.process.pid if self.process is not None and self.alive else 0

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, delai_s: float = 60.0) -> dict[str, Any]:
        """Return what the process wrote in its ready file, if it is this very process."""
        assert self.commande.pret is not None  # noqa: S101
        fin = time.monotonic() + delai_s
        while time.monotonic() < fin:
            if not self.alive:
                break
            try:
                contenu: dict[str, Any] = json.loads(self.commande.pret.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                time.sleep(0.02)
                continue
            if contenu.get("pid") == self.pid:
                return contenu
            time.sleep(0.02)
        raise LanceurRefuse(f"« {self.commande.nom} » ne démarre pas : lisez {self.journal}.")

    def kill(self, numero: signal.Signals) -> None:
        """Send a signal to this process alone."""
        if self.process is not None and self.alive:
            self.process.send_signal(numero)

    def ask_stop(self) -> None:
        """Ask for a clean end, once: a second signal means haste to some programs."""
        self.voulu = False
        if not self.prevenu:
            self.kill(self.commande.arret)
        self.prevenu = True

    def stop(self, delai_s: float = 8.0) -> None:
        """Stop, firmly if needed, with whatever it started itself."""
        self.ask_stop()
        if self.process is None:
            return
        try:
            self.process.wait(delai_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
