"""The process of the window: views on standard input, gestures on standard output."""

import json
import os
import queue
import sys
import threading

from agent.fenetre.lien import ANNULE, CODE, CONFIRME, SANS_ECRAN

try:
    import tkinter as tk

    from agent.fenetre.dessin import Dessin
except ImportError:
    sys.exit(SANS_ECRAN)

TOUR_MS = 30


class Gestes:
    """Writes what the person did, and wipes the digits once written."""

    def __init__(self, descripteur: int) -> None:
        self._descripteur = descripteur

    def code(self, code: bytearray) -> None:
        """Send the digits."""
        trame = bytearray((CODE, len(code))) + code
        try:
            self._write(trame)
        finally:
            for octets in (trame, code):
                octets[:] = bytes(len(octets))

    def confirm(self) -> None:
        """Agree to spend the last try."""
        self._write(bytearray((CONFIRME,)))

    def cancel(self) -> None:
        """Give up."""
        self._write(bytearray((ANNULE,)))

    def _write(self, trame: bytearray) -> None:
        os.write(self._descripteur, trame)


def _listen(vues: "queue.SimpleQueue[dict[str, object] | None]") -> None:
    for ligne in sys.stdin:
        vues.put(json.loads(ligne))
    vues.put(None)


def main() -> int:
    """Draw until the agent closes the pipe; the exit code says when there is no display."""
    vues: queue.SimpleQueue[dict[str, object] | None] = queue.SimpleQueue()
    try:
        dessin = Dessin(Gestes(sys.stdout.fileno()))
    except tk.TclError:
        return SANS_ECRAN
    threading.Thread(target=_listen, args=(vues,), daemon=True).start()

    def turn() -> None:
        while not vues.empty():
            vue = vues.get()
            if vue is None:
                dessin.close()
                return
            dessin.show(vue)
        dessin.racine.after(TOUR_MS, turn)

    turn()
    dessin.racine.mainloop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
