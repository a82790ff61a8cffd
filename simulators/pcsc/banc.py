"""The bench seen from outside: start it, move the cards, stop it without leaving anything (§6).

The virtual reader listens on every address and asks nothing (§6.5.1): it lives only in a network
and mount namespace of its own, its driver unpacked and never installed. The machine's own pcscd is
never reached: clients are given this one's socket, and the bench refuses to start beside it.
"""

import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

RACINE = Path(__file__).resolve().parents[2]
DOSSIER = RACINE / ".comptoir" / "banc"
_SO = "usr/lib/pcsc/drivers/serial/libifdvpcd.so"
_VERROU_S = 60.0
_PRET_S = 30.0


class BancImpossible(Exception):
    """The bench cannot run here; the sentence says what to do."""


def find_driver() -> Path:
    """Return the driver of the virtual reader; BancImpossible when nobody unpacked it."""
    chemin = Path(os.environ.get("COMPTOIR_VPCD") or DOSSIER / "vpcd" / _SO)
    if not chemin.is_file():
        raise BancImpossible("Le lecteur virtuel manque : lancez « make systeme ».")
    return chemin


def other_service() -> int:
    """Return the pid of a pcscd of this machine (same mount namespace), or 0."""
    nous = os.stat("/proc/self/ns/mnt").st_ino  # noqa: PTH116
    for dossier in Path("/proc").iterdir():
        with suppress(OSError):
            if not dossier.name.isdigit() or (dossier / "comm").read_text() != "pcscd\n":
                continue
            if os.stat(dossier / "ns/mnt").st_ino == nous:  # noqa: PTH116
                return int(dossier.name)
    return 0


class Banc:
    """The bench, running between `__enter__` and `__exit__`. Slots 0 and 1 are one reader, 2 and 3
    another.
    """

    def __init__(self, cles: Path | None = None, garder_essais: bool = False) -> None:
        self._cles = cles or DOSSIER / "cles"
        self._garder = garder_essais
        self._verrou: IO[str] | None = None
        self._processus: subprocess.Popen[str] | None = None
        self._dossier: Path | None = None

    @property
    def _base(self) -> Path:
        if self._dossier is None:
            raise BancImpossible("Le banc de cartes n'est pas démarré.")
        return self._dossier

    @property
    def adresse(self) -> str:
        """The value of PCSCLITE_CSOCK_NAME that clients of this bench need."""
        return str(self._base / "ipc" / "pcscd.comm")

    @property
    def controle(self) -> str:
        """The path of the control socket."""
        return str(self._base / "controle")

    def __enter__(self) -> "Banc":
        pilote = find_driver()
        if shutil.which("pcscd") is None and not Path("/usr/sbin/pcscd").exists():
            raise BancImpossible("pcscd manque : lancez « make systeme ».")
        if pid := other_service():
            raise BancImpossible(
                f"Un pcscd tourne déjà sur cette machine (processus {pid}) : arrêtez-le."
            )
        DOSSIER.mkdir(parents=True, exist_ok=True)
        self._lock()
        # Short on purpose: the name of a Unix socket has 107 bytes.
        self._dossier = Path(tempfile.mkdtemp(prefix="comptoir-cartes-"))
        (self._base / "ipc").mkdir()
        if self._garder:
            (DOSSIER / "etat").mkdir(exist_ok=True)
            (self._base / "etat").symlink_to(DOSSIER / "etat")
        else:
            shutil.rmtree(DOSSIER / "etat", ignore_errors=True)
        try:
            self._start(pilote)
        except (BancImpossible, OSError):
            self.close()
            raise
        return self

    def __exit__(
        self,
        genre: type[BaseException] | None,
        erreur: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lock(self) -> None:
        """One bench at a time in this working folder."""
        self._verrou = (DOSSIER / "verrou").open("a", encoding="ascii")
        fin = time.monotonic() + _VERROU_S
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(self._verrou, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > fin:
                self._verrou.close()
                raise BancImpossible("Un autre banc de cartes tourne dans ce dossier.")
            time.sleep(0.1)

    def _start(self, pilote: Path) -> None:
        espaces = ["unshare", "--net", "--mount"]
        if os.geteuid() != 0:
            espaces += ["--user", "--map-root-user"]
        interne = ["-m", "simulators.pcsc", "--interne", str(self._base), str(pilote)]
        self._processus = subprocess.Popen(  # noqa: S603
            [*espaces, sys.executable, *interne, str(self._cles)],
            cwd=RACINE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        sortie = self._processus.stdout
        assert sortie is not None  # noqa: S101
        lisible, _, _ = select.select([sortie], [], [], _PRET_S)
        if not lisible or sortie.readline() != "pret\n":
            erreurs = self._end(patience_s=0)
            raise BancImpossible(f"Le banc de cartes n'a pas démarré.\n{erreurs[-2000:]}")

    def _end(self, patience_s: float = 15) -> str:
        """Ask the process to end, then end it; return what it said on standard error."""
        processus, self._processus = self._processus, None
        if processus is None:
            return ""
        with processus:
            if processus.stdin is not None:
                with suppress(OSError), processus.stdin as entree:
                    entree.write("fin\n")
            try:
                processus.wait(patience_s)
            except subprocess.TimeoutExpired:
                processus.kill()
            return processus.stderr.read() if processus.stderr is not None else ""

    def close(self) -> None:
        """Stop what was started, by its pid, and remove what was written."""
        self._end()
        if self._dossier is not None:
            shutil.rmtree(self._dossier, ignore_errors=True)
            self._dossier = None
        if self._verrou is not None:
            self._verrou.close()
            self._verrou = None

    def say(self, *mots: object) -> str:
        """Send one command; return what follows `ok`. ValueError on `error`."""
        with socket.socket(socket.AF_UNIX) as prise:
            prise.settimeout(_PRET_S)
            prise.connect(self.controle)
            with prise.makefile("rw", encoding="utf-8") as flux:
                flux.write(" ".join(map(str, mots)) + "\n")
                flux.flush()
                reponse = flux.readline().strip()
        verdict, _, reste = reponse.partition(" ")
        if verdict != "ok":
            raise ValueError(reste)
        return reste

    def insert(self, logement: int, carte: str | Path) -> None:
        """Put a card file in a slot: `banc/vitale-01`, or a path."""
        self.say("insert", logement, carte)

    def remove(self, logement: int) -> None:
        """Take the card out."""
        self.say("remove", logement)

    def pull(self, logement: int, n: int) -> None:
        """Have the card vanish at its n-th next command."""
        self.say("pull", logement, n)

    def swap(self, logement: int, carte: str | Path, ms: int = 0, gap_ms: int = 0) -> None:
        """Exchange the card for another after `ms`, the slot empty for `gap_ms`.

        Under 400 ms the service does not see it.
        """
        self.say("swap", logement, carte, ms, gap_ms)

    def fault(self, logement: int, faute: dict[str, Any]) -> None:
        """Arm a fault of §7.4 on the card of a slot."""
        self.say("fault", logement, json.dumps(faute))

    def cards(self) -> list[str | None]:
        """Return the label of the card of each slot."""
        lus: list[str | None] = json.loads(self.say("state"))
        return lus

    def pcscd(self, ordre: str) -> None:
        """`stop`, `kill` or `start` the service; the cards stay in their slots."""
        self.say("pcscd", ordre)
