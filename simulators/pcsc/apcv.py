"""Appli carte Vitale laid on a reader: our contract (agent.md §3.3)."""

import base64
import json
import secrets
import time
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulators.pcsc.apdu import (
    ABSENT,
    CLASSE,
    DECALAGE,
    INSTRUCTION,
    P1_P2,
    SANS_FICHIER,
    CarteInvalide,
    Commande,
    Refus,
)

AID = b"\xf0APCVSIM1"
DUREE_S = 120


class PuceApcv:
    """One text to read. `texte` of the file, or one of the same grammar that no service knows."""

    def __init__(self, apcv: dict[str, Any]) -> None:
        self._texte = (apcv.get("texte") or _made(apcv)).encode("utf-8")
        if not self._texte.startswith(b"APCVSIM1."):
            raise CarteInvalide("le texte n'est pas de notre contrat")
        self.reset()

    def reset(self) -> None:
        """The application is no longer selected."""
        self._choisie = False

    def lose_applet(self) -> None:
        """A phone that is taken away and laid again."""
        self._choisie = False

    def execute(self, c: Commande) -> bytes:
        """SELECT by name, then READ BINARY by blocks."""
        if c.cla != 0:
            raise Refus(CLASSE)
        if c.ins == 0xA4:
            self._choisie = False
            if c.p1 != 0x04:
                raise Refus(P1_P2)
            if c.data != AID:
                raise Refus(ABSENT)
            self._choisie = True
            return b""
        if c.ins != 0xB0:
            raise Refus(INSTRUCTION)
        if not self._choisie:
            raise Refus(SANS_FICHIER)
        if c.p1p2 > len(self._texte):
            raise Refus(DECALAGE)
        return self._texte[c.p1p2 : c.p1p2 + (c.le or 0)]


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _made(apcv: dict[str, Any]) -> str:
    """A well-formed text, `age_s` seconds old, signed by a key that dies here."""
    iat = int(time.time()) - int(apcv.get("age_s", 0))
    dit = {
        "ctx": str(uuid4()),
        "iat": iat,
        "exp": iat + DUREE_S,
        "usage": apcv.get("usage", "titulaire"),
        "n": _b64(secrets.token_bytes(8)),
    }
    charge = f"APCVSIM1.{_b64(json.dumps(dit, separators=(',', ':')).encode())}"
    return f"{charge}.{_b64(Ed25519PrivateKey.generate().sign(charge.encode()))}"
