"""TLS server, control API, moods and journal: what every simulated service shares."""

import argparse
import json
import os
import random
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

TAILLE_MAX = 2_000_000
HUMEURS = (
    "normal",
    "lent",
    "tres_lent",
    "panne",
    "panne_503",
    "reponse_perdue",
    "doublon",
    "absurde",
    "bizarre",
)


@dataclass(frozen=True)
class Requete:
    """What a service receives."""

    chemin: str
    type_contenu: str
    corps: bytes
    certificat_cn: str
    bizarre: bool


@dataclass
class Reponse:
    """What a service answers, and the facts of its journal."""

    statut: int
    corps: bytes
    resultat: str
    operation: str = ""
    message_id: str = ""
    faits: dict[str, Any] = field(default_factory=dict)
    type_contenu: str = "application/soap+xml; charset=utf-8"


class Service(Protocol):
    """One simulated service."""

    nom: str

    def traiter(self, requete: Requete) -> Reponse:
        """Answer from the request and the service's own state."""

    def oublier(self) -> None:
        """Go back to the start data."""

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """Answer a control request of this service's own; KeyError when unknown."""

    def identites(self) -> int:
        """Return how many things it knows (shown by the tray)."""


class Etat:
    """Mood and journal, shared by the threads."""

    def __init__(self, service: Service, *, calme: bool) -> None:
        self.service = service
        self.calme = calme
        self.verrou = threading.RLock()
        self.humeur: dict[str, Any] = {"nom": "normal"}
        self.journal: list[dict[str, Any]] = []
        self.echanges: list[tuple[bytes, bytes | None]] = []
        self.fin = threading.Event()
        self.hasard = random.Random(0 if calme else None)  # noqa: S311 - variation, not secrecy

    def take_mood(self, operation: str) -> dict[str, Any]:
        """Return the mood for this request and count it."""
        with self.verrou:
            humeur = dict(self.humeur)
            voulue = humeur.get("operation")
            if voulue and voulue != operation:
                return {"nom": "normal", "latence_ms": 0}
            if "fois" in self.humeur:
                self.humeur["fois"] -= 1
                if self.humeur["fois"] <= 0:
                    self.humeur = {"nom": "normal"}
            return humeur

    def set_mood(self, demande: dict[str, Any]) -> dict[str, Any]:
        """Change the mood; ValueError when unknown."""
        if demande.get("nom") not in HUMEURS:
            raise ValueError("humeur inconnue")
        with self.verrou:
            self.humeur = {
                cle: demande[cle]
                for cle in ("nom", "fois", "latence_ms", "operation")
                if demande.get(cle)
            }
            return self.humeur

    def note(self, requete: Requete, reponse: Reponse, debut: float, *, coupe: bool) -> None:
        """Add the truth of one request, lost answers included."""
        with self.verrou:
            self.echanges.append((requete.corps, reponse.corps or None))
            self.journal.append(
                {
                    "n": len(self.journal) + 1,
                    "recu_le": datetime.now(UTC).isoformat(),
                    "operation": reponse.operation,
                    "message_id": reponse.message_id,
                    "certificat_cn": requete.certificat_cn,
                    "resultat": reponse.resultat,
                    "reponse_envoyee": not coupe,
                    "duree_ms": round((time.monotonic() - debut) * 1000),
                    **reponse.faits,
                }
            )


def _absurd(hasard: random.Random, corps: bytes) -> tuple[bytes, str]:
    """Return one nonsense among several."""
    choix = hasard.randrange(5)
    if choix == 0:
        return b"<html><body>502 Bad Gateway</body></html>", "text/html"
    if choix == 1:
        return corps[: len(corps) // 2], "application/soap+xml; charset=utf-8"
    if choix == 2:
        return b"", "application/soap+xml; charset=utf-8"
    if choix == 3:
        return b"<x>" + b"A" * 12_000_000 + b"</x>", "application/soap+xml; charset=utf-8"
    bombe = (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><x>&b;</x></s:Body></s:Envelope>'
    )
    return bombe, "application/soap+xml; charset=utf-8"


def _service_handler(etat: Etat) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 120
        disable_nagle_algorithm = True

        def log_message(self, *_args: object) -> None:
            """Write nothing: the journal is the truth."""

        def do_GET(self) -> None:
            self._answer(405, b"", "text/plain")

        def do_POST(self) -> None:
            longueur = self.headers.get("Content-Length", "")
            if not longueur.isdigit() or int(longueur) > TAILLE_MAX:
                self.close_connection = True
                self._answer(413, b"", "text/plain")
                return
            corps = self.rfile.read(int(longueur))
            debut = time.monotonic()
            humeur = etat.take_mood(_operation(self.headers.get("Content-Type", "")))
            self._with_mood(humeur, corps, debut)

        def _with_mood(self, humeur: dict[str, Any], corps: bytes, debut: float) -> None:
            nom = humeur["nom"]
            requete = Requete(
                self.path,
                self.headers.get("Content-Type", ""),
                corps,
                _client_cn(self.connection),
                bizarre=nom == "bizarre",
            )
            attente = {"lent": 3.0, "tres_lent": 30.0}.get(nom, 0.0) + humeur.get(
                "latence_ms", 0
            ) / 1000
            if attente and etat.fin.wait(attente):
                return self._cut()
            if nom == "panne":
                etat.note(requete, Reponse(0, b"", "coupe_avant"), debut, coupe=True)
                return self._cut()
            if nom == "panne_503":
                etat.note(requete, Reponse(503, b"", "503"), debut, coupe=False)
                return self._answer(503, b"Service Unavailable", "text/plain")
            reponse = etat.service.traiter(requete)
            if nom == "doublon":
                etat.note(requete, reponse, debut, coupe=True)
                reponse = etat.service.traiter(requete)
            if nom == "reponse_perdue":
                etat.note(requete, reponse, debut, coupe=True)
                return self._cut()
            contenu, genre = reponse.corps, reponse.type_contenu
            if nom == "absurde":
                contenu, genre = _absurd(etat.hasard, reponse.corps)
            etat.note(requete, reponse, debut, coupe=False)
            return self._answer(200 if nom == "absurde" else reponse.statut, contenu, genre)

        def _cut(self) -> None:
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

        def _answer(self, statut: int, corps: bytes, genre: str) -> None:
            try:
                self.send_response(statut)
                self.send_header("Content-Type", genre)
                self.send_header("Content-Length", str(len(corps)))
                self.end_headers()
                self.wfile.write(corps)
            except OSError:
                self.close_connection = True

    return Handler


def _operation(type_contenu: str) -> str:
    """Return the operation named by the action of the content type."""
    action = type_contenu.split("action=", 1)[-1].strip('"; ')
    return action.rsplit(":", 1)[-1]


def _client_cn(connexion: Any) -> str:  # noqa: ANN401 - ssl socket
    certificat = connexion.getpeercert() if isinstance(connexion, ssl.SSLSocket) else None
    for groupe in (certificat or {}).get("subject", ()):
        for nom, valeur in groupe:
            if nom == "commonName":
                return str(valeur)
    return ""


def _control_handler(etat: Etat) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            """Write nothing."""

        def do_GET(self) -> None:
            self._run("GET", {})

        def do_POST(self) -> None:
            longueur = int(self.headers.get("Content-Length") or 0)
            brut = self.rfile.read(min(longueur, TAILLE_MAX))
            try:
                corps = json.loads(brut) if brut else {}
            except ValueError:
                corps = None
            if not isinstance(corps, dict):
                self._json(400, {"erreur": "json"})
                return
            self._run("POST", corps)

        def _run(self, methode: str, corps: dict[str, Any]) -> None:
            try:
                self._json(200, _control(etat, methode, self.path, corps))
            except KeyError:
                self._json(404, {"erreur": "inconnu"})
            except (ValueError, TypeError) as exc:
                self._json(422, {"erreur": str(exc)})

        def _json(self, statut: int, objet: object) -> None:
            octets = json.dumps(objet, ensure_ascii=False).encode()
            self.send_response(statut)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

    return Handler


def _control(etat: Etat, methode: str, chemin: str, corps: dict[str, Any]) -> object:
    url = urlsplit(chemin)
    if (methode, url.path) == ("GET", "/controle/etat"):
        return {
            "service": etat.service.nom,
            "humeur": etat.humeur,
            "maintenant": datetime.now(UTC).isoformat(),
            "recues": len(etat.journal),
            "connus": etat.service.identites(),
        }
    if (methode, url.path) == ("POST", "/controle/humeur"):
        return etat.set_mood(corps)
    if (methode, url.path) == ("GET", "/controle/journal"):
        depuis = int(parse_qs(url.query).get("depuis", ["0"])[0])
        with etat.verrou:
            return {"entrees": etat.journal[depuis:]}
    if methode == "GET" and url.path.startswith("/controle/journal/"):
        requete, reponse = etat.echanges[int(url.path.rsplit("/", 1)[1]) - 1]
        return {
            "requete": requete.decode("utf-8", "replace"),
            "reponse": None if reponse is None else reponse.decode("utf-8", "replace"),
        }
    if (methode, url.path) == ("POST", "/controle/oublier"):
        with etat.verrou:
            etat.journal.clear()
            etat.echanges.clear()
            etat.humeur = {"nom": "normal"}
            etat.service.oublier()
        return {"ok": True}
    return etat.service.controle(methode, url.path, corps)


class _Serveur(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks TLS or leaves is its own business."""


def _tls_context(tls: Path, certificat: str, *, mutuel: bool) -> ssl.SSLContext:
    contexte = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexte.minimum_version = ssl.TLSVersion.TLSv1_2
    contexte.load_cert_chain(tls / f"{certificat}.pem", tls / f"{certificat}.key")
    if mutuel:
        contexte.load_verify_locations(tls / "ac-structures.pem")
        contexte.verify_mode = ssl.CERT_REQUIRED
    return contexte


def main(build: Callable[[argparse.Namespace, random.Random], Service], *, mutuel: bool) -> None:
    """Run a service until SIGTERM."""
    analyse = argparse.ArgumentParser()
    analyse.add_argument("--port", type=int, default=0)
    analyse.add_argument("--controle-port", type=int, default=0)
    analyse.add_argument("--tls", type=Path, required=True)
    analyse.add_argument("--certificat", default="serveur")
    analyse.add_argument("--pret", type=Path)
    analyse.add_argument("--calme", action="store_true")
    options = analyse.parse_args()
    hasard = random.Random(0 if options.calme else None)  # noqa: S311 - variation, not secrecy
    etat = Etat(build(options, hasard), calme=options.calme)
    service = _Serveur(("127.0.0.1", options.port), _service_handler(etat))
    contexte = _tls_context(options.tls, options.certificat, mutuel=mutuel)
    service.socket = contexte.wrap_socket(
        service.socket, server_side=True, do_handshake_on_connect=False
    )
    controle = _Serveur(("127.0.0.1", options.controle_port), _control_handler(etat))
    for serveur in (service, controle):
        threading.Thread(
            target=serveur.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()
    if options.pret:
        contenu = {
            "pid": os.getpid(),
            "port": service.server_port,
            "controle_port": controle.server_port,
        }
        provisoire = options.pret.with_suffix(".tmp")
        provisoire.write_text(json.dumps(contenu))
        provisoire.replace(options.pret)
    signal.signal(signal.SIGTERM, lambda *_: etat.fin.set())
    signal.signal(signal.SIGINT, lambda *_: etat.fin.set())
    etat.fin.wait()
    os._exit(0)
