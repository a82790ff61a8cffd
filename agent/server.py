"""The one file with a socket: a websocket on 127.0.0.1, for the paired server's pages only."""

import asyncio
import base64
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers, MultipleValuesError
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from agent import VERSION, journal, jws
from agent.cards.base import Carte, Pilote
from agent.policy import Acces, Enrolement, Vus, check_host, check_sign_request, check_token
from agent.protocol import messages
from agent.protocol.classification import Motifs
from agent.protocol.messages import FERMETURES, ErreurAgent, Requete
from agent.receipts import Registre
from agent.scanner import Filtre, Trameur, build_scan

CONNEXIONS_MAX = 8
SANS_AUTH_MAX = 3
DELAI_AUTH_S = 10
SURSIS_S = 30
FILE_MAX = 256
STATUT_S = 30
SCAN_GARDE_S = 10
Verbe = Callable[["Connexion", Requete], Awaitable[dict[str, Any]]]


@dataclass(eq=False)
class Connexion:
    """One tab: its socket, its access, its outgoing queue."""

    ws: ServerConnection
    origine: str
    challenge: str
    acces: Acces | None = None
    seq: int = 0
    sortie: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(FILE_MAX))
    en_vol: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    refus: int = 0
    recus: list[float] = field(default_factory=list)
    scans: bool = True


class Agent:
    """The running agent: connections, focus, cards, scans."""

    def __init__(
        self, enrolement: Enrolement, registre: Registre, motifs: Motifs, port: int
    ) -> None:
        self.enrolement = enrolement
        self.registre = registre
        self.motifs = motifs
        self.port = port
        self.instance = uuid4().hex[:8]
        self.connexions: list[Connexion] = []
        self.focus: Connexion | None = None
        self.vus = Vus()
        self.bannis: dict[str, float] = {}
        self.trameurs: dict[str, Trameur] = {}
        self.filtre = Filtre()
        self.garde: tuple[float, dict[str, Any]] | None = None
        self.depart = time.monotonic()
        self.pilote: Pilote
        self.occupes: set[str] = set()

    # Handshake

    def check_handshake(self, ws: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP and refuse what is not ours, in the order of §5.3."""
        try:
            hote = request.headers.get("Host", "")
            origine = request.headers.get("Origin", "")
        except MultipleValuesError:
            return _reply(HTTPStatus.BAD_REQUEST)
        if not check_host(hote, self.port):
            return _reply(HTTPStatus.MISDIRECTED_REQUEST)
        if request.path == "/agent/v1/ping":
            return self._ping(origine)
        if request.path != "/agent/v1":
            return _reply(HTTPStatus.NOT_FOUND)
        if origine not in self.enrolement.origines:
            return _reply(HTTPStatus.FORBIDDEN)
        offerts = [s.strip() for s in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if messages.SOUS_PROTOCOLE not in offerts:
            return _reply(HTTPStatus.BAD_REQUEST)
        anonymes = sum(1 for c in self.connexions if c.acces is None)
        banni = self.bannis.get(origine, 0) > time.monotonic()
        if len(self.connexions) >= CONNEXIONS_MAX or anonymes >= SANS_AUTH_MAX or banni:
            reponse = _reply(HTTPStatus.SERVICE_UNAVAILABLE)
            reponse.headers["Retry-After"] = "2"
            return reponse
        return None

    def _ping(self, origine: str) -> Response:
        reponse = _reply(HTTPStatus.NO_CONTENT)
        if origine in self.enrolement.origines:
            reponse.headers["Access-Control-Allow-Origin"] = origine
            reponse.headers["Vary"] = "Origin"
        return reponse

    # Connection

    async def handle(self, ws: ServerConnection) -> None:
        """Serve one tab until it closes."""
        assert ws.request is not None  # noqa: S101 - the handshake is done
        connexion = Connexion(ws, ws.request.headers["Origin"], secrets.token_urlsafe(32))
        self.connexions.append(connexion)
        ecrivain = asyncio.create_task(self._write(connexion))
        garde = asyncio.create_task(self._guard(connexion))
        try:
            self.send(
                connexion,
                messages.build_hello(
                    self.enrolement.wid, self.instance, connexion.challenge, VERSION
                ),
            )
            async for trame in ws:
                if isinstance(trame, bytes):
                    await ws.close(FERMETURES["trop_gros"])
                    break
                await self._receive(connexion, trame)
        except ConnectionClosed:
            pass
        finally:
            for tache in (ecrivain, garde, *connexion.en_vol.values()):
                tache.cancel()
            self.connexions.remove(connexion)
            if self.focus is connexion:
                self.focus = None

    async def _write(self, connexion: Connexion) -> None:
        while True:
            await connexion.ws.send(await connexion.sortie.get())

    async def _guard(self, connexion: Connexion) -> None:
        """Close what never authenticates, and what lets its token expire."""
        await asyncio.sleep(DELAI_AUTH_S)
        if connexion.acces is None:
            await connexion.ws.close(FERMETURES["sans_auth"])
            return
        prevenu = False
        while True:
            await asyncio.sleep(1)
            reste = connexion.acces.exp - time.time()
            if reste < -SURSIS_S:
                await connexion.ws.close(FERMETURES["jeton_expire"])
                return
            if reste < 60 and not prevenu:
                prevenu = True
                self.event(connexion, "auth.expiring", {"in_s": max(0, round(reste))})
            prevenu = prevenu and reste < 60

    def send(self, connexion: Connexion, texte: str) -> None:
        """Queue a frame; a tab that does not read is closed and delays nobody."""
        try:
            connexion.sortie.put_nowait(texte)
        except asyncio.QueueFull:
            asyncio.get_running_loop().create_task(connexion.ws.close(FERMETURES["lent"]))

    def event(self, connexion: Connexion, nom: str, payload: dict[str, Any]) -> None:
        """Send an event to one authenticated tab."""
        if connexion.acces is None:
            return
        connexion.seq += 1
        ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.send(connexion, messages.build_event(nom, connexion.seq, ts, payload))

    def broadcast(self, nom: str, payload: dict[str, Any]) -> None:
        """Send an event without personal data to every tab."""
        for connexion in self.connexions:
            self.event(connexion, nom, payload)

    async def _receive(self, connexion: Connexion, texte: str) -> None:
        if not self._allow_rate(connexion):
            if len(connexion.recus) > 200:
                await connexion.ws.close(FERMETURES["inondation"])
            else:
                self._fail(
                    connexion,
                    messages.request_id(texte),
                    ErreurAgent("E_RATE_LIMITED", retry_ms=1000),
                )
            return
        try:
            requete = messages.parse_request(texte)
            self._check_verb(connexion, requete)
        except ErreurAgent as erreur:
            self._fail(connexion, messages.request_id(texte), erreur)
            return
        if requete.ident in connexion.en_vol:
            self._fail(connexion, requete.ident, ErreurAgent("E_PROTO_PAYLOAD", path="id"))
            return
        if requete.verbe in {"auth", "auth.refresh"}:
            await self._run(connexion, requete)
        else:
            connexion.en_vol[requete.ident] = asyncio.create_task(self._run(connexion, requete))

    def _allow_rate(self, connexion: Connexion) -> bool:
        """Twenty messages a second, a burst of sixty, counted over ten seconds."""
        instant = time.monotonic()
        connexion.recus = [t for t in connexion.recus if instant - t < 10]
        connexion.recus.append(instant)
        return sum(1 for t in connexion.recus if instant - t < 1) <= 60

    def _check_verb(self, connexion: Connexion, requete: Requete) -> None:
        if requete.verbe in messages.PLUS_TARD:
            raise ErreurAgent("E_NOT_SUPPORTED" if connexion.acces else "E_AUTH_REQUIRED")
        if requete.verbe not in messages.VERBES:
            raise ErreurAgent("E_PROTO_TYPE")
        portee = messages.VERBES[requete.verbe]
        if portee is None:
            return
        if connexion.acces is None:
            raise ErreurAgent("E_AUTH_REQUIRED")
        if connexion.acces.exp < time.time() and requete.verbe != "auth.refresh":
            raise ErreurAgent("E_AUTH_TOKEN_EXPIRED")
        if portee and portee not in connexion.acces.portees:
            raise ErreurAgent("E_AUTH_SCOPE")

    async def _run(self, connexion: Connexion, requete: Requete) -> None:
        debut = time.monotonic()
        code = "ok"
        try:
            delai = _deadline_s(requete)
            resultat = await asyncio.wait_for(
                self._verbs[requete.verbe](self, connexion, requete), delai
            )
            self.send(connexion, messages.build_response(requete.ident, resultat))
        except ErreurAgent as erreur:
            code = erreur.code
            self._fail(connexion, requete.ident, erreur)
        except TimeoutError:
            code = "E_TIMEOUT"
            self._fail(connexion, requete.ident, ErreurAgent(code))
        except asyncio.CancelledError:
            self._fail(connexion, requete.ident, ErreurAgent("E_CANCELLED"))
            raise
        finally:
            connexion.en_vol.pop(requete.ident, None)
            journal.note(
                "verbe", verbe=requete.verbe, code=code, ms=round((time.monotonic() - debut) * 1000)
            )

    def _fail(self, connexion: Connexion, ident: str, erreur: ErreurAgent) -> None:
        self.send(connexion, messages.build_error(ident, erreur))

    # Verbs

    async def _v_ping(self, _connexion: Connexion, requete: Requete) -> dict[str, Any]:
        return {"t": requete.payload.get("t"), "agent_time": int(time.time() * 1000)}

    async def _v_auth(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        try:
            acces = check_token(
                self.enrolement,
                requete.payload.get("token"),
                origine=connexion.origine,
                challenge=connexion.challenge,
                vus=self.vus,
                maintenant=time.time(),
            )
        except ErreurAgent:
            connexion.refus += 1
            if connexion.refus >= 3:
                self.bannis[connexion.origine] = time.monotonic() + 60
                await connexion.ws.close(FERMETURES["auth_refusee"])
            raise
        if connexion.acces is not None and connexion.acces.sub != acces.sub:
            self.focus = None if self.focus is connexion else self.focus
        connexion.acces = acces
        preuve = jws.sign(
            self.registre.cle,
            "agent-proof+jwt",
            {
                "jti": acces.jti,
                "sid": acces.sid,
                "challenge": connexion.challenge,
                "agent": VERSION,
                "iat": int(time.time()),
            },
        )
        return {
            "session": "s_" + uuid4().hex[:10],
            "expires_at": datetime.fromtimestamp(acces.exp, UTC).isoformat(),
            "capabilities": self._capabilities(),
            "proof": preuve,
        }

    def _capabilities(self) -> dict[str, Any]:
        return {
            "drivers": {
                "vitale": self.pilote.nom,
                "cps": self.pilote.nom,
                "apcv": None,
                "scanner": self.pilote.nom,
            },
            "simulated": self.pilote.simule,
            "features": ["scan", "sign"],
            "protocol": 1,
            "limits": {"message": messages.TAILLE_MAX},
        }

    async def _v_capabilities(self, _c: Connexion, _r: Requete) -> dict[str, Any]:
        return self._capabilities()

    async def _v_state(self, connexion: Connexion, _r: Requete) -> dict[str, Any]:
        pin = self.pilote.pin_state()
        return {
            "readers": self.pilote.lecteurs(),
            "scanners": [{"device": "comptoir"}, {"device": "patient"}],
            "focus": self.focus is connexion,
            "pin": {"state": pin.etat, "tries_left": pin.essais},
            "degraded": [],
        }

    async def _v_subscribe(self, _c: Connexion, requete: Requete) -> dict[str, Any]:
        sujets = requete.payload.get("topics")
        return {"topics": sujets if isinstance(sujets, list) else []}

    async def _v_focus(self, connexion: Connexion, _r: Requete) -> dict[str, Any]:
        self.focus = connexion
        self.broadcast("focus.changed", {"owner_tab": connexion.challenge[:6]})
        if self.garde and time.monotonic() - self.garde[0] < SCAN_GARDE_S:
            self.event(connexion, "scan", self.garde[1])
        self.garde = None
        return {"owner": True, "since": int(time.time())}

    async def _v_blur(self, connexion: Connexion, _r: Requete) -> dict[str, Any]:
        if self.focus is connexion:
            self.focus = None
        return {"owner": False}

    async def _v_vitale(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        return await self._read(connexion, requete, "vitale", self.pilote.lire_vitale)

    async def _v_cps(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        return await self._read(connexion, requete, "cps", self.pilote.lire_cps)

    async def _read(
        self,
        connexion: Connexion,
        requete: Requete,
        genre: str,
        lire: Callable[[Carte], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        nonce = requete.payload.get("nonce")
        if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
            raise ErreurAgent("E_NONCE_MISSING")
        if self.focus is not connexion:
            raise ErreurAgent("E_NOT_FOCUSED")
        if genre in self.occupes:
            raise ErreurAgent("E_BUSY")
        self.occupes.add(genre)
        try:
            carte = self.pilote.carte(genre)
            data = await lire(carte)
        finally:
            self.occupes.discard(genre)
        return {
            "data": data,
            "receipt": self._receipt(connexion, carte, f"{genre}.read", nonce, data),
        }

    def _receipt(
        self, connexion: Connexion, carte: Carte, op: str, nonce: str, data: object
    ) -> str:
        assert connexion.acces is not None  # noqa: S101 - checked by the verb's scope
        return self.registre.sign(
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
                    "name": self.pilote.nom,
                    "version": VERSION,
                    "simulated": self.pilote.simule,
                },
            },
            data,
        )

    async def _v_pin_state(self, _c: Connexion, _r: Requete) -> dict[str, Any]:
        pin = self.pilote.pin_state()
        return {"state": pin.etat, "tries_left": pin.essais, "pinpad": False}

    async def _v_pin_lock(self, _c: Connexion, _r: Requete) -> dict[str, Any]:
        self.pilote.pin_lock()
        return {}

    async def _v_sign(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        assert connexion.acces is not None  # noqa: S101 - checked by the verb's scope
        if self.focus is not connexion:
            raise ErreurAgent("E_NOT_FOCUSED")
        claims = check_sign_request(
            self.enrolement,
            requete.payload.get("request"),
            connexion.acces,
            vus=self.vus,
            maintenant=time.time(),
        )
        empreintes = [base64.b64decode(str(i["digest_b64"])) for i in claims["items"]]
        if any(len(e) != 32 for e in empreintes):
            raise ErreurAgent("E_SIGN_REQUEST_INVALID")
        premier = claims["items"][0]
        carte = self.pilote.carte("cps")
        signatures, certificat = await self.pilote.signer(
            carte,
            str(claims["key"]),
            empreintes,
            (str(premier["purpose"]), str(premier.get("label") or "")),
            str(claims.get("cert_sha256")),
        )
        items = [
            {"id": i["id"], "alg": "RS256", "sig_b64": base64.b64encode(s).decode()}
            for i, s in zip(claims["items"], signatures, strict=True)
        ]
        recu = self._receipt(
            connexion, carte, "cps.sign", str(claims["jti"]), {"signatures": items}
        )
        return {
            "signatures": items,
            "certificate_b64": base64.b64encode(certificat).decode(),
            "receipt": recu,
        }

    async def _v_pause(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        connexion.scans = requete.verbe == "scan.resume"
        return {"scan": connexion.scans}

    async def _v_cancel(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        tache = connexion.en_vol.get(str(requete.payload.get("id")))
        if tache is not None:
            tache.cancel()
        return {"cancelled": tache is not None}

    _verbs: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "ping": _v_ping,
        "auth": _v_auth,
        "auth.refresh": _v_auth,
        "state.get": _v_state,
        "capabilities.get": _v_capabilities,
        "subscribe": _v_subscribe,
        "focus.claim": _v_focus,
        "focus.release": _v_blur,
        "vitale.read": _v_vitale,
        "cps.read": _v_cps,
        "cps.pin_state": _v_pin_state,
        "cps.lock": _v_pin_lock,
        "cps.sign": _v_sign,
        "scan.pause": _v_pause,
        "scan.resume": _v_pause,
        "cancel": _v_cancel,
    }

    # Scans

    def on_bytes(self, device: str, octets: bytes) -> None:
        """Take the bytes of a device; each call ends a frame (a device that pauses)."""
        trameur = self.trameurs.setdefault(device, Trameur())
        for trame in [*trameur.feed(octets), *trameur.flush()]:
            self._on_frame(device, trame)

    def _on_frame(self, device: str, trame: bytes | None) -> None:
        if trame is None:
            self._to_focus("scan.rejected", {"reason": "trop_long", "count": 1})
            return
        scan = build_scan(trame, device, self.motifs)
        if not self.filtre.accept(device, trame, str(scan["class"])):
            return
        if self.focus is not None:
            if self.focus.scans:
                self.event(self.focus, "scan", scan)
            return
        self.garde = (time.monotonic(), scan)
        self.broadcast("scan.undelivered", {"class": scan["class"], "age_ms": 0})

    def _to_focus(self, nom: str, payload: dict[str, Any]) -> None:
        if self.focus is not None:
            self.event(self.focus, nom, payload)

    async def beat(self) -> None:
        """Tell every tab, every thirty seconds, that the agent lives."""
        while True:
            await asyncio.sleep(STATUT_S)
            uptime = round(time.monotonic() - self.depart)
            self.broadcast(
                "agent.status", {"uptime_s": uptime, "degraded": [], "locked_session": False}
            )

    async def listen(self) -> Server:
        """Open the socket, on the loopback address only."""
        return await serve(
            self.handle,
            "127.0.0.1",
            self.port,
            process_request=self.check_handshake,
            subprotocols=[Subprotocol(messages.SOUS_PROTOCOLE)],
            compression=None,
            max_size=messages.TAILLE_MAX,
            ping_interval=20,
            ping_timeout=20,
            server_header=None,
        )


def _deadline_s(requete: Requete) -> float:
    brut = requete.payload.get("deadline_ms")
    if requete.verbe == "cps.sign":
        return 75.0
    if isinstance(brut, bool) or not isinstance(brut, int):
        return 20.0
    return min(20.0, max(0.05, brut / 1000))


def _reply(statut: HTTPStatus) -> Response:
    return Response(statut.value, statut.phrase, Headers({"Content-Length": "0"}), b"")
