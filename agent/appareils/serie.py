"""`scanner_serial`: a scanner seen as a serial port (USB CDC-ACM), bytes exact (agent.md §4.1).

Linux only: plain termios, no library (docs/adr/0029). Setting of the port: 115200 8N1 (§4.2).
"""

import errno
import fcntl
import os
import termios
from pathlib import Path

from agent.appareils.base import Branche, Flux, Identite, Reglage
from agent.appareils.noeuds import read_line, read_now

LECTURE_MAX = 4096
_REMONTEES = 4  # from the port up to the USB device that carries the identity


def read_identity(noeud: Path) -> Identite | None:
    """Return the USB identity of a device of /sys, looked for in its parents; None without one."""
    dossier = noeud.resolve()
    for _ in range(_REMONTEES):
        if (dossier / "idVendor").is_file():
            return Identite(
                *(read_line(dossier / nom) for nom in ("idVendor", "idProduct", "serial"))
            )
        dossier = dossier.parent
    return None


class PortSerie:
    """A serial port of ours alone, in raw mode."""

    def __init__(self, chemin: str) -> None:
        self._fd = os.open(chemin, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._fd, termios.TIOCEXCL)
            self._set()
        except (OSError, termios.error):
            os.close(self._fd)
            raise

    def _set(self) -> None:
        _, _, _, _, _, _, speciaux = termios.tcgetattr(self._fd)
        # One byte at least: nothing yet (EAGAIN) is then told from the end (an empty read).
        speciaux[termios.VMIN], speciaux[termios.VTIME] = 1, 0
        bits = termios.CS8 | termios.CREAD | termios.CLOCAL
        vitesse = termios.B115200
        etat = [0, 0, bits, 0, vitesse, vitesse, speciaux]
        termios.tcsetattr(self._fd, termios.TCSANOW, etat)
        # What came before us may be half a frame.
        termios.tcflush(self._fd, termios.TCIFLUSH)

    def fileno(self) -> int:
        """Return what the loop watches."""
        return self._fd

    def read(self) -> bytes:
        """Return what came. OSError when the port is gone."""
        return read_now(self._fd, LECTURE_MAX)

    def close(self) -> None:
        """Give the port back."""
        os.close(self._fd)


class PiloteSerie:
    """Finds serial ports by the identity of the USB device behind them."""

    nom = "scanner_serial"

    def __init__(self, racine: Path = Path("/")) -> None:
        self._tty, self._dev = racine / "sys/class/tty", racine / "dev"

    def list_plugged(self) -> list[Branche]:
        """Return the USB serial ports plugged in now, with who is behind."""
        trouves = []
        for port in sorted(self._tty.glob("ttyACM*")) + sorted(self._tty.glob("ttyUSB*")):
            identite = read_identity(port / "device")
            if identite is not None:
                trouves.append(Branche(str(self._dev / port.name), identite))
        return trouves

    def open(self, branche: Branche, _reglage: Reglage) -> Flux:
        """Open the port. OSError when it is gone or taken."""
        try:
            return PortSerie(branche.chemin)
        except termios.error as exc:
            raise OSError(errno.EIO, "port") from exc
