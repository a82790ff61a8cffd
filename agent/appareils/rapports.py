"""`scanner_hidpos` and `scanner_rawinput`: their decoders only, played on recorded reports.

Neither was ever run with a device: no driver opens one here. Layouts from memory (agent.md §4.1,
marked [M]), so each is data.
"""

import struct
from dataclasses import dataclass

from agent.appareils.touches import Clavier

STX, ETX = b"\x02", b"\x03"
_RAWKEYBOARD = struct.Struct("<HHHHII")
_RELACHE, _E0 = 0x01, 0x02
# Keys that the second half of the keyboard sends after E0, as Linux numbers them.
_ETENDUES = {0x1C: 96, 0x1D: 97, 0x38: 100}


@dataclass(frozen=True)
class Rapport:
    """Where things are in a HID POS report (usage page 8C) of scanned data."""

    ident: int = 0x02
    longueur: int = 1
    aim: int = 2
    donnees: int = 5
    maximum: int = 56
    suite: int = 63


class HidPos:
    """Reports in, frames out: the AIM identifier first, the parts of a long code put together."""

    def __init__(self, rapport: Rapport | None = None) -> None:
        self._rapport = rapport or Rapport()
        self._parties = bytearray()

    def feed(self, octets: bytes) -> bytes:
        """Return STX, identifier, data, ETX when a code is whole; nothing for any other report."""
        r = self._rapport
        if len(octets) <= r.suite or octets[0] != r.ident or octets[r.longueur] > r.maximum:
            self._parties.clear()
            return b""
        if not self._parties:
            aim = octets[r.aim : r.aim + 3]
            self._parties += aim if aim.startswith(b"]") else b""
        self._parties += octets[r.donnees : r.donnees + octets[r.longueur]]
        if octets[r.suite] & 1:
            return b""
        trame = STX + bytes(self._parties) + ETX
        self._parties.clear()
        return trame


class RawInput:
    """RAWKEYBOARD structures of Windows in, what the scanner typed out."""

    def __init__(self, disposition: str = "us", gs: str = "") -> None:
        self._clavier = Clavier(disposition, gs)

    def feed(self, octets: bytes) -> bytes:
        """Return what this key event types; nothing for a structure of another size."""
        if len(octets) != _RAWKEYBOARD.size:
            return b""
        code, drapeaux, _r, _vkey, _message, _extra = _RAWKEYBOARD.unpack(octets)
        if drapeaux & _E0:
            if code not in _ETENDUES:
                return b""
            code = _ETENDUES[code]
        geste = self._clavier.release if drapeaux & _RELACHE else self._clavier.press
        return geste(code).encode()
