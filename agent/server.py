"""The one file with a socket: a websocket on 127.0.0.1, for the paired server's pages only."""

import asyncio
import base64
import contextlib
import secrets
import time
from collections import deque
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
from agent.policy import (
    Acces,
    Debit,
    Enrolement,
    Liaison,
    Vus,
    build_window,
    check_host,
    check_sign_request,
    check_token,
    digests,
)
from agent.protocol import messages
from agent.protocol.classification import Motifs
from agent.protocol.messages import FERMETURES, ErreurAgent, Requete
from agent.receipts import Registre
from agent.scanner import SILENCE_S, Appareil, Evenement

CONNEXIONS_MAX = 8
SANS_AUTH_MAX = 3
DELAI_AUTH_S = 10
SURSIS_S = 30
REFUS_MAX, BAN_S = 3, 60
FILE_MAX, FILE_OCTETS = 256, 1024 * 1024
COALESCES = {"readers.changed", "agent.status"}
STATUT_S = 30
SCAN_GARDE_S = 10
# Events that go to the tab in front, or wait for one.
LECTURES = frozenset({"scan", "apcv"})
Verbe = Callable[["Connexion", Requete], Awaitable[dict[str, Any]]]


class Sortie:
    """What a tab has not read yet: 256 frames or 1 MiB; then the last state alone, or the end."""

    def __init__(self) -> None:
        self._trames: deque[tuple[str, str]] = deque()
        self._octets = 0
        self._fin: int | None = None
        self._pret = asyncio.Event()

    @property
    def fermee(self) -> bool:
        """Whether the connection ends once what precedes is sent."""
        return self._fin is not None

    def add(self, genre: str, texte: str) -> bool:
        """Queue a frame; False when the tab is too slow to be served."""
        if self.fermee:
            return True
        if len(self._trames) >= FILE_MAX or self._octets + len(texte) > FILE_OCTETS:
            if genre not in COALESCES:
                return False
            self._drop(genre)
        self._trames.append((genre, texte))
        self._octets += len(texte)
        self._pret.set()
        return True

    def _drop(self, genre: str) -> None:
        """Forget an older state of the same kind; the page sees the gap in `seq`."""
        ancien = next((t for t in self._trames if t[0] == genre), None)
        if ancien is not None:
            self._trames.remove(ancien)
            self._octets -= len(ancien[1])

    def end(self, code: int) -> None:
        """Close with this code, after what is already queued."""
        self._fin = code
        self._pret.set()

    async def next(self) -> str | int:
        """Return the next frame, or the code to close with."""
        while not self._trames and self._fin is None:
            self._pret.clear()
            await self._pret.wait()
        if not self._trames:
            return self._fin or 1000
        _genre, texte = self._trames.popleft()
        self._octets -= len(texte)
        return texte


@dataclass(eq=False)
class Connexion:
    """One tab: its socket, its access, its outgoing queue."""

    ws: ServerConnection
    liaison: Liaison
    acces: Acces | None = None
    seq: int = 0
    sortie: Sortie = field(default_factory=Sortie)
    en_vol: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    refus: int = 0
    debit: Debit = field(default_factory=Debit)
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
        self.fins: set[asyncio.Task[None]] = set()
        self.connexions: list[Connexion] = []
        self.focus: Connexion | None = None
        self.vus = Vus()
        self.bannis: dict[str, float] = {}
        self.appareils: dict[str, Appareil] = {}
        self.garde: tuple[float, Evenement] | None = None
        self.oubli: asyncio.TimerHandle | None = None
        self.depart = time.monotonic()
        self.pilote: Pilote
        self.occupes: dict[str, str] = {}

    # Handshake

    def check_handshake(self, ws: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP and refuse what is not ours, in the order of §5.3."""
        try:
            hote = request.headers.get("Host", "")
            origine = request.headers.get("Origin", "")
        except MultipleValuesError:
            return _reply(HTTPStatus.BAD_REQUEST)
        if str(ws.remote_address[0]) not in {"127.0.0.1", "::1"}:
            return _reply(HTTPStatus.FORBIDDEN)
        if not check_host(hote, self.port):
            return _reply(HTTPStatus.MISDIRECTED_REQUEST)
        if request.path == "/agent/v1/ping" and request.method in {"GET", "OPTIONS"}:
            return self._ping(request, origine)
        montee = request.headers.get_all("Upgrade")
        if request.path != "/agent/v1" or request.method != "GET" or not montee:
            return _reply(HTTPStatus.NOT_FOUND)
        return self._check_page(request, origine)

    def _check_page(self, request: Request, origine: str) -> Response | None:
        if origine not in self.enrolement.origines:
            journal.note("refus", motif="origine")
            return _reply(HTTPStatus.FORBIDDEN)
        offerts = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
        if messages.SOUS_PROTOCOLE not in [s.strip() for s in offerts]:
            return _reply(HTTPStatus.BAD_REQUEST)
        anonymes = sum(1 for c in self.connexions if c.acces is None)
        banni = self.bannis.get(origine, 0) > time.monotonic()
        if len(self.connexions) >= CONNEXIONS_MAX or anonymes >= SANS_AUTH_MAX or banni:
            reponse = _reply(HTTPStatus.SERVICE_UNAVAILABLE)
            reponse.headers["Retry-After"] = "2"
            return reponse
        return None

    def _ping(self, request: Request, origine: str) -> Response:
        reponse = _reply(HTTPStatus.NO_CONTENT)
        if origine in self.enrolement.origines:
            reponse.headers["Access-Control-Allow-Origin"] = origine
            reponse.headers["Vary"] = "Origin"
            if request.method == "OPTIONS":
                reponse.headers["Access-Control-Allow-Methods"] = "GET"
                if request.headers.get_all("Access-Control-Request-Private-Network"):
                    reponse.headers["Access-Control-Allow-Private-Network"] = "true"
        return reponse

    # Connection

    async def handle(self, ws: ServerConnection) -> None:
        """Serve one tab until it closes."""
        assert ws.request is not None  # noqa: S101 - the handshake is done
        if len(self.connexions) >= CONNEXIONS_MAX:
            await ws.close(FERMETURES["saturation"])
            return
        liaison = Liaison(ws.request.headers["Origin"], secrets.token_urlsafe(32), time.time())
        connexion = Connexion(ws, liaison)
        self.connexions.append(connexion)
        ecrivain = asyncio.create_task(self._write(connexion))
        garde = asyncio.create_task(self._guard(connexion))
        try:
            self.send(
                connexion,
                messages.build_hello(
                    self.enrolement.wid, self.instance, liaison.challenge, VERSION
                ),
            )
            async for trame in ws:
                if connexion.sortie.fermee:
                    continue
                if isinstance(trame, bytes):
                    connexion.sortie.end(FERMETURES["binaire"])
                else:
                    await self._receive(connexion, trame)
        except ConnectionClosed:
            pass
        finally:
            for tache in (ecrivain, garde, *connexion.en_vol.values()):
                tache.cancel()
            self.connexions.remove(connexion)
            self._release(connexion)

    async def _write(self, connexion: Connexion) -> None:
        with contextlib.suppress(ConnectionClosed):
            while isinstance(trame := await connexion.sortie.next(), str):
                await connexion.ws.send(trame)
            await connexion.ws.close(trame)

    async def _guard(self, connexion: Connexion) -> None:
        """Close what never authenticates, and what lets its token expire."""
        await asyncio.sleep(DELAI_AUTH_S)
        if connexion.acces is None:
            connexion.sortie.end(FERMETURES["sans_auth"])
            return
        prevenu = expire = False
        while True:
            await asyncio.sleep(1)
            reste = connexion.acces.exp - time.time()
            if reste < -SURSIS_S:
                connexion.sortie.end(FERMETURES["jeton_expire"])
                return
            if reste < 0 and not expire:
                self.event(connexion, "auth.expired", {"in_s": 0})
            expire = reste < 0
            if reste < 60 and not prevenu:
                prevenu = True
                self.event(connexion, "auth.expiring", {"in_s": max(0, round(reste))})
            prevenu = prevenu and reste < 60

    def send(self, connexion: Connexion, texte: str, genre: str = "res") -> None:
        """Queue a frame; a tab that does not read is closed and delays nobody."""
        if not connexion.sortie.add(genre, texte):
            connexion.sortie.end(FERMETURES["lent"])
            tache = asyncio.create_task(connexion.ws.close(FERMETURES["lent"]))
            self.fins.add(tache)
            tache.add_done_callback(self.fins.discard)

    def event(self, connexion: Connexion, nom: str, payload: dict[str, Any]) -> None:
        """Send an event to one authenticated tab."""
        if connexion.acces is None:
            return
        connexion.seq += 1
        ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.send(connexion, messages.build_event(nom, connexion.seq, ts, payload), nom)

    def broadcast(self, nom: str, payload: dict[str, Any]) -> None:
        """Send an event without personal data to every tab."""
        if nom == "card.removed" and payload["reader"] in self.occupes:
            payload = {**payload, "during": self.occupes[payload["reader"]]}
        for connexion in self.connexions:
            self.event(connexion, nom, payload)

    async def _receive(self, connexion: Connexion, texte: str) -> None:
        permis = connexion.debit.take(time.monotonic())
        if connexion.debit.inonde:
            connexion.sortie.end(FERMETURES["inondation"])
            return
        if not permis:
            trop = ErreurAgent("E_RATE_LIMITED", retry_ms=1000)
            self._fail(connexion, messages.request_id(texte), trop)
            return
        try:
            requete = messages.parse_request(texte)
            self._check_verb(connexion, requete)
        except ErreurAgent as erreur:
            self._fail(connexion, messages.request_id(texte), erreur)
            if erreur.code == "E_PROTO_VERSION":
                connexion.sortie.end(FERMETURES["version"])
            return
        if requete.ident in connexion.en_vol:
            self._fail(connexion, requete.ident, ErreurAgent("E_PROTO_PAYLOAD", path="id"))
            return
        if requete.verbe in {"auth", "auth.refresh"}:
            await self._run(connexion, requete)
            if connexion.refus >= REFUS_MAX:
                connexion.sortie.end(FERMETURES["auth_refusee"])
        else:
            connexion.en_vol[requete.ident] = asyncio.create_task(self._run(connexion, requete))

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
            code = "E_CANCELLED"
            self._fail(connexion, requete.ident, ErreurAgent(code))
            raise
        except Exception as exc:  # noqa: BLE001 - the agent survives; a trace might quote a card
            code, ref = "E_INTERNAL", uuid4().hex[:8]
            journal.note("defaut", genre=type(exc).__name__, ref=ref)
            self._fail(connexion, requete.ident, ErreurAgent(code, ref=ref))
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
                liaison=connexion.liaison,
                vus=self.vus,
                maintenant=time.time(),
            )
        except ErreurAgent:
            connexion.refus += 1
            if connexion.refus >= REFUS_MAX:
                self.bannis[connexion.liaison.origine] = time.monotonic() + BAN_S
            raise
        if connexion.acces is not None and connexion.acces.sub != acces.sub:
            self._release(connexion)
        connexion.acces = acces
        preuve = jws.sign(
            self.registre.cle,
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
            "capabilities": self._capabilities(),
            "proof": preuve,
        }

    def _capabilities(self) -> dict[str, Any]:
        return {
            "drivers": {
                "vitale": self.pilote.nom,
                "cps": self.pilote.nom,
                "apcv": self.pilote.nom,
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
        self.broadcast("focus.changed", {"owner_tab": connexion.liaison.challenge[:6]})
        if self.garde is not None:
            self.event(connexion, *self.garde[1])
        self._forget()
        return {"owner": True, "since": int(time.time())}

    async def _v_blur(self, connexion: Connexion, _r: Requete) -> dict[str, Any]:
        self._release(connexion)
        return {"owner": False}

    def _release(self, connexion: Connexion) -> None:
        if self.focus is connexion:
            self.focus = None
            self.broadcast("focus.changed", {"owner_tab": None})

    async def _v_vitale(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        return await self._read(connexion, requete, "vitale", self.pilote.lire_vitale)

    async def _v_apcv(self, connexion: Connexion, requete: Requete) -> dict[str, Any]:
        lu = await self._read(connexion, requete, "apcv", self.pilote.lire_apcv)
        return {**lu["data"], "receipt": lu["receipt"]}

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
        self.occupes[genre] = requete.ident
        try:
            carte = self.pilote.carte(genre)
            data = await lire(carte)
        finally:
            self.occupes.pop(genre, None)
        return {
            "data": data,
            "receipt": self._receipt(connexion, carte, requete.verbe, nonce, data),
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
        carte = self.pilote.carte("cps")
        signatures, certificat = await self.pilote.signer(
            carte,
            str(claims["key"]),
            digests(claims),
            build_window(claims),
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
        "apcv.read_nfc": _v_apcv,
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
        """Take the bytes of a device: a frame ends by its terminator, or after a silence."""
        appareil = self.appareils.setdefault(device, Appareil(device, self.motifs))
        if appareil.silence is not None:
            appareil.silence.cancel()
        self._deliver(appareil, appareil.feed(octets, time.monotonic()))
        boucle = asyncio.get_running_loop()
        appareil.silence = boucle.call_later(SILENCE_S, self._on_silence, appareil)

    def _on_silence(self, appareil: Appareil) -> None:
        self._deliver(appareil, appareil.flush(time.monotonic()))

    def _on_turn(self, appareil: Appareil) -> None:
        appareil.tour = None
        self._deliver(appareil, appareil.due(time.monotonic()))

    def _deliver(self, appareil: Appareil, evenements: list[tuple[str, dict[str, Any]]]) -> None:
        for nom, payload in evenements:
            if nom in LECTURES:
                self._on_scan((nom, payload))
            else:
                self._to_focus(nom, payload)
        attente = appareil.wait_s(time.monotonic())
        if attente is not None and appareil.tour is None:
            boucle = asyncio.get_running_loop()
            appareil.tour = boucle.call_later(attente, self._on_turn, appareil)

    def _on_scan(self, scan: Evenement) -> None:
        """Give it to the tab in front; without one, keep the last for ten seconds."""
        if self.focus is not None:
            if self.focus.scans:
                self.event(self.focus, *scan)
            return
        self._drop_kept()
        self.garde = (time.monotonic(), scan)
        self.oubli = asyncio.get_running_loop().call_later(SCAN_GARDE_S, self._drop_kept)

    def _drop_kept(self) -> None:
        if self.garde is not None:
            age_ms = round((time.monotonic() - self.garde[0]) * 1000)
            nom, payload = self.garde[1]
            classe = "apcv" if nom == "apcv" else payload["class"]
            self._forget()
            self.broadcast("scan.undelivered", {"class": classe, "age_ms": age_ms})

    def _forget(self) -> None:
        self.garde = None
        if self.oubli is not None:
            self.oubli.cancel()
            self.oubli = None

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
            close_timeout=2,
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
