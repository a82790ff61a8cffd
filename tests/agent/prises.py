"""Serial scanners without one: a /sys and a /dev of ours, pseudo-terminals behind them."""

import os
import pty

from agent.appareils.base import Identite, Reglage

ZEBRA = ("05e0", "1701", "S0042")
DATALOGIC = ("05f9", "4204", "")


class Prises:
    """A /sys and a /dev of our own, in which a serial scanner is plugged, pulled, moved."""

    def __init__(self, racine):
        self.racine = racine
        self.maitres = {}
        for dossier in ("sys/class/tty", "sys/class/input", "dev/input"):
            (racine / dossier).mkdir(parents=True)

    def brancher(self, port, identite):
        """Plug a scanner on this port; what it sends is written on the other end."""
        maitre, esclave = pty.openpty()
        usb = self.racine / f"usb/{port}"
        (usb / "1.0").mkdir(parents=True, exist_ok=True)
        for nom, valeur in zip(("idVendor", "idProduct", "serial"), identite, strict=True):
            (usb / nom).write_text(f"{valeur}\n")
        noeud = self.racine / f"sys/class/tty/{port}"
        noeud.mkdir()
        (noeud / "device").symlink_to(usb / "1.0")
        (self.racine / f"dev/{port}").symlink_to(os.ttyname(esclave))
        self.maitres[port] = (maitre, esclave)

    def ttys(self):
        """The pseudo-terminals behind the ports."""
        return {os.ttyname(esclave) for _, esclave in self.maitres.values()}

    def envoyer(self, port, octets):
        os.write(self.maitres[port][0], octets)

    def retirer(self, port):
        """Pull the cable."""
        for fd in self.maitres.pop(port):
            os.close(fd)
        (self.racine / f"dev/{port}").unlink()
        (self.racine / f"sys/class/tty/{port}/device").unlink()
        (self.racine / f"sys/class/tty/{port}").rmdir()


def reglage(role, identite, pilote="scanner_serial", **autres):
    return Reglage(role, role, pilote, Identite(*identite), **autres)
