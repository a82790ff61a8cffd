"""Receipts: what was read, signed by the workstation over the server's nonce (agent.md §5.7)."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import jws
from agent.fichiers import read_object, write_object, write_private
from agent.policy import Acces, Enrolement, Vus


def canonical(data: object) -> bytes:
    """Return RFC 8785 canonical JSON of strings, integers, booleans, null, arrays and objects."""
    return json.dumps(
        data, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode()


class DemandesVues(Vus):
    """Signature requests already used, kept in a file: an agent killed and restarted signs none
    of them a second time (§8, case 99).
    """

    def __init__(self, fichier: Path) -> None:
        super().__init__(_load_seen(fichier))
        self._fichier = fichier

    def add(self, jti: str, maintenant: float) -> bool:
        """Remember `jti` before anything is asked of the card; False when it was already there."""
        neuve = super().add(jti, maintenant)
        if neuve:
            write_object(self._fichier, self.jti)
        return neuve


def _load_seen(fichier: Path) -> dict[str, float]:
    lus = read_object(fichier)
    return {jti: float(t) for jti, t in lus.items() if isinstance(t, int | float)}


class Registre:
    """Signs receipts; each carries the hash of the one before, kept in a file."""

    def __init__(self, cle: Ed25519PrivateKey, enrolement: Enrolement, dossier: Path) -> None:
        self.cle = cle
        self.enrolement = enrolement
        self.fichier = dossier / "dernier-recu"
        self.demandes = DemandesVues(dossier / "demandes-vues.json")

    def _previous(self) -> str:
        try:
            return self.fichier.read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def sign(self, acces: Acces, maintenant: float, contenu: dict[str, Any], data: object) -> str:
        """Return the receipt of one reading; `contenu` names op, nonce, reader, card and driver."""
        recu = jws.sign(
            self.cle,
            "card-receipt+jwt",
            {
                "iss": f"agent:{self.enrolement.wid}",
                "aud": self.enrolement.emetteur,
                "sub": acces.sub,
                "sid": acces.sid,
                "jti": uuid4().hex,
                "iat": int(maintenant),
                "data_sha256": hashlib.sha256(canonical(data)).hexdigest(),
                "prev": self._previous() or None,
                **contenu,
            },
        )
        write_private(self.fichier, hashlib.sha256(recu.encode()).hexdigest().encode())
        return recu
