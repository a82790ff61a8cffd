"""A slot of the virtual reader: the card connects to the driver, over TCP (agent.md §6.4)."""

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any

from simulators.pcsc.apdu import CarteRetiree
from simulators.pcsc.cartes import CarteVirtuelle

_COUPE, _ALLUME, _RELANCE, _ATR = 0, 1, 2, 4
_DELAI_S = 5.0


class Logement:
    """One slot. The card stays in it when the service stops, and comes back with it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.carte: CarteVirtuelle | None = None
        self._prise: socket.socket | None = None
        self._verrou = threading.RLock()

    def insert(self, carte: CarteVirtuelle) -> None:
        """Put a card in, the former one out."""
        with self._verrou:
            self.remove()
            self.carte = carte
            self.connect()

    def remove(self) -> None:
        """Take the card out, also in the middle of a command."""
        with self._verrou:
            carte, self.carte = self.carte, None
            if carte is not None:
                carte.remove()
            self._hang_up()

    def connect(self) -> None:
        """Show the card to the driver; it does nothing when the slot is empty."""
        with self._verrou:
            self._hang_up()
            if self.carte is None:
                return
            self._prise = socket.create_connection(("127.0.0.1", self.port), _DELAI_S)
            self._prise.settimeout(None)
            fil = threading.Thread(target=self._serve, args=(self._prise, self.carte), daemon=True)
            fil.start()

    def _hang_up(self) -> None:
        prise, self._prise = self._prise, None
        if prise is not None:
            with suppress(OSError):
                prise.shutdown(socket.SHUT_RDWR)
            prise.close()

    def _serve(self, prise: socket.socket, carte: CarteVirtuelle) -> None:
        with suppress(EOFError, OSError):
            try:
                _Dialogue(prise, carte).run()
            except CarteRetiree:
                with self._verrou:
                    if self.carte is carte:
                        self.remove()


class _Dialogue:
    """The messages between driver and card, until one of them leaves."""

    def __init__(self, prise: socket.socket, carte: CarteVirtuelle) -> None:
        self._prise, self._carte = prise, carte
        self._allumee = True

    def run(self) -> None:
        """Answer every message; EOFError: the driver left, CarteRetiree: the card did."""
        while True:
            message = self._receive()
            if len(message) == 1 and message[0] != _ATR:
                self._power(message[0])
                continue
            reponse = self._carte.atr if message == bytes([_ATR]) else self._answer(message)
            self._prise.sendall(struct.pack(">H", len(reponse)) + reponse)

    def _power(self, ordre: int) -> None:
        """The first power on is the insertion itself, its faults have already happened."""
        if ordre == _ALLUME and not self._allumee:
            self._carte.power_on()
        elif ordre in (_COUPE, _ALLUME, _RELANCE):
            self._carte.reset()
        self._allumee = ordre != _COUPE

    def _answer(self, message: bytes) -> bytes:
        time.sleep(self._carte.delai_s)
        # A lost exchange: nothing at all would freeze the driver for ever (§6.5.3).
        return self._carte.apdu(message) or b"\x00"

    def _receive(self) -> bytes:
        (taille,) = struct.unpack(">H", self._exactly(2))
        return self._exactly(taille)

    def _exactly(self, n: int) -> bytes:
        """Read n bytes, each receive acknowledged at once.

        The driver sends length and body in two packets: without this, 40 ms a command (§6.5.4).
        """
        recu = b""
        while len(recu) < n:
            self._prise.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            morceau = self._prise.recv(n - len(recu))
            if not morceau:
                raise EOFError
            recu += morceau
        return recu


def swap_later(logement: Logement, faute: dict[str, Any], suivante: CarteVirtuelle) -> None:
    """Exchange the card after `after_ms`, unless it left before.

    The service looks at a slot every 0.4 s: an exchange that leaves it empty for less (`gap_ms`, 0)
    is not seen, and what was connected to the first card speaks to the other.
    """
    carte = logement.carte

    def exchange() -> None:
        if logement.carte is carte:
            logement.remove()
            time.sleep(int(faute.get("gap_ms", 0)) / 1000)
            logement.insert(suivante)

    minuterie = threading.Timer(int(faute.get("after_ms", 0)) / 1000, exchange)
    minuterie.daemon = True
    minuterie.start()
