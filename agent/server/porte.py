"""What enters: the handshake, checked before anything is said (agent.md §5.3)."""

import time
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response

from agent import journal
from agent.policy import Enrolement, check_host
from agent.protocol import messages
from agent.server.onglets import Onglets

CONNEXIONS_MAX = 8
SANS_AUTH_MAX = 3
BAN_S = 60


class Porte:
    """Lets in the pages of the paired server, on this machine, not too many at once."""

    def __init__(self, enrolement: Enrolement, port: int, onglets: Onglets) -> None:
        self.enrolement = enrolement
        self.port = port
        self.onglets = onglets
        self.bannis: dict[str, float] = {}

    @property
    def pleine(self) -> bool:
        """Whether no tab may enter any more."""
        return len(self.onglets.connexions) >= CONNEXIONS_MAX

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
        anonymes = sum(1 for c in self.onglets.connexions if c.acces is None)
        banni = self.bannis.get(origine, 0) > time.monotonic()
        if self.pleine or anonymes >= SANS_AUTH_MAX or banni:
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
