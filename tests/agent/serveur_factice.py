"""A server for one agent: what it answers is set by the test, what it was asked is counted."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Reponse(BaseHTTPRequestHandler):
    def do_GET(self):
        chemin = "jwks" if self.path.startswith("/.well-known/") else "config"
        self.server.demandes.append((chemin, self.headers.get("Authorization", "")))
        corps = json.dumps(self.server.reponses.get(chemin)).encode()
        self.send_response(200 if chemin in self.server.reponses else 404)
        self.send_header("Content-Length", str(len(corps)))
        self.end_headers()
        self.wfile.write(corps)

    def log_message(self, *_args):
        """Say nothing."""


@contextmanager
def serveur_factice():
    """A running server: `.adresse`, `.reponses` by name, `.demandes` received."""
    serveur = ThreadingHTTPServer(("127.0.0.1", 0), _Reponse)
    serveur.reponses, serveur.demandes = {}, []
    serveur.adresse = f"http://127.0.0.1:{serveur.server_port}"
    Thread(target=serveur.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield serveur
    finally:
        serveur.shutdown()
        serveur.server_close()
