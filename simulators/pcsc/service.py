"""pcscd itself, inside the namespaces of the bench: configuration, start, stop, hard stop (§6.2).

Runs in a process that `unshare` started: nothing mounted or opened here is seen from outside.
"""

import fcntl
import shutil
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

IPC = Path("/run/pcscd")
_PILOTES = Path("/usr/lib/pcsc/drivers")
# Two readers of two slots each: one library by reader, or the second steals the first's (§6.5.5).
LECTEURS = (("SIM Comptoir", 0x8C7B), ("SIM Second", 0x8C8B))
PORTS = tuple(port + i for _, port in LECTEURS for i in (0, 1))
_PRET_S = 15.0


def _run(*commande: str) -> None:
    subprocess.run(commande, check=True, capture_output=True)  # noqa: S603


def isolate(base: Path) -> None:
    """Loopback up, a /run of our own, no driver of real readers: this namespace only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        drapeaux = struct.pack("16sH14x", b"lo", 1)
        fcntl.ioctl(s, 0x8914, drapeaux)
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    IPC.mkdir()
    _run("mount", "--bind", str(base / "ipc"), str(IPC))
    if _PILOTES.is_dir():
        _run("mount", "-t", "tmpfs", "tmpfs", str(_PILOTES))


def write_readers(base: Path, pilote: Path) -> Path:
    """Write one file by reader, each with its own copy of the driver; return the folder."""
    conf = base / "conf"
    conf.mkdir()
    for nom, port in LECTEURS:
        copie = base / f"pilote-{port:x}.so"
        shutil.copyfile(pilote, copie)
        (conf / f"{port:x}").write_text(
            f'FRIENDLYNAME "{nom}"\nDEVICENAME /dev/null:0x{port:X}\n'
            f"LIBPATH {copie}\nCHANNELID 0x{port:X}\n",
            encoding="ascii",
        )
    return conf


class ServicePcsc:
    """One pcscd in the foreground."""

    def __init__(self, conf: Path, journal: Path) -> None:
        pcscd = shutil.which("pcscd") or "/usr/sbin/pcscd"
        # The kernel ends it with us, whatever ends us.
        self._commande = ["setpriv", "--pdeathsig", "KILL", pcscd, "--foreground"]
        self._commande += ["--config", str(conf)]
        aide = subprocess.run(  # noqa: S603
            [pcscd, "--help"], capture_output=True, text=True, check=False
        )
        if "--disable-polkit" in aide.stdout:
            self._commande.append("--disable-polkit")
        self._journal = journal
        self._processus: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers; what a hard stop left is removed before (§6.5.8)."""
        if self._processus is not None:
            return
        for nom in ("pcscd.comm", "pcscd.pid"):
            (IPC / nom).unlink(missing_ok=True)
        sortie: IO[bytes]
        with self._journal.open("ab") as sortie:
            self._processus = subprocess.Popen(  # noqa: S603
                self._commande,
                stdin=subprocess.DEVNULL,
                stdout=sortie,
                stderr=sortie,
            )
        fin = time.monotonic() + _PRET_S
        while not self._answers():
            if self._processus.poll() is not None or time.monotonic() > fin:
                raise RuntimeError(f"pcscd n'a pas démarré : voir {self._journal}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        """The service listens, and so does every slot."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.connect(str(IPC / "pcscd.comm"))
            ecoutes = Path("/proc/net/tcp").read_text(encoding="ascii")
            return all(f":{port:04X} 00000000:0000 0A" in ecoutes for port in PORTS)
        return False

    def stop(self, hard: bool = False) -> None:
        """Stop it as an administrator, or as an accident (`hard`)."""
        processus, self._processus = self._processus, None
        if processus is None:
            return
        processus.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        try:
            processus.wait(5)
        except subprocess.TimeoutExpired:
            processus.kill()
            processus.wait()
