"""The running agent: tabs served one by one, what they ask run and answered."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from agent import VERSION, journal, operation
from agent.appareils.base import ROLES
from agent.appareils.gestion import Appareils
from agent.cards.base import Pilote
from agent.confiance import NON_ENROLE
from agent.policy import Enrolement, Liaison, Vus
from agent.protocol import messages
from agent.protocol.classification import Motifs
from agent.protocol.messages import FERMETURES, ErreurAgent, Requete
from agent.receipts import Registre
from agent.server.onglets import Connexion, Onglets, Prise
from agent.server.porte import Porte
from agent.server.scans import Scans
from agent.server.verbes import REFUS_MAX, VERBES, Lectures

if TYPE_CHECKING:
    from agent.maj.service import MiseAJour
    from agent.suivi import Suivi

DELAI_AUTH_S = 10
SURSIS_S = 30
STATUT_S = 30
# The window of another request, then one's own, sixty seconds each (§5.10).
CODE_S = 120.0
# What an agent below the server's minimum still answers (§5.13).
PERMIS_TROP_ANCIEN = frozenset({"auth.refresh", "agent.update.check", "diag.get"})


@runtime_checkable
class Reveillable(Protocol):
    """A driver that must start afresh after the machine slept."""

    def reveil(self) -> None:
        """Drop contexts and sessions held before."""


@runtime_checkable
class Degradable(Protocol):
    """A driver, or what holds scanners, that can say what does not work."""

    def degrade(self) -> list[str]:
        """Return stable names: pcsc, scanner…"""


class Agent:
    """The running agent: door, tabs, scans, cards."""

    def __init__(self, enrolement: Enrolement, registre: Registre, motifs: Motifs) -> None:
        self.enrolement = enrolement
        self.registre = registre
        self.instance = uuid4().hex[:8]
        self.onglets = Onglets()
        self.porte = Porte(enrolement, self.onglets)
        self.scans = Scans(motifs, self.onglets)
        self.vus = Vus()
        self.lectures = Lectures()
        self.depart = time.monotonic()
        self.pilote: Pilote
        self.appareils: Appareils | None = None
        self.suivi: Suivi | None = None
        self.maj: MiseAJour | None = None

    @property
    def enrole(self) -> bool:
        """Whether an officine trusts this agent."""
        return bool(self.enrolement.wid)

    def apply(self, enrolement: Enrolement, motifs: Motifs | None = None) -> None:
        """Trust this from now on; tabs of an origin that no longer enters are closed."""
        self.enrolement = self.registre.enrolement = self.porte.enrolement = enrolement
        if motifs is not None:
            self.scans.use(motifs)
        self.pilote.codes.limit(enrolement.code_minutes)
        for connexion in self.onglets.connexions:
            if connexion.liaison.origine not in (*enrolement.origines, enrolement.emetteur):
                connexion.sortie.end(FERMETURES["auth_refusee"])

    def revoke(self) -> None:
        """No officine trusts this agent any more: tabs closed, code forgotten, nobody enters."""
        self.onglets.end_all(FERMETURES["revoque"])
        self.pilote.pin_lock()
        self.scans.forget()
        self.registre.cle = Ed25519PrivateKey.generate()  # the former one leaves the memory too
        self.apply(NON_ENROLE)

    def on_lock(self, verrouillee: bool) -> None:
        """The session of the person was locked or unlocked: nothing is read meanwhile (§5.7)."""
        self.porte.verrouillee = verrouillee
        journal.note("session", verrouillee=int(verrouillee))
        if verrouillee:
            self.pilote.pin_lock()
            self.scans.forget()
            self.onglets.end_all(FERMETURES["session_verrouillee"])

    def on_wake(self) -> None:
        """The machine slept: the code is asked again, and the driver starts afresh (§5.11)."""
        journal.note("reveil")
        self.pilote.pin_lock()
        if isinstance(self.pilote, Reveillable):
            self.pilote.reveil()
        if self.suivi is not None:
            self.suivi.wake()
        self.onglets.broadcast("readers.changed", {"readers": self.pilote.lecteurs()})

    def is_busy(self) -> bool:
        """Tell whether someone needs this agent now: an operation, its window, a code given."""
        en_cours = any(connexion.en_vol for connexion in self.onglets.connexions)
        return en_cours or self.pilote.pin_state().etat == "presentee"

    def degrade(self) -> list[str]:
        """Return what does not work here, by stable names: pcsc, clavier_partage, update…"""
        pannes = self.pilote.degrade() if isinstance(self.pilote, Degradable) else []
        lecteurs = {str(s["degraded"]) for s in self.scanners() if s.get("degraded")}
        ancien = ["update"] if self.enrolement.is_too_old(VERSION) else []
        return [*pannes, *sorted(lecteurs), *ancien]

    async def handle(self, ws: ServerConnection) -> None:
        """Serve one tab until it closes."""
        assert ws.request is not None  # noqa: S101 - the handshake is done
        if self.porte.pleine:
            await ws.close(FERMETURES["saturation"])
            return
        await self.serve_tab(ws, ws, ws.request.headers["Origin"])

    async def serve_tab(self, ws: Prise, trames: AsyncIterable[str | bytes], origine: str) -> None:
        """Serve a tab whose frames come from its socket or from the relay."""
        liaison = Liaison(origine, secrets.token_urlsafe(32), time.time())
        connexion = Connexion(ws, liaison)
        self.onglets.connexions.append(connexion)
        ecrivain = asyncio.create_task(self._write(connexion))
        garde = asyncio.create_task(self._guard(connexion))
        try:
            self.onglets.send(
                connexion,
                messages.build_hello(
                    self.enrolement.wid, self.instance, liaison.challenge, VERSION
                ),
            )
            async for trame in trames:
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
            self.onglets.connexions.remove(connexion)
            self.onglets.release(connexion)

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
                self.onglets.event(connexion, "auth.expired", {"in_s": 0})
            expire = reste < 0
            if reste < 60 and not prevenu:
                prevenu = True
                self.onglets.event(connexion, "auth.expiring", {"in_s": max(0, round(reste))})
            prevenu = prevenu and reste < 60

    async def _receive(self, connexion: Connexion, texte: str) -> None:
        connexion.dernier = time.monotonic()
        permis = connexion.debit.take(connexion.dernier)
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
        if requete.verbe not in messages.VERBES:
            raise ErreurAgent("E_PROTO_TYPE")
        portee = messages.VERBES[requete.verbe]
        if portee is None:
            return
        if connexion.acces is None:
            raise ErreurAgent("E_AUTH_REQUIRED")
        if connexion.acces.exp < time.time() and requete.verbe != "auth.refresh":
            raise ErreurAgent("E_AUTH_TOKEN_EXPIRED")
        if self.enrolement.is_too_old(VERSION) and requete.verbe not in PERMIS_TROP_ANCIEN:
            raise ErreurAgent("E_UPDATE_REQUIRED", minimum=self.enrolement.min_agent)
        if portee and portee not in connexion.acces.portees:
            raise ErreurAgent("E_AUTH_SCOPE")

    async def _run(self, connexion: Connexion, requete: Requete) -> None:
        debut = time.monotonic()
        code = "ok"
        operation.begin(
            operation.Operation(
                requete.ident,
                connexion.liaison.origine,
                lambda nom, quoi: self.onglets.event(connexion, nom, quoi),
            )
        )
        try:
            delai = _deadline_s(requete)
            resultat = await asyncio.wait_for(
                VERBES[requete.verbe](self, connexion, requete), delai
            )
            self.onglets.send(connexion, messages.build_response(requete.ident, resultat))
        except ErreurAgent as erreur:
            code = erreur.code
            self._fail(connexion, requete.ident, erreur)
            if code == "E_PROTO_VERSION":
                connexion.sortie.end(FERMETURES["version"])
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
        self.onglets.send(connexion, messages.build_error(ident, erreur))

    async def beat(self) -> None:
        """Tell every tab, every thirty seconds, that the agent lives."""
        while True:
            await asyncio.sleep(STATUT_S)
            self.tell_status()

    def scanners(self) -> list[dict[str, Any]]:
        """Return the scanners: the paired ones, else those the demonstration tray plays."""
        joues = [
            {"device": role, "role": role, "driver": self.pilote.nom, "state": "ready"}
            for role in ROLES
            if self.pilote.simule
        ]
        return (self.appareils.states() if self.appareils else []) or joues

    def on_scanners(self) -> None:
        """A scanner came or left: every tab asks for the state, and knows it at once."""
        self.tell_status()
        self.onglets.broadcast("readers.changed", {"readers": self.pilote.lecteurs()})

    def tell_status(self) -> None:
        """Tell every tab how the agent is, now."""
        self.onglets.broadcast(
            "agent.status",
            {
                "uptime_s": round(time.monotonic() - self.depart),
                "degraded": self.degrade(),
                "scanners": self.scanners(),
                "locked_session": self.porte.verrouillee,
            },
        )

    async def listen(self, ports: Sequence[int]) -> Server:
        """Open the socket on the first free port, on the loopback address only (§5.1)."""
        for port in ports:
            self.porte.port = port
            try:
                return await self._listen()
            except OSError:
                journal.note("port_pris", port=port)
        raise SystemExit("Aucun des ports de l'agent n'est libre. Fermez l'autre agent.")

    async def _listen(self) -> Server:
        return await serve(
            self.handle,
            "127.0.0.1",
            self.porte.port,
            process_request=self.porte.check_handshake,
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
    if requete.verbe in {"cps.sign", "cps.situations"}:
        return CODE_S
    if isinstance(brut, bool) or not isinstance(brut, int):
        return 20.0
    return min(20.0, max(0.05, brut / 1000))
