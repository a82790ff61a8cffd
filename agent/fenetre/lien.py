"""From the agent to the window's process and back: views as JSON lines, digits as raw bytes.

The digits travel by a private pipe, straight into a bytearray which is wiped; they are never a
text, a JSON value or a log line on this side.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from agent import journal
from agent.cards.code_porteur import CodePorteur, Vue, wipe
from agent.protocol.messages import ErreurAgent

CODE, CONFIRME, ANNULE = b"C"[0], b"O"[0], b"A"[0]
TAILLE = 16
# What the process answers when it has no display, or no Tk.
SANS_ECRAN = 3
COMMANDE = (sys.executable, "-m", "agent.fenetre")


def describe(vue: Vue, instant: float) -> dict[str, Any]:
    """Return what the window's process is told; `instant` is the loop's time."""
    question = vue.question
    return {
        "porteur": question.porteur,
        "id_nat": question.id_nat,
        "purpose": question.purpose,
        "libelle": question.libelle,
        "lecteur": question.lecteur,
        "origine": vue.origine,
        "essais": vue.essais,
        "etape": vue.etape.value,
        "faux": vue.faux,
        "reste_s": max(0.0, vue.echeance - instant),
    }


class Fenetre:
    """Draws the one window of `CodePorteur`, in a process started for each request."""

    def __init__(self, codes: CodePorteur, commande: Sequence[str] = COMMANDE) -> None:
        self._codes = codes
        self._commande = list(commande)
        self._process: subprocess.Popen[bytes] | None = None
        codes.au_changement.append(self.show)

    @property
    def pid(self) -> int | None:
        """The process that draws, None when no window is open."""
        return self._process.pid if self._process else None

    def show(self, vue: Vue | None) -> None:
        """Draw this view; None closes the window."""
        if vue is None:
            self.close()
            return
        boucle = asyncio.get_running_loop()
        if self._process is None:
            self._start(boucle)
        ligne = json.dumps(describe(vue, boucle.time()), ensure_ascii=False) + "\n"
        if self._process is not None and self._process.stdin is not None:
            # A process that is gone says so by the end of its pipe.
            with contextlib.suppress(OSError):
                self._process.stdin.write(ligne.encode())

    def close(self) -> None:
        """Close the window: its process reads the end of its input."""
        process, self._process = self._process, None
        if process is not None:
            _hang_up(process)

    def _start(self, boucle: asyncio.AbstractEventLoop) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                self._commande,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            boucle.call_soon(self._give_up)
            return
        self._process = process
        threading.Thread(
            target=self._listen, args=(process, boucle), name="fenetre", daemon=True
        ).start()

    def _listen(self, process: subprocess.Popen[bytes], boucle: asyncio.AbstractEventLoop) -> None:
        """Thread: carry gestures to the loop until the process closes its pipe."""
        sortie: Any = process.stdout
        tampon = bytearray(TAILLE)
        while sortie.readinto(memoryview(tampon)[:1]) == 1:
            geste, code = tampon[0], bytearray()
            if geste == CODE:
                code = _read_code(sortie)
            with contextlib.suppress(RuntimeError):
                boucle.call_soon_threadsafe(self._receive, process, geste, code)
        sortie.close()
        fin = process.wait()
        # The loop may be closed: the agent ends.
        with contextlib.suppress(RuntimeError):
            boucle.call_soon_threadsafe(self._ended, process, fin)

    def _receive(self, process: subprocess.Popen[bytes], geste: int, code: bytearray) -> None:
        """Loop: what the person did in the window that is open, and in no other."""
        try:
            if process is not self._process:
                return
            if geste == CODE:
                with contextlib.suppress(ValueError):
                    self._codes.send(code)
            elif geste == CONFIRME:
                self._codes.confirm()
            elif geste == ANNULE:
                self._codes.cancel()
        finally:
            wipe(code)

    def _ended(self, process: subprocess.Popen[bytes], fin: int) -> None:
        if process is not self._process:
            return
        self.close()
        if fin == SANS_ECRAN:
            self._give_up()
        else:
            journal.note("fenetre", code="finie", rc=fin)
            self._codes.cancel()

    def _give_up(self) -> None:
        journal.note("fenetre", code="sans_ecran")
        self._codes.refuse(ErreurAgent("E_CPS_PIN_WINDOW"))


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _read_code(sortie: Any) -> bytearray:  # noqa: ANN401 - a raw file
    """Read a length then as many digits, into the only bytearray that holds them."""
    taille = bytearray(1)
    sortie.readinto(taille)
    code = bytearray(min(taille[0], TAILLE))
    lus = 0
    while lus < len(code):
        pris = sortie.readinto(memoryview(code)[lus:])
        if not pris:
            wipe(code)
            return bytearray()
        lus += pris
    return code
