"""What a tab may ask: one function per verb of the protocol (agent.md §5.6, §5.7)."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agent import VERSION, diagnostic, jws
from agent.appareils.base import ROLES
from agent.cards.base import ASigner, Carte
from agent.policy import build_window, check_sign_request, check_token, digests
from agent.protocol import messages
from agent.protocol.messages import ErreurAgent, Requete
from agent.server.onglets import Connexion

if TYPE_CHECKING:
    from agent.server.agent import Agent

REFUS_MAX = 3
# Seconds between two readings of a card that answered; seconds a reader may be lent (§5.7, §5.11).
LECTURE_S, PRET_MAX_S = 1.0, 120


async def _v_ping(agent: Agent, _connexion: Connexion, requete: Requete) -> dict[str, Any]:
    return {"t": requete.payload.get("t"), "agent_time": int(time.time() * 1000)}


async def _v_auth(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    if agent.suivi is not None and agent.suivi.is_unknown(requete.payload.get("token")):
        await agent.suivi.refresh_keys()
    _check_protocol(requete)
    try:
        acces = check_token(
            agent.enrolement,
            requete.payload.get("token"),
            liaison=connexion.liaison,
            vus=agent.vus,
            maintenant=time.time(),
        )
    except ErreurAgent:
        connexion.refus += 1
        if connexion.refus >= REFUS_MAX:
            agent.porte.ban(connexion.liaison.origine)
        raise
    if connexion.acces is not None and connexion.acces.sub != acces.sub:
        agent.onglets.release(connexion)
    if connexion.acces is None:
        agent.porte.make_room()
    connexion.acces = acces
    preuve = jws.sign(
        agent.registre.cle,
        "agent-proof+jwt",
        {
            "jti": acces.jti,
            "sid": acces.sid,
            "challenge": connexion.liaison.challenge,
            "agent": VERSION,
            "iat": int(time.time()),
        },
    )
    return {
        "session": "s_" + uuid4().hex[:10],
        "expires_at": datetime.fromtimestamp(acces.exp, UTC).isoformat(),
        "capabilities": _capabilities(agent),
        "proof": preuve,
    }


def _check_protocol(requete: Requete) -> None:
    """A page of a later protocol is told so; one that says nothing is of the first (§5.13)."""
    client = requete.payload.get("client")
    voulu = client.get("protocol") if isinstance(client, dict) else None
    if voulu not in {None, messages.VERSION_PROTOCOLE}:
        raise ErreurAgent("E_PROTO_VERSION", protocol=messages.VERSION_PROTOCOLE, agent=VERSION)


def _capabilities(agent: Agent) -> dict[str, Any]:
    return {
        "drivers": {
            "vitale": agent.pilote.nom,
            "cps": agent.pilote.nom_cps() or False,
            "apcv": agent.pilote.nom,
            "scanner": agent.pilote.nom,
        },
        "simulated": agent.pilote.simule,
        "features": ["scan", "sign", "situations"],
        "protocol": messages.VERSION_PROTOCOLE,
        "agent": VERSION,
        "min_agent": agent.enrolement.min_agent or None,
        "limits": {"message": messages.TAILLE_MAX},
    }


async def _v_capabilities(agent: Agent, _c: Connexion, _r: Requete) -> dict[str, Any]:
    return _capabilities(agent)


async def _v_state(agent: Agent, connexion: Connexion, _r: Requete) -> dict[str, Any]:
    pin = agent.pilote.pin_state()
    return {
        "readers": agent.pilote.lecteurs(),
        "scanners": agent.scanners(),
        "focus": agent.onglets.focus is connexion,
        "pin": {"state": pin.etat, "tries_left": pin.essais},
        "degraded": agent.degrade(),
        "locked_session": agent.porte.verrouillee,
        "agent": VERSION,
    }


async def _v_subscribe(agent: Agent, _c: Connexion, requete: Requete) -> dict[str, Any]:
    sujets = requete.payload.get("topics")
    return {"topics": sujets if isinstance(sujets, list) else []}


async def _v_focus(agent: Agent, connexion: Connexion, _r: Requete) -> dict[str, Any]:
    agent.onglets.focus = connexion
    agent.onglets.broadcast("focus.changed", {"owner_tab": connexion.liaison.challenge[:6]})
    agent.scans.give_kept(connexion)
    return {"owner": True, "since": int(time.time())}


async def _v_blur(agent: Agent, connexion: Connexion, _r: Requete) -> dict[str, Any]:
    agent.onglets.release(connexion)
    return {"owner": False}


async def _v_vitale(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    return await _read(agent, connexion, requete, "vitale", agent.pilote.lire_vitale)


async def _v_apcv(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    lu = await _read(agent, connexion, requete, "apcv", agent.pilote.lire_apcv)
    return {**lu["data"], "receipt": lu["receipt"]}


async def _v_cps(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    return await _read(agent, connexion, requete, "cps", agent.pilote.lire_cps)


async def _read(
    agent: Agent,
    connexion: Connexion,
    requete: Requete,
    genre: str,
    lire: Callable[[Carte], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    nonce = _nonce(agent, connexion, requete)
    carte = agent.pilote.carte(genre, _reader(requete, required=False))
    if carte.lecteur in agent.onglets.occupes:
        raise ErreurAgent("E_BUSY")
    agent.lectures.check(carte, time.monotonic())
    agent.onglets.occupes[carte.lecteur] = requete.ident
    try:
        data = await lire(carte)
    finally:
        agent.onglets.occupes.pop(carte.lecteur, None)
    agent.lectures.note(carte, time.monotonic())
    return {
        "data": data,
        "receipt": _receipt(agent, connexion, carte, requete.verbe, nonce, data),
    }


async def _v_situations(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    """Read what needs the code: not held by `occupes`, the window is where requests wait."""
    nonce = _nonce(agent, connexion, requete)
    carte = agent.pilote.carte("cps", _reader(requete, required=False))
    with agent.onglets.waiting(carte.lecteur, requete.ident):
        data = await agent.pilote.lire_situations(carte)
    recu = _receipt(agent, connexion, carte, requete.verbe, nonce, data)
    return {"data": data, "receipt": recu}


def _nonce(agent: Agent, connexion: Connexion, requete: Requete) -> str:
    """Return the server's nonce of a reading asked by the tab in front. Raises ErreurAgent."""
    nonce = requete.payload.get("nonce")
    if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
        raise ErreurAgent("E_NONCE_MISSING")
    assert connexion.acces is not None  # noqa: S101 - checked by the verb's scope
    force = requete.payload.get("force") is True and "admin" in connexion.acces.portees
    if agent.onglets.focus is not connexion and not force:
        raise ErreurAgent("E_NOT_FOCUSED")
    return nonce


class Lectures:
    """When each card was last read: once a second is enough for a card that answered (§5.11)."""

    def __init__(self) -> None:
        self._dernieres: dict[str, tuple[str, float]] = {}

    def check(self, carte: Carte, maintenant: float) -> None:
        """Refuse a card read less than a second ago. Raises ErreurAgent."""
        insertion, quand = self._dernieres.get(carte.lecteur, ("", 0.0))
        reste = quand + LECTURE_S - maintenant
        if insertion == carte.insertion_id and reste > 0:
            raise ErreurAgent("E_RATE_LIMITED", retry_ms=max(1, round(reste * 1000)))

    def note(self, carte: Carte, maintenant: float) -> None:
        """Remember that a card was read; what failed may be tried again at once."""
        self._dernieres[carte.lecteur] = (carte.insertion_id, maintenant)


def _reader(requete: Requete, *, required: bool) -> str:
    """Return the reader a request names, empty when it may name none. Raises ErreurAgent."""
    lecteur = requete.payload.get("reader", None if required else "")
    if not isinstance(lecteur, str) or len(lecteur) > 64 or (required and not lecteur):
        raise ErreurAgent("E_PROTO_PAYLOAD", path="reader")
    return lecteur


def _receipt(
    agent: Agent, connexion: Connexion, carte: Carte, op: str, nonce: str, data: object
) -> str:
    assert connexion.acces is not None  # noqa: S101 - checked by the verb's scope
    return agent.registre.sign(
        connexion.acces,
        time.time(),
        {
            "nonce": nonce,
            "op": op,
            "reader": carte.lecteur,
            "card": {
                "kind": carte.genre,
                "generation": carte.generation,
                "insertion_id": carte.insertion_id,
            },
            "driver": {
                "name": agent.pilote.nom,
                "version": VERSION,
                "simulated": carte.simulee,
            },
        },
        data,
    )


async def _v_pin_state(agent: Agent, _c: Connexion, _r: Requete) -> dict[str, Any]:
    pin = await agent.pilote.lire_pin()
    return {"state": pin.etat, "tries_left": pin.essais, "pinpad": pin.pave}


async def _v_pin_lock(agent: Agent, _c: Connexion, _r: Requete) -> dict[str, Any]:
    agent.pilote.pin_lock()
    return {}


async def _v_sign(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    assert connexion.acces is not None  # noqa: S101 - checked by the verb's scope
    if agent.onglets.focus is not connexion:
        raise ErreurAgent("E_NOT_FOCUSED")
    connexion.signatures.take(time.monotonic())
    claims = check_sign_request(
        agent.enrolement,
        requete.payload.get("request"),
        connexion.acces,
        vus=agent.registre.demandes,
        maintenant=time.time(),
    )
    carte = agent.pilote.carte("cps")
    voulu = ASigner(
        str(claims["key"]),
        str(claims["alg"]),
        digests(claims),
        *build_window(claims),
        str(claims.get("cert_sha256")),
    )
    with agent.onglets.waiting(carte.lecteur, requete.ident):
        signatures, certificat = await agent.pilote.signer(carte, voulu)
    items = [
        {"id": i["id"], "alg": claims["alg"], "sig_b64": base64.b64encode(s).decode()}
        for i, s in zip(claims["items"], signatures, strict=True)
    ]
    recu = _receipt(agent, connexion, carte, "cps.sign", str(claims["jti"]), {"signatures": items})
    return {
        "signatures": items,
        "certificate_b64": base64.b64encode(certificat).decode(),
        "receipt": recu,
    }


async def _v_pause(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    role = requete.payload.get("role")
    if role is not None and role not in ROLES:
        raise ErreurAgent("E_PROTO_PAYLOAD", path="role")
    roles = set(ROLES) if role is None else {str(role)}
    if requete.verbe == "scan.pause":
        connexion.muets |= roles
    else:
        connexion.muets -= roles
        etats = [s["state"] for s in agent.scanners() if s["role"] in roles]
        if etats and set(etats) == {"gone"}:
            raise ErreurAgent("E_SCANNER_GONE")
    return {"scan": not connexion.muets, "paused": sorted(connexion.muets)}


async def _v_cancel(agent: Agent, connexion: Connexion, requete: Requete) -> dict[str, Any]:
    tache = connexion.en_vol.get(str(requete.payload.get("id")))
    if tache is not None:
        tache.cancel()
    return {"cancelled": tache is not None}


async def _v_yield(agent: Agent, _c: Connexion, requete: Requete) -> dict[str, Any]:
    lecteur, duree = _reader(requete, required=True), requete.payload.get("max_s")
    if isinstance(duree, bool) or not isinstance(duree, int) or not 1 <= duree <= PRET_MAX_S:
        raise ErreurAgent("E_PROTO_PAYLOAD", path="max_s")
    await agent.pilote.ceder(lecteur, duree)
    return {}


async def _v_resume(agent: Agent, _c: Connexion, requete: Requete) -> dict[str, Any]:
    agent.pilote.reprendre(_reader(requete, required=True))
    return {}


async def _v_assign(agent: Agent, _c: Connexion, requete: Requete) -> dict[str, Any]:
    agent.pilote.affecter(_reader(requete, required=True), str(requete.payload.get("use")))
    return {}


async def _v_diag(agent: Agent, _c: Connexion, _r: Requete) -> dict[str, Any]:
    """Return the report that `python -m agent diagnose` prints, and nothing more (§5.14)."""
    dossier = agent.suivi.dossier if agent.suivi is not None else Path()
    constats = await asyncio.to_thread(diagnostic.examine, dossier, ports=(agent.porte.port,))
    return {
        "rapport": diagnostic.report(constats),
        "constats": [{"sujet": c.sujet, "niveau": c.niveau, "phrase": c.phrase} for c in constats],
    }


async def _v_maj(agent: Agent, _c: Connexion, _r: Requete) -> dict[str, Any]:
    if agent.maj is None:
        raise ErreurAgent("E_NOT_SUPPORTED")
    return await agent.maj.check()


VERBES: dict[str, Callable[[Agent, Connexion, Requete], Awaitable[dict[str, Any]]]] = {
    "ping": _v_ping,
    "auth": _v_auth,
    "auth.refresh": _v_auth,
    "state.get": _v_state,
    "capabilities.get": _v_capabilities,
    "subscribe": _v_subscribe,
    "focus.claim": _v_focus,
    "focus.release": _v_blur,
    "vitale.read": _v_vitale,
    "apcv.read_nfc": _v_apcv,
    "cps.read": _v_cps,
    "cps.pin_state": _v_pin_state,
    "cps.lock": _v_pin_lock,
    "cps.sign": _v_sign,
    "cps.situations": _v_situations,
    "scan.pause": _v_pause,
    "scan.resume": _v_pause,
    "cancel": _v_cancel,
    "diag.get": _v_diag,
    "agent.update.check": _v_maj,
    "reader.yield": _v_yield,
    "reader.resume": _v_resume,
    "reader.assign": _v_assign,
}
