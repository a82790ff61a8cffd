"""From the bytes of a device to scans: framing, decoding, duplicates (agent.md §4.2)."""

import base64
import time
from typing import Any

from agent.protocol.classification import Motifs, lire_code

TRAME_MAX = 4096
DOUBLON_S = 0.7
DOUBLONS = {"ordonnance", "apcv", "ins_datamatrix", "2ddoc", "attestation_amc", "badge"}
RAFALE_PAR_S = 30


class Trameur:
    """Cuts a stream into frames: STX…ETX, or a line; too long is dropped until the next end."""

    def __init__(self) -> None:
        self._tampon = bytearray()
        self._trop_long = False

    def feed(self, octets: bytes) -> list[bytes | None]:
        """Return the frames that end here; None stands for one that was too long."""
        trames: list[bytes | None] = []
        for octet in octets:
            if octet == 0x02:
                self._tampon.clear()
                self._trop_long = False
            elif octet in {0x03, 0x0D, 0x0A}:
                trames.extend(self._end())
            elif len(self._tampon) >= TRAME_MAX:
                self._trop_long = True
            else:
                self._tampon.append(octet)
        return trames

    def flush(self) -> list[bytes | None]:
        """End the frame after the idle gap (80 ms)."""
        return self._end()

    def _end(self) -> list[bytes | None]:
        trame: bytes | None = bytes(self._tampon)
        if self._trop_long:
            trame = None
        self._tampon.clear()
        self._trop_long = False
        return [trame] if trame or trame is None else []


def build_scan(trame: bytes, device: str, motifs: Motifs) -> dict[str, Any]:
    """Return the `scan` event: raw text, bytes, and the class as a help."""
    try:
        texte, encodage = trame.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        texte, encodage = trame.decode("latin-1"), "latin-1"
    code = lire_code(texte, "scan", motifs)
    return {
        "class": code.classe,
        "confidence": 0 if code.classe == "inconnu" else 100,
        "text": texte,
        "bytes_b64": base64.b64encode(trame).decode(),
        "aim": code.aim,
        "role": "patient" if device == "patient" else "comptoir",
        "device": device,
        "repaired": code.repare,
        "ambigu": code.ambigu,
        "encoding": encodage,
        "repeat": 0,
    }


class Filtre:
    """Merges the double reading of one code, never two boxes; counts bursts."""

    def __init__(self) -> None:
        self._dernier: tuple[str, bytes, float] | None = None
        self._recents: list[float] = []

    def accept(
        self, device: str, trame: bytes, classe: str, maintenant: float | None = None
    ) -> bool:
        """Tell whether this frame is a new scan."""
        instant = time.monotonic() if maintenant is None else maintenant
        self._recents = [t for t in self._recents if instant - t < 1]
        if len(self._recents) >= RAFALE_PAR_S:
            return False
        self._recents.append(instant)
        precedent, self._dernier = self._dernier, (device, trame, instant)
        if precedent is None or classe not in DOUBLONS:
            return True
        meme = precedent[0] == device and precedent[1] == trame
        return not (meme and instant - precedent[2] <= DOUBLON_S)
