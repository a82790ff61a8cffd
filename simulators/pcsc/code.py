"""The code porteur of a virtual card: three tries, kept when the card is taken out (§7.3)."""

import hmac
import json
from pathlib import Path
from typing import Any

from simulators.pcsc.apdu import BLOQUE, LONGUEUR, Refus


class CodePorteur:
    """Reference, value, counter; presented until the next reset."""

    def __init__(self, pin: dict[str, Any], memoire: Path | None) -> None:
        self.ref = int(pin.get("ref", 1))
        self.max = int(pin.get("tries_max", 3))
        self.reste = int(pin.get("tries_left", self.max))
        usage = pin.get("usage_left")
        self.usage = None if usage is None else int(usage)
        self.presente = False
        self._valeur = str(pin["value"]).encode("ascii")
        self._memoire = memoire
        if memoire is not None and memoire.exists():
            self.reste = int(json.loads(memoire.read_text(encoding="utf-8"))["tries_left"])

    @property
    def bloque(self) -> bool:
        """No try is left, or no use (§1.3: a usage counter at 0 is 0 tries)."""
        return self.reste == 0 or self.usage == 0

    def state(self) -> int:
        """What VERIFY without data answers."""
        if self.bloque:
            return BLOQUE
        return 0x9000 if self.presente else 0x63C0 | self.reste

    def verify(self, donne: bytes) -> None:
        """Compare; Refus(63Cx) takes a try, Refus(6983) once blocked, right code or not."""
        if self.bloque:
            raise Refus(BLOQUE)
        if not 4 <= len(donne) <= 8:
            raise Refus(LONGUEUR)
        self.presente = hmac.compare_digest(donne, self._valeur)
        self._keep(self.max if self.presente else self.reste - 1)
        if not self.presente:
            raise Refus(0x63C0 | self.reste)
        if self.usage is not None:
            self.usage -= 1

    def _keep(self, reste: int) -> None:
        self.reste = reste
        if self._memoire is not None:
            self._memoire.parent.mkdir(parents=True, exist_ok=True)
            self._memoire.write_text(json.dumps({"tries_left": reste}), encoding="utf-8")
