"""The text that a phone shows: signed, good for two minutes, good once (agent.md §3.3)."""

import base64
import json
import re
import secrets
import time
from dataclasses import dataclass
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DUREE_S = 120
GRACE_S = 30
GRAMMAIRE = re.compile(r"APCVSIM1\.([A-Za-z0-9_-]{40,900})\.([A-Za-z0-9_-]{86})")


class CodeRefuse(Exception):
    """The text is not one of ours; the argument is a reason for the journal."""


@dataclass(frozen=True)
class Code:
    """What was minted: identifier, household, whose phone, instants in seconds."""

    ctx: str
    foyer: str
    usage: str
    iat: int
    exp: int

    def is_expired(self, maintenant: float | None = None) -> bool:
        """Tell whether the code is too old, thirty seconds of grace counted."""
        return (maintenant or time.time()) > self.exp + GRACE_S


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _unb64(texte: str) -> bytes:
    return base64.urlsafe_b64decode(texte + "=" * (-len(texte) % 4))


class Atelier:
    """Mints and checks codes, under a key that this process made."""

    def __init__(self) -> None:
        self.cle = Ed25519PrivateKey.generate()
        self.faits: dict[str, Code] = {}

    def mint(self, foyer: str, usage: str, age_s: int = 0) -> tuple[str, Code]:
        """Return (text, code) as a phone would have shown it `age_s` seconds ago."""
        iat = int(time.time()) - age_s
        code = Code(str(uuid4()), foyer, usage, iat, iat + DUREE_S)
        dit = {
            "ctx": code.ctx,
            "iat": code.iat,
            "exp": code.exp,
            "usage": usage,
            "n": _b64(secrets.token_bytes(8)),
        }
        charge = _b64(json.dumps(dit, separators=(",", ":")).encode())
        signature = _b64(self.cle.sign(f"APCVSIM1.{charge}".encode()))
        self.faits[code.ctx] = code
        return f"APCVSIM1.{charge}.{signature}", code

    def read(self, texte: str) -> Code:
        """Return the code of a text that this process signed; CodeRefuse otherwise."""
        lu = GRAMMAIRE.fullmatch(texte)
        if lu is None:
            raise CodeRefuse("grammaire")
        charge, signature = lu.groups()
        try:
            self.cle.public_key().verify(_unb64(signature), f"APCVSIM1.{charge}".encode())
        except InvalidSignature as exc:
            raise CodeRefuse("signature") from exc
        code = self.faits.get(str(json.loads(_unb64(charge))["ctx"]))
        if code is None:
            raise CodeRefuse("oublié")
        return code
