"""TLS server, control API and moods at work: what every simulated service shares."""

import argparse
import contextlib
import json
import os
import random
import select
import signal
import socket
import ssl
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulators.commun.humeurs import Etat, absurd, waiting_time
from simulators.commun.types import Certificat, DeuxPortes, Reponse, Requete, Service

TAILLE_MAX = 2_000_000
Declaration = Callable[[argparse.ArgumentParser], None]
Entetes = tuple[tuple[str, str], ...]


class _Guichet(BaseHTTPRequestHandler):
    """The service itself, over TLS."""

    etat: Etat
    porte = ""
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, *_args: object) -> None:
        """Write nothing: the journal is the truth."""

    def do_GET(self) -> None:
        if self.etat.service.connait("GET", self.path):
            self._receive("GET", "0")
        else:
            self._answer(405, b"", "text/plain")

    def do_DELETE(self) -> None:
        self._receive("DELETE", self.headers.get("Content-Length", "0"))

    def do_POST(self) -> None:
        self._receive("POST", self.headers.get("Content-Length", ""))

    def _receive(self, methode: str, longueur: str) -> None:
        if not longueur.isdigit() or int(longueur) > TAILLE_MAX:
            self.close_connection = True
            self._answer(413 if longueur.isdigit() else 411, b"", "text/plain")
            return
        corps = self.rfile.read(int(longueur))
        if not self.etat.service.connait(methode, self.path):
            self._answer(404, b"", "text/plain")
            return
        debut = time.monotonic()
        requete = self._request(methode, corps)
        humeur = self.etat.take_mood(self.etat.service.operation(requete))
        if humeur["nom"] == "faute":
            requete = replace(requete, faute=humeur["code"])
        elif humeur["nom"] == "bizarre":
            requete = replace(requete, bizarre=True, variante=str(humeur.get("variante", "")))
        self._with_mood(humeur, requete, debut)

    def _request(self, methode: str, corps: bytes) -> Requete:
        certificat = _client_certificate(self.connection)
        return Requete(
            self.path,
            self.headers.get("Content-Type", ""),
            corps,
            certificat.cn,
            certificat.ou,
            methode=methode,
            faute=self.headers.get("X-Simulateur-Faute", ""),
            entetes={nom.lower(): valeur for nom, valeur in self.headers.items()},
            certificat=certificat,
            porte=self.porte,
        )

    def _with_mood(self, humeur: dict[str, Any], requete: Requete, debut: float) -> None:
        nom = humeur["nom"]
        attente = waiting_time(humeur)
        if attente and self.etat.fin.wait(attente):
            return self._cut()
        if nom in {"panne", "panne_503"}:
            return self._broken(nom, requete, debut)
        reponse = _run(self.etat, requete)
        if nom == "doublon":
            self.etat.note(requete, reponse, debut, nom, None)
            reponse = _run(self.etat, replace(requete, doublon=True))
        if nom == "reponse_perdue":
            self.etat.note(requete, reponse, debut, nom, None)
            return self._cut()
        contenu, genre, statut = reponse.corps, reponse.type_contenu, reponse.statut
        if nom == "absurde":
            contenu, genre, sorte = absurd(self.etat, humeur, reponse)
            reponse.faits["absurdite"] = sorte
            if sorte == "coupe":
                self.etat.note(requete, reponse, debut, nom, contenu[: len(contenu) // 2])
                return self._half(contenu, genre)
            statut = 200
        envoi = (statut, contenu, genre, reponse.entetes)
        return self._send_and_note(requete, reponse, debut, nom, envoi)

    def _broken(self, nom: str, requete: Requete, debut: float) -> None:
        if nom == "panne":
            self.etat.note(requete, Reponse(0, b"", "coupe"), debut, nom, None)
            return self._cut()
        texte = b"Service Unavailable"
        self.etat.note(requete, Reponse(503, texte, "503"), debut, nom, texte)
        self._answer(503, texte, "text/plain")
        return None

    def _send_and_note(
        self,
        requete: Requete,
        reponse: Reponse,
        debut: float,
        nom: str,
        envoi: tuple[int, bytes, str, Entetes],
    ) -> None:
        """Note before sending, so that who has the answer finds it in the journal."""
        if _is_gone(self.connection):
            self.etat.note(requete, reponse, debut, nom, None)
            return self._cut()
        rang = self.etat.note(requete, reponse, debut, nom, envoi[1])
        if not self._answer(*envoi):
            self.etat.unsent(rang, reponse.message_id)
        return None

    def _half(self, corps: bytes, genre: str) -> None:
        """Announce the whole body, send the half, cut."""
        self.send_response(200)
        self.send_header("Content-Type", genre)
        self.send_header("Content-Length", str(len(corps)))
        self.end_headers()
        self.wfile.write(corps[: len(corps) // 2])
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, statut: int, corps: bytes, genre: str, entetes: Entetes = ()) -> bool:
        try:
            self.send_response_only(statut)
            if not any(nom == "Date" for nom, _ in entetes):
                self.send_header("Date", self.date_time_string())
            for nom, valeur in entetes:
                self.send_header(nom, valeur)
            if statut != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Type", genre)
                self.send_header("Content-Length", str(len(corps)))
            self.end_headers()
            self.wfile.write(corps)
        except OSError:
            self.close_connection = True
            return False
        return True


def _run(etat: Etat, requete: Requete) -> Reponse:
    """Answer, or say loudly that the simulator itself broke."""
    try:
        return etat.service.traiter(requete)
    except Exception:  # noqa: BLE001 - a bug of ours must not look like a mood
        traceback.print_exc()
        return Reponse(500, b"defaut du simulateur", "defaut_simulateur", type_contenu="text/plain")


def _is_gone(connexion: socket.socket) -> bool:
    """Tell whether the client left while we worked: it has nothing to say before our answer."""
    try:
        lisible, _, _ = select.select([connexion], [], [], 0)
    except (OSError, ValueError):
        return True
    return bool(lisible)


def _client_certificate(connexion: Any) -> Certificat:  # noqa: ANN401 - ssl socket
    """Return what the client showed, empty without a certificate."""
    lu = connexion.getpeercert() if isinstance(connexion, ssl.SSLSocket) else None
    if not lu:
        return Certificat()
    sujet, emetteur = (_names(lu, champ) for champ in ("subject", "issuer"))
    noms = dict(sujet)
    return Certificat(
        noms.get("commonName", ""),
        noms.get("organizationalUnitName", ""),
        sujet,
        emetteur,
        connexion.getpeercert(binary_form=True) or b"",
    )


def _names(certificat: Any, champ: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401
    return tuple((str(nom), str(v)) for groupe in certificat.get(champ, ()) for nom, v in groupe)


class _Controle(BaseHTTPRequestHandler):
    """The control API, plain HTTP."""

    etat: Etat
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
            self._json(200, _control(self.etat, methode, self.path, corps))
        except LookupError as exc:
            self._json(404, {"erreur": f"inconnu : {exc}"})
        except (ValueError, TypeError) as exc:
            self._json(422, {"erreur": str(exc)})

    def _json(self, statut: int, objet: object) -> None:
        octets = json.dumps(objet, ensure_ascii=False).encode()
        self.send_response(statut)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


def _control(etat: Etat, methode: str, chemin: str, corps: dict[str, Any]) -> object:
    url = urlsplit(chemin)
    if (methode, url.path) == ("GET", "/controle/etat"):
        return etat.state()
    if (methode, url.path) == ("POST", "/controle/humeur"):
        return etat.set_mood(corps)
    if methode == "GET" and url.path.startswith("/controle/journal"):
        return _journal(etat, url.path, parse_qs(url.query))
    if (methode, url.path) == ("POST", "/controle/oublier"):
        etat.forget()
        return {"ok": True, "maintenant": datetime.now(UTC).isoformat()}
    demande = corps if methode == "POST" else {c: v[0] for c, v in parse_qs(url.query).items()}
    return etat.service.controle(methode, url.path, demande)


def _journal(etat: Etat, chemin: str, parametres: dict[str, list[str]]) -> object:
    with etat.verrou:
        if chemin == "/controle/journal":
            depuis = max(0, int(parametres.get("depuis", ["0"])[0]))
            return {"entrees": [dict(entree) for entree in etat.journal[depuis:]]}
        rang = int(chemin.rsplit("/", 1)[1])
        if rang < 1:
            raise LookupError(chemin)
        requete, reponse = etat.echanges[rang - 1]
    return {
        "requete": requete.decode("utf-8", "replace"),
        "reponse": None if reponse is None else reponse.decode("utf-8", "replace"),
    }


class _Serveur(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks TLS or leaves is its own business; a bug of ours is told."""
        if not isinstance(sys.exception(), OSError):
            traceback.print_exc()


def _tls_context(tls: Path, certificat: str, demande: ssl.VerifyMode) -> ssl.SSLContext:
    contexte = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexte.minimum_version = ssl.TLSVersion.TLSv1_2
    contexte.load_cert_chain(tls / f"{certificat}.pem", tls / f"{certificat}.key")
    if demande != ssl.CERT_NONE:
        contexte.load_verify_locations(tls / "ac-structures.pem")
        contexte.verify_mode = demande
    if demande == ssl.CERT_OPTIONAL:
        # The service itself says what it thinks of another authority.
        contexte.load_verify_locations(tls / "ac-etrangere.pem")
    return contexte


def _options(declare: Declaration | None) -> argparse.Namespace:
    analyse = argparse.ArgumentParser()
    if declare is not None:
        declare(analyse)
    analyse.add_argument("--port", type=int, default=0)
    analyse.add_argument("--controle-port", type=int, default=0)
    analyse.add_argument("--tls", type=Path, required=True)
    analyse.add_argument("--certificat", default="serveur")
    analyse.add_argument("--pret", type=Path)
    analyse.add_argument("--calme", action="store_true")
    return analyse.parse_args()


def _announce(pret: Path, portes: dict[str, _Serveur]) -> None:
    contenu = {"pid": os.getpid(), **{nom: porte.server_port for nom, porte in portes.items()}}
    provisoire = pret.with_suffix(".tmp")
    provisoire.write_text(json.dumps(contenu))
    provisoire.replace(pret)


def _secure(serveur: _Serveur, contexte: ssl.SSLContext) -> None:
    serveur.socket = contexte.wrap_socket(
        serveur.socket, server_side=True, do_handshake_on_connect=False
    )


def _open(etat: Etat, options: argparse.Namespace, demande: ssl.VerifyMode) -> dict[str, _Serveur]:
    """Bind the doors: the service, its control API, and the second one when it has two."""
    portes = {
        "port": _Serveur(("127.0.0.1", options.port), type("Guichet", (_Guichet,), {"etat": etat})),
        "controle_port": _Serveur(
            ("127.0.0.1", options.controle_port), type("Controle", (_Controle,), {"etat": etat})
        ),
    }
    _secure(portes["port"], _tls_context(options.tls, options.certificat, demande))
    if isinstance(etat.service, DeuxPortes):
        portail = _Serveur(
            ("127.0.0.1", options.portail_port),
            type("Portail", (_Guichet,), {"etat": etat, "porte": "portail"}),
        )
        if not etat.service.portail_http:
            _secure(portail, _tls_context(options.tls, options.certificat, ssl.CERT_NONE))
        portes["portail_port"] = portail
        etat.service.install(portes["port"].server_port, portail.server_port)
    return portes


def main(
    build: Callable[[argparse.Namespace, random.Random], Service],
    *,
    mutuel: Callable[[argparse.Namespace], bool],
    declare: Declaration | None = None,
    facultatif: bool = False,
) -> None:
    """Run a service until SIGTERM.

    `declare` adds its own options; `mutuel` says whether a client certificate is asked for, and
    `facultatif` that a client may come without.
    """
    options = _options(declare)
    hasard = random.Random(0 if options.calme else None)  # noqa: S311 - variation, not secrecy
    etat = Etat(build(options, hasard), calme=options.calme)
    demande = ssl.CERT_NONE
    if mutuel(options):
        demande = ssl.CERT_OPTIONAL if facultatif else ssl.CERT_REQUIRED
    portes = _open(etat, options, demande)
    for serveur in portes.values():
        threading.Thread(
            target=serveur.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()
    if options.pret:
        _announce(options.pret, portes)
    signal.signal(signal.SIGTERM, lambda *_: etat.fin.set())
    signal.signal(signal.SIGINT, lambda *_: etat.fin.set())
    etat.fin.wait()
    os._exit(0)
