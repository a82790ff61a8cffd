"""From the bytes of a device to scans: framing, decoding, duplicates (agent.md §4.2)."""

import base64
import hashlib
from asyncio import TimerHandle
from collections import deque
from typing import Any
from weakref import ReferenceType, ref

from agent.protocol.classification import Motifs, has_garbage, lire_code

TRAME_MAX = 4096
DOUBLON_S = 0.7
DOUBLONS = {"ordonnance", "apcv", "ins_datamatrix", "2ddoc", "attestation_amc", "badge"}
PRODUITS = {"gs1", "ean13", "acl7"}
SERIES_MEMOIRE = 50
RAFALE_PAR_S, ATTENTE_MAX = 30, 50
SILENCE_S = 0.08
Evenement = tuple[str, dict[str, Any]]


class Trameur:
    """Cuts a stream into frames: STX…ETX, or a line; too long is dropped until the next end."""

    def __init__(self) -> None:
        self._tampon = bytearray()
        self._trop_long = False
        self._stx = False
        self.ignores = 0

    def feed(self, octets: bytes) -> list[bytes | None]:
        """Return the frames that end here; None stands for one that was too long."""
        trames: list[bytes | None] = []
        for octet in octets:
            if octet == 0x02:
                self.ignores += len(self._tampon)
                self._reset()
                self._stx = True
            elif octet == 0x03 or (octet in {0x0D, 0x0A} and not self._stx):
                trames.extend(self._end())
            elif len(self._tampon) >= TRAME_MAX:
                self._trop_long = True
            else:
                self._tampon.append(octet)
        return trames

    def flush(self) -> list[bytes | None]:
        """End the frame after the idle gap."""
        return self._end()

    def drop(self) -> None:
        """Forget a frame that will never end: its device is gone."""
        self.ignores += len(self._tampon)
        self._reset()

    def _end(self) -> list[bytes | None]:
        trame = None if self._trop_long else bytes(self._tampon)
        self._reset()
        return [trame] if trame or trame is None else []

    def _reset(self) -> None:
        self._tampon.clear()
        self._trop_long = self._stx = False


class Lecture(dict[str, Any]):
    """A `scan` event, that may be counted again for as long as it waits somewhere."""


def build_scan(trame: bytes, device: str, motifs: Motifs, role: str) -> Lecture:
    """Return the `scan` event: raw text, bytes, and the class as a help."""
    try:
        texte, encodage = trame.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        texte, encodage = trame.decode("latin-1"), "latin-1"
    code = lire_code(texte, "scan", motifs)
    return Lecture(
        {
            "class": code.classe,
            "confidence": 0 if code.classe == "inconnu" else 50 if code.ambigu else 100,
            "text": texte,
            "bytes_b64": base64.b64encode(trame).decode(),
            "aim": code.aim,
            "role": role,
            "device": device,
            "parsed": code.champs if code.classe in PRODUITS else {},
            "repaired": code.repare,
            "ambigu": code.ambigu,
            "encoding": encodage,
            "garbage": has_garbage(texte),
            "repeat": 0,
        }
    )


def build_event(scan: dict[str, Any]) -> Evenement:
    """Return the event of a scan; a phone's string is a secret of its own, sent bare (§3.2).

    The agent does not look into it: when it ends is not known here.
    """
    if scan["class"] != "apcv":
        return ("scan", scan)
    texte = str(scan["text"]).removeprefix(scan["aim"])
    return (
        "apcv",
        {"contexteApCV": texte, "mode": 2, "device": scan["device"], "expires_hint": None},
    )


class Cadence:
    """Thirty scans a second of one device, fifty more waiting; the rest is counted, not sent."""

    def __init__(self) -> None:
        self._partis: deque[float] = deque()
        self._attente: deque[dict[str, Any]] = deque()
        self._perdus = 0

    def offer(self, scan: dict[str, Any]) -> None:
        """Take a scan, in the order of the device."""
        if len(self._attente) < ATTENTE_MAX:
            self._attente.append(scan)
        else:
            self._perdus += 1

    def due(self, instant: float) -> list[dict[str, Any]]:
        """Return what may leave now."""
        partants = []
        self._expire(instant)
        while self._attente and len(self._partis) < RAFALE_PAR_S:
            self._partis.append(instant)
            partants.append(self._attente.popleft())
        return partants

    def lost(self) -> int:
        """Return, once the queue is empty, how many scans were dropped since the last time."""
        perdus = 0 if self._attente else self._perdus
        self._perdus -= perdus
        return perdus

    def wait_s(self, instant: float) -> float | None:
        """Return the delay before the next departure; None when nothing waits."""
        if not self._attente:
            return None
        self._expire(instant)
        plein = len(self._partis) >= RAFALE_PAR_S
        return max(0.001, self._partis[0] + 1 - instant) if plein else 0.0

    def _expire(self, instant: float) -> None:
        while self._partis and instant - self._partis[0] >= 1:
            self._partis.popleft()


class Appareil:
    """One scanner: bytes in, events out. Merges the double reading of one code, never two boxes."""

    def __init__(
        self, device: str, motifs: Motifs, role: str = "", silence_s: float = SILENCE_S
    ) -> None:
        self.device = device
        self.motifs = motifs
        self.role = role or ("patient" if device == "patient" else "comptoir")
        self.silence_s = silence_s
        self.silence: TimerHandle | None = None
        self.tour: TimerHandle | None = None
        self._trameur = Trameur()
        self._cadence = Cadence()
        self._dernier: tuple[bytes, float, ReferenceType[Lecture]] | None = None
        self._series: deque[bytes] = deque(maxlen=SERIES_MEMOIRE)

    @property
    def ignores(self) -> int:
        """How many bytes of this device belonged to no frame."""
        return self._trameur.ignores

    def drop(self) -> None:
        """Forget what was read of a frame: the device is gone."""
        if self.silence is not None:
            self.silence.cancel()
        self._trameur.drop()

    def feed(self, octets: bytes, instant: float) -> list[Evenement]:
        """Return the events of these bytes."""
        return self._read(self._trameur.feed(octets), instant)

    def flush(self, instant: float) -> list[Evenement]:
        """Return the event of a frame that ends by a silence."""
        return self._read(self._trameur.flush(), instant)

    def due(self, instant: float) -> list[Evenement]:
        """Return what may leave now, and once what a burst lost."""
        evenements: list[Evenement] = [build_event(s) for s in self._cadence.due(instant)]
        perdus = self._cadence.lost()
        if perdus:
            evenements.append(("scan.rejected", {"reason": "rafale", "count": perdus}))
        return evenements

    def wait_s(self, instant: float) -> float | None:
        """Return the delay before the next departure; None when nothing waits."""
        return self._cadence.wait_s(instant)

    def _read(self, trames: list[bytes | None], instant: float) -> list[Evenement]:
        evenements: list[Evenement] = []
        for trame in trames:
            if trame is None:
                evenements.append(("scan.rejected", {"reason": "trop_long", "count": 1}))
                continue
            scan = build_scan(trame, self.device, self.motifs, self.role)
            if not self._is_double(trame, scan, instant):
                self._mark_series(scan)
                self._cadence.offer(scan)
                evenements += self.due(instant)
        return evenements

    def _is_double(self, trame: bytes, scan: Lecture, instant: float) -> bool:
        """Tell whether this code was just read; the first reading, if it still waits, counts it."""
        # Only a digest stays here: what a phone showed is forgotten once delivered.
        vue = hashlib.sha256(trame).digest()
        precedent, self._dernier = self._dernier, (vue, instant, ref(scan))
        if precedent is None or scan["class"] not in DOUBLONS:
            return False
        if precedent[0] != vue or instant - precedent[1] > DOUBLON_S:
            return False
        self._dernier = (vue, instant, precedent[2])
        if (premiere := precedent[2]()) is not None:
            premiere["repeat"] += 1
        return True

    def _mark_series(self, scan: dict[str, Any]) -> None:
        """Say when a box, known by its serial number, was already read: it is the same box."""
        serie = scan["parsed"].get("numero_serie")
        if not serie:
            return
        vue = hashlib.sha256(f"{scan['parsed']['gtin']} {serie}".encode()).digest()
        scan["serial_repeat"] = vue in self._series
        self._series.append(vue)
