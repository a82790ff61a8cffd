"""What enters: the handshake, checked before anything is said (agent.md §5.3)."""

import time
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response

from agent import journal, pairs
from agent.policy import Enrolement, check_host
from agent.protocol import messages
from agent.protocol.messages import FERMETURES
from agent.server.onglets import Onglets

CONNEXIONS_MAX = 8
SANS_AUTH_MAX = 3
BAN_S = 60


class Porte:
    """Lets in the pages of the paired server, on this machine, not too many at once."""

    def __init__(self, enrolement: Enrolement, onglets: Onglets) -> None:
        self.enrolement = enrolement
        self.port = 0
        self.onglets = onglets
        self.bannis: dict[str, float] = {}
        self.verrouillee = False

    @property
    def pleine(self) -> bool:
        """Whether no tab may enter any more: eight are served, and none of them is idle."""
        return self._servis() >= CONNEXIONS_MAX and self.onglets.idle() is None

    def _servis(self) -> int:
        return sum(1 for c in self.onglets.connexions if c.acces and not c.sortie.fermee)

    def make_room(self) -> None:
        """A tab more than eight pushes out the oldest idle one (§5.8, 4004).

        Called once it proved who it is: a program without token pushes nobody out.
        """
        if self._servis() >= CONNEXIONS_MAX and (ancien := self.onglets.idle()) is not None:
            ancien.sortie.end(FERMETURES["remplace"])

    def refusal(self, origine: str) -> bool:
        """Tell whether a tab of this origin must wait: too many, banned, or the session locked."""
        anonymes = sum(1 for c in self.onglets.connexions if c.acces is None)
        banni = self.bannis.get(origine, 0) > time.monotonic()
        return self.pleine or anonymes >= SANS_AUTH_MAX or banni or self.verrouillee

    def ban(self, origine: str) -> None:
        """Refuse an origin for a minute."""
        self.bannis[origine] = time.monotonic() + BAN_S

    def check_handshake(self, ws: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP and refuse what is not ours, in the order of §5.3."""
        try:
            hote = request.headers.get("Host", "")
            origine = request.headers.get("Origin", "")
        except MultipleValuesError:
            return _reply(HTTPStatus.BAD_REQUEST)
        if str(ws.remote_address[0]) not in {"127.0.0.1", "::1"}:
            return _reply(HTTPStatus.FORBIDDEN)
        if not pairs.is_ours(ws.remote_address[1], self.port):
            journal.note("refus", motif="autre_utilisateur")
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
        if self.refusal(origine):
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


def _reply(statut: HTTPStatus) -> Response:
    return Response(statut.value, statut.phrase, Headers({"Content-Length": "0"}), b"")
