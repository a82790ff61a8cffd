"""What the server gives an agent and believes from it (agent.md §5.4, §5.5, §5.7)."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import NonceLecture, Poste, RecuCarte
from pharmacy.postes import cles

JETON_S = 300
NONCE_S = 120
# Operations an agent may be asked, and the scope each needs.
OPERATIONS = {"vitale.read": "card:read", "cps.read": "cps:read", "cps.sign": "cps:sign"}
PORTEES = ["card:read", "cps:read", "cps:sign", "scan"]


class LectureRefusee(Exception):
    """A reading the server does not believe; `code` is stable, `phrase` for the screen."""

    def __init__(self, code: str, phrase: str) -> None:
        super().__init__(code)
        self.code = code
        self.phrase = phrase


@dataclass(frozen=True)
class Lecture:
    """A reading proved by its receipt. The data never show in a representation."""

    operation: str
    data: dict[str, Any] = field(repr=False)
    recu: RecuCarte
    simule: bool


def session_hash(session_key: str | None) -> str:
    """Return the digest of a web session, as tokens and receipts carry it."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:32]


def issue_token(acteur: Acteur, poste: Poste, *, sid: str, challenge: str) -> tuple[str, datetime]:
    """Return a token bound to one connection of the poste's agent, and its expiry.

    Source: agent.md §5.5 (five minutes, `cnonce` = the connection's challenge).
    """
    maintenant = timezone.now()
    expire = maintenant + timedelta(seconds=JETON_S)
    jeton = cles.sign(
        "agent+jwt",
        {
            "iss": settings.ADRESSE,
            "aud": f"agent:{poste.wid}",
            "sub": str(acteur.operateur_id),
            "sid": sid,
            "origin": settings.ADRESSE,
            "cnonce": challenge,
            "scope": PORTEES,
            "jti": uuid4().hex,
            "iat": int(maintenant.timestamp()),
            "nbf": int(maintenant.timestamp()),
            "exp": int(expire.timestamp()),
        },
    )
    return jeton, expire


def note_presence(poste: Poste, proof: str) -> None:
    """Mark the poste alive when its agent proves it holds the key. Raises JetonRefuse."""
    lu = cles.verify(proof, "agent-proof+jwt", poste.cle_publique)
    Poste.objects.filter(pk=poste.pk).update(
        vu_le=timezone.now(), version_agent=str(lu.claims.get("agent", ""))[:20]
    )


def issue_nonce(acteur: Acteur, poste: Poste, *, sid: str, operation: str) -> str:
    """Return a fresh nonce for one reading. KeyError when the operation is unknown."""
    OPERATIONS[operation]
    valeur = secrets.token_urlsafe(24)
    NonceLecture.objects.create(
        officine_id=acteur.officine_id,
        valeur_hash=hashlib.sha256(valeur.encode()).hexdigest(),
        session_hash=sid,
        operateur_id=acteur.operateur_id,
        poste=poste,
        operation=operation,
        expire_le=timezone.now() + timedelta(seconds=NONCE_S),
    )
    return valeur


def canonical_json(data: object) -> bytes:
    """Return RFC 8785 canonical JSON (strings, integers, booleans, null, arrays, objects)."""
    return json.dumps(
        data, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode()


def verify_reading(
    acteur: Acteur,
    poste: Poste,
    *,
    sid: str,
    operation: str,
    data: object,
    receipt: str,
) -> Lecture:
    """Return the reading if its receipt proves it, consuming the nonce; raise LectureRefusee.

    Checks the poste's key, the nonce (once, two minutes, this session, this operation), the digest
    of the data, the operator, and that a simulated reader is not used in production.
    Source: agent.md §5.7, « Receipt ».
    """
    try:
        claims = cles.verify(receipt, "card-receipt+jwt", poste.cle_publique).claims
    except cles.JetonRefuse as exc:
        raise _refus(str(exc)) from exc
    simule = bool((claims.get("driver") or {}).get("simulated"))
    attendu = {
        "iss": f"agent:{poste.wid}",
        "aud": settings.ADRESSE,
        "sub": str(acteur.operateur_id),
        "sid": sid,
        "op": operation,
        "data_sha256": hashlib.sha256(canonical_json(data)).hexdigest(),
    }
    for nom, valeur in attendu.items():
        if claims.get(nom) != valeur:
            raise _refus(f"recu_{nom}")
    if not isinstance(data, dict):
        raise _refus("recu_data")
    if simule and settings.ENVIRONNEMENT == "production":
        raise _refus("recu_simule")
    with transaction.atomic():
        _consume_nonce(poste, sid, operation, str(claims.get("nonce", "")))
        recu = _keep_receipt(acteur, poste, operation, claims, receipt, simule=simule)
        audit.note(acteur, f"lecture.{operation}", f"recu:{recu.pk}")
    return Lecture(operation, data, recu, simule)


def _refus(code: str) -> LectureRefusee:
    return LectureRefusee(
        code, "Lecture refusée : elle ne vient pas du lecteur de ce poste. Relisez la carte."
    )


def _consume_nonce(poste: Poste, sid: str, operation: str, valeur: str) -> None:
    maintenant = timezone.now()
    pris = NonceLecture.objects.filter(
        valeur_hash=hashlib.sha256(valeur.encode()).hexdigest(),
        poste=poste,
        session_hash=sid,
        operation=operation,
        consomme_le__isnull=True,
        expire_le__gt=maintenant,
    ).update(consomme_le=maintenant)
    if not pris:
        raise LectureRefusee("nonce", "Lecture trop ancienne ou déjà utilisée. Relisez la carte.")


def _keep_receipt(
    acteur: Acteur, poste: Poste, operation: str, claims: dict[str, Any], brut: str, *, simule: bool
) -> RecuCarte:
    jti = str(claims.get("jti", ""))
    if not jti or RecuCarte.objects.filter(jti=jti).exists():
        raise _refus("recu_rejoue")
    precedent = str(claims.get("prev") or "")
    recu = RecuCarte.objects.create(
        officine_id=acteur.officine_id,
        jti=jti[:64],
        poste=poste,
        operateur_id=acteur.operateur_id,
        operation=operation,
        data_sha256=str(claims["data_sha256"]),
        precedent=precedent[:64],
        chaine_rompue=bool(poste.dernier_recu) and precedent != poste.dernier_recu,
        simule=simule,
    )
    Poste.objects.filter(pk=poste.pk).update(
        dernier_recu=hashlib.sha256(brut.encode()).hexdigest(), vu_le=timezone.now()
    )
    return recu


def enrol_local(poste: Poste, cle_publique: str) -> None:
    """Attach a workstation key given by whoever installs (the launcher, a command)."""
    cle = cles.poste_key(cle_publique)
    Poste.objects.filter(pk=poste.pk).update(
        cle_publique=cle_publique,
        kid=cle.thumbprint(),
        etat=Poste.Etat.ASSOCIE,
        dernier_recu="" if poste.cle_publique != cle_publique else poste.dernier_recu,
    )
