"""The seal of the journal, pure: what a line and a link are as bytes, what their seals are.

Anyone with the key and a copy of the two tables recomputes them: JSON, SHA-256, HMAC-SHA-256.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

# The columns of a line, in the order in which they are sealed.
COLONNES = (
    "id",
    "officine_id",
    "genre",
    "quand",
    "operateur_id",
    "role",
    "poste_id",
    "acte",
    "objet",
    "patient_id",
    "resultat",
    "precision",
)
_VERSION = "comptoir.sceau.1"
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class CleInconnue(LookupError):
    """No key given to this installation made a seal."""


@dataclass(frozen=True)
class Maillon:
    """A link of the chain: what `BlocAudit` keeps, without its seal."""

    officine_id: int
    genre: str
    rang: int
    nature: str
    mois: date
    apres: int
    dernier: int
    nombre: int
    empreinte: str
    precedent: str
    cle: str
    scelle_le: datetime


def encode_line(ligne: Sequence[object]) -> bytes:
    """Return the bytes of a line whose values come in the order of `COLONNES`.

    Source: SEC-02.
    """
    valeurs = list(ligne)
    quand = valeurs[3]
    if isinstance(quand, datetime):
        valeurs[3] = quand.astimezone(UTC).isoformat(timespec="microseconds")
    return _dumps(valeurs).encode() + b"\n"


def digest_lines(lignes: Iterable[Sequence[object]]) -> str:
    """Return the SHA-256 (hex) of lines in the order of their numbers. Source: SEC-02."""
    somme = hashlib.sha256()
    for ligne in lignes:
        somme.update(encode_line(ligne))
    return somme.hexdigest()


def digest_month(empreintes: Iterable[str]) -> str:
    """Return what is kept of a month once it is removed: the digest of its links' digests.

    Source: SEC-03.
    """
    return hashlib.sha256("\n".join(empreintes).encode()).hexdigest()


def key_mark(cle: str) -> str:
    """Return eight characters that tell which key sealed, and nothing of it. Source: SEC-13."""
    return hashlib.sha256(b"comptoir.sceau.cle\x00" + cle.encode()).hexdigest()[:8]


def compute_seal(maillon: Maillon, cles: Sequence[str]) -> str:
    """Return the HMAC (hex) of a link under the key it names; CleInconnue when none has its mark.

    Source: SEC-02.
    """
    cle = next((cle for cle in cles if key_mark(cle) == maillon.cle), None)
    if cle is None:
        raise CleInconnue(maillon.cle)
    message = _dumps(
        [
            _VERSION,
            maillon.officine_id,
            maillon.genre,
            maillon.rang,
            maillon.nature,
            maillon.mois.isoformat(),
            maillon.apres,
            maillon.dernier,
            maillon.nombre,
            maillon.empreinte,
            maillon.precedent,
            maillon.cle,
            maillon.scelle_le.astimezone(UTC).isoformat(timespec="microseconds"),
        ]
    )
    return hmac.new(cle.encode(), message.encode(), hashlib.sha256).hexdigest()


def link_fault(maillon: Maillon, sceau: str, avant: tuple[int, str], cles: Sequence[str]) -> str:
    """Return why a link does not hold after (rank, seal) of the one before it; empty when it does.

    One of: `rang` (a link is missing, or out of order), `chaine`, `cle`, `sceau`.
    Source: SEC-02 (verified daily).
    """
    if maillon.rang != avant[0] + 1:
        return "rang"
    if maillon.precedent != avant[1]:
        return "chaine"
    try:
        attendu = compute_seal(maillon, cles)
    except CleInconnue:
        return "cle"
    return "" if hmac.compare_digest(attendu, sceau) else "sceau"
