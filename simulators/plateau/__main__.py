"""`python -m simulators.plateau`: the demonstration tray, on the loopback address only."""

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from simulators.plateau.bureau import GESTES, Adresses, Injoignable, draw_code, read_state

PAGES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/plateau.css": ("plateau.css", "text/css; charset=utf-8"),
    "/plateau.js": ("plateau.js", "text/javascript; charset=utf-8"),
}
ICI = Path(__file__).parent
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"


class Comptoir(BaseHTTPRequestHandler):
    """One request; hostile pages of the same browser are refused by Host and Origin."""

    adresses: Adresses
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        """Write nothing."""

    def _is_ours(self) -> bool:
        assert isinstance(self.server, ThreadingHTTPServer)  # noqa: S101
        hote = f"127.0.0.1:{self.server.server_port}"
        origine = self.headers.get("Origin")
        return self.headers.get("Host") == hote and origine in {None, f"http://{hote}"}

    def _send(self, statut: int, corps: bytes, genre: str) -> None:
        self.send_response(statut)
        for nom, valeur in (
            ("Content-Type", genre),
            ("Content-Length", str(len(corps))),
            ("Content-Security-Policy", CSP),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(nom, valeur)
        self.end_headers()
        self.wfile.write(corps)

    def _json(self, statut: int, objet: object) -> None:
        self._send(statut, json.dumps(objet, ensure_ascii=False).encode(), "application/json")

    def do_GET(self) -> None:
        """Serve the page, the state, or a code."""
        chemin = urlsplit(self.path).path
        if not self._is_ours():
            self._json(403, {"message": "Adresse refusée."})
        elif chemin in PAGES:
            nom, genre = PAGES[chemin]
            self._send(200, (ICI / nom).read_bytes(), genre)
        elif chemin == "/favicon.ico":
            self._send(204, b"", "image/x-icon")
        elif chemin == "/etat":
            self._json(200, read_state(self.adresses))
        elif chemin.startswith("/qr/") and chemin.endswith(".svg") and len(chemin) < 60:
            self._send(200, draw_code(chemin[4:-4]), "image/svg+xml")
        else:
            self._json(404, {"message": "Rien à cette adresse."})

    def do_POST(self) -> None:
        """Play one gesture."""
        longueur = self.headers.get("Content-Length", "")
        if not (self._is_ours() and longueur.isdigit() and int(longueur) < 20_000):
            self.close_connection = True
            self._json(403, {"message": "Demande refusée."})
            return
        octets = self.rfile.read(int(longueur))
        geste = GESTES.get(urlsplit(self.path).path)
        if geste is None or self.headers.get_content_type() != "application/json":
            self._json(404, {"message": "Ce geste n'existe pas."})
            return
        try:
            self._json(200, geste(self.adresses, json.loads(octets)))
        except Injoignable as exc:
            self._json(503, {"message": str(exc)})
        except (ValueError, KeyError, TypeError, StopIteration) as exc:
            self._json(400, {"message": str(exc) or "Geste mal formé."})


def _options() -> argparse.Namespace:
    analyse = argparse.ArgumentParser(prog="simulators.plateau")
    analyse.add_argument("--port", type=int, default=0)
    analyse.add_argument("--agent-commande", required=True)
    analyse.add_argument("--insi-controle", required=True)
    analyse.add_argument("--epu-controle", required=True)
    analyse.add_argument("--vitale-controle", required=True)
    analyse.add_argument("--psc-controle", required=True)
    analyse.add_argument("--produit-url", required=True)
    analyse.add_argument("--pret", type=Path)
    return analyse.parse_args()


def main() -> int:
    """Serve until SIGTERM."""
    options = _options()
    Comptoir.adresses = Adresses(
        options.agent_commande,
        {
            "insi": options.insi_controle,
            "ordonnance": options.epu_controle,
            "vitale": options.vitale_controle,
            "psc": options.psc_controle,
        },
        options.produit_url,
    )
    serveur = ThreadingHTTPServer(("127.0.0.1", options.port), Comptoir)
    serveur.daemon_threads = True
    if options.pret:
        provisoire = options.pret.with_suffix(".tmp")
        provisoire.write_text(json.dumps({"pid": os.getpid(), "port": serveur.server_port}))
        provisoire.replace(options.pret)
    for numero in (signal.SIGTERM, signal.SIGINT):
        signal.signal(numero, lambda *_: threading.Thread(target=serveur.shutdown).start())
    serveur.serve_forever(poll_interval=0.2)
    serveur.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
