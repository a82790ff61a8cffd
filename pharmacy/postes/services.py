"""What the server gives an agent and believes from it (agent.md §5.4, §5.5, §5.7)."""

import hashlib
import json
import logging
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import DemandeSignature, NonceLecture, Poste, RecuCarte
from pharmacy.postes import cles
from pharmacy.refus import Refus

logger = logging.getLogger(__name__)
JETON_S = 300
NONCE_S = 120
# A proof is posted at once; the clocks of a poste and of the server differ by 90 s at most (§5.5).
PREUVE_S = 120
# How long after its end a number, or a request that no card signed, is kept.
OUBLI = timedelta(days=1)
# Operations an agent may be asked, and the scope each needs.
OPERATIONS = {
    "vitale.read": "card:read",
    "cps.read": "cps:read",
    "cps.situations": "cps:read",
    "cps.sign": "cps:sign",
    "apcv.read_nfc": "card:read",
}
PORTEES = ["card:read", "cps:read", "cps:sign", "scan"]
# On « Tester ce poste » only: readers told apart, diagnosis, search for updates (§5.7).
PORTEES_ESSAI = ["admin", "diag"]
_IDENT = re.compile(r"[\x21-\x7e]{1,64}")


class LectureRefusee(Refus):
    """A reading the server does not believe."""


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


def _scopes(acteur: Acteur, poste: Poste, *, essai: bool) -> list[str]:
    """Return what a token allows. To manage postes is asked for, granted by `peut`, and traced."""
    portees = list(PORTEES) if peut(acteur, "vente").ok else []
    if essai and peut(acteur, "postes.gerer", poste).ok:
        audit.note(acteur, "poste.essayer", f"poste:{poste.pk}")
        portees += PORTEES_ESSAI
    return portees


def issue_token(
    acteur: Acteur, poste: Poste, *, sid: str, challenge: str, essai: bool = False
) -> tuple[str, datetime]:
    """Return a token bound to one connection of the poste's agent, and its expiry.

    Who may not hold a sale sees the readers and reads nothing: the token has no scope. `essai`:
    the page that asks is « Tester ce poste ».
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
            "scope": _scopes(acteur, poste, essai=essai),
            "jti": uuid4().hex,
            "iat": int(maintenant.timestamp()),
            "nbf": int(maintenant.timestamp()),
            "exp": int(expire.timestamp()),
        },
    )
    return jeton, expire


def note_presence(poste: Poste, proof: str, *, sid: str) -> None:
    """Mark the poste alive when its agent proves, now and to this session, that it holds the key.

    Numbers and requests of signature that ended long ago are forgotten by the way. Raises
    JetonRefuse. Source: agent.md §5.5 (`proof`).
    """
    claims = cles.verify(proof, "agent-proof+jwt", poste.cle_publique)
    maintenant = timezone.now()
    signee = claims.get("iat")
    if claims.get("sid") != sid:
        raise cles.JetonRefuse("autre_session")
    if type(signee) is not int or abs(int(maintenant.timestamp()) - signee) > PREUVE_S:
        raise cles.JetonRefuse("preuve_ancienne")
    version = claims.get("agent")
    if not (isinstance(version, str) and _IDENT.fullmatch(version)):
        raise cles.JetonRefuse("version")
    Poste.objects.filter(pk=poste.pk, officine_id=poste.officine_id).update(
        vu_le=maintenant, version_agent=version[:20]
    )
    _forget_ended(poste, maintenant - OUBLI)


def _forget_ended(poste: Poste, avant: datetime) -> None:
    """Delete what served once or never will again; the receipts are the proof, and stay."""
    NonceLecture.objects.filter(
        officine_id=poste.officine_id, poste=poste, expire_le__lt=avant
    ).delete()
    DemandeSignature.objects.filter(
        officine_id=poste.officine_id, poste=poste, expire_le__lt=avant
    ).exclude(etat=DemandeSignature.Etat.SIGNEE).delete()


def note_sign(poste: Poste, claims: dict[str, Any]) -> None:
    """Note when the agent last showed that it holds its key, and its version; a stale proof notes
    nothing, and neither does a revoked poste's.
    """
    maintenant = timezone.now()
    signee, version = claims.get("iat"), claims.get("agent")
    if type(signee) is not int or abs(int(maintenant.timestamp()) - signee) > PREUVE_S:
        return
    if isinstance(version, str) and _IDENT.fullmatch(version):
        Poste.objects.filter(
            pk=poste.pk, officine_id=poste.officine_id, etat=Poste.Etat.ASSOCIE
        ).update(vu_le=maintenant, version_agent=version[:20])


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
        recu = _read_receipt(acteur, poste, sid=sid, operation=operation, data=data, brut=receipt)
        if not isinstance(data, dict):
            raise _refus("recu_data")
        with transaction.atomic():
            garde = _keep_receipt(acteur, poste, operation, recu)
            _consume_nonce(acteur, poste, sid, operation, recu.nonce)
            audit.note(acteur, f"lecture.{operation}", f"recu:{garde.pk}")
    except LectureRefusee as exc:
        # A page that edits, replays or invents a reading leaves a trace: the code, no data.
        audit.note(acteur, "lecture.refusee", f"poste:{poste.pk}", resultat=exc.code)
        logger.warning("lecture.refusee")
        raise
    return Lecture(operation, data, garde, recu.simule)


def keep_sign_receipt(
    acteur: Acteur, poste: Poste, *, sid: str, demande: str, items: list[Any], receipt: str
) -> None:
    """Keep the receipt of a signature, so that the poste's chain has no hole; LectureRefusee.

    The number it carries is that of the request. Source: agent.md §5.7, `cps.sign`, « Receipt ».
    """
    recu = _read_receipt(
        acteur,
        poste,
        sid=sid,
        operation="cps.sign",
        data={"signatures": items},
        brut=receipt,
    )
    if recu.nonce != demande:
        raise _refus("recu_nonce")
    with transaction.atomic():
        _keep_receipt(acteur, poste, "cps.sign", recu)


@dataclass(frozen=True)
class _Recu:
    """What a receipt says, once its signature and its addressees are right."""

    jti: str
    nonce: str
    precedent: str
    data_sha256: str
    simule: bool
    empreinte: str


def _read_receipt(
    acteur: Acteur, poste: Poste, *, sid: str, operation: str, data: object, brut: str
) -> _Recu:
    """Return what the receipt says of `data`. A reader is simulated unless it says it is not."""
    try:
        claims = cles.verify(brut, "card-receipt+jwt", poste.cle_publique)
    except cles.JetonRefuse as exc:
        raise _refus(str(exc)) from exc
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
    pilote = claims.get("driver")
    simule = not (isinstance(pilote, dict) and pilote.get("simulated") is False)
    if simule and settings.ENVIRONNEMENT == "production":
        raise _refus("recu_simule")
    return _Recu(
        jti=_ident(claims, "jti"),
        nonce=_ident(claims, "nonce"),
        precedent=_ident(claims, "prev") if claims.get("prev") is not None else "",
        data_sha256=attendu["data_sha256"],
        simule=simule,
        empreinte=hashlib.sha256(brut.encode()).hexdigest(),
    )


def _ident(claims: dict[str, Any], nom: str) -> str:
    valeur = claims.get(nom)
    if not (isinstance(valeur, str) and _IDENT.fullmatch(valeur)):
        raise _refus(f"recu_{nom}")
    return valeur


def _refus(code: str) -> LectureRefusee:
    return LectureRefusee(
        code, "Lecture refusée : elle ne vient pas du lecteur de ce poste. Relisez la carte."
    )


def _consume_nonce(acteur: Acteur, poste: Poste, sid: str, operation: str, valeur: str) -> None:
    maintenant = timezone.now()
    pris = NonceLecture.objects.filter(
        officine_id=acteur.officine_id,
        valeur_hash=hashlib.sha256(valeur.encode()).hexdigest(),
        poste=poste,
        session_hash=sid,
        operateur_id=acteur.operateur_id,
        operation=operation,
        consomme_le__isnull=True,
        expire_le__gt=maintenant,
    ).update(consomme_le=maintenant)
    if not pris:
        raise LectureRefusee("nonce", "Lecture trop ancienne ou déjà utilisée. Relisez la carte.")


def _keep_receipt(acteur: Acteur, poste: Poste, operation: str, recu: _Recu) -> RecuCarte:
    """Add a receipt to the poste's chain. Two readings at once pass one after the other."""
    dernier = Poste.objects.select_for_update(of=("self",), no_key=True).get(
        pk=poste.pk, officine_id=acteur.officine_id
    )
    garde = RecuCarte(
        officine_id=acteur.officine_id,
        jti=recu.jti,
        poste=poste,
        operateur_id=acteur.operateur_id,
        operation=operation,
        data_sha256=recu.data_sha256,
        precedent=recu.precedent,
        chaine_rompue=bool(dernier.dernier_recu) and recu.precedent != dernier.dernier_recu,
        simule=recu.simule,
    )
    try:
        garde.save(force_insert=True)
    except IntegrityError as exc:
        # The number of a receipt is unique: this one was given before.
        raise _refus("recu_rejoue") from exc
    dernier.dernier_recu = recu.empreinte
    dernier.vu_le = timezone.now()
    dernier.save(update_fields=["dernier_recu", "vu_le"])
    return garde


class PosteRevoque(Exception):
    """A revoked workstation takes no key until someone says so in so many words."""


def enrol_local(poste: Poste, cle_publique: str, *, retablir: bool = False) -> None:
    """Attach a workstation key given by whoever installs (the launcher, a command).

    Raises PosteRevoque for a revoked poste unless `retablir`, ValueError for a malformed key.
    """
    cle = cles.poste_key(cle_publique)
    postes = Poste.objects.filter(pk=poste.pk, officine_id=poste.officine_id)
    if not retablir:
        postes = postes.exclude(etat=Poste.Etat.REVOQUE)
    pris = postes.update(
        cle_publique=cle_publique,
        kid=cle.thumbprint(),
        etat=Poste.Etat.ASSOCIE,
        dernier_recu="" if poste.cle_publique != cle_publique else poste.dernier_recu,
    )
    if not pris:
        raise PosteRevoque(poste.code)
    audit.note_system(poste.officine_id, "poste.cle", f"poste:{poste.pk}")
