"""A server for one agent: what it answers is set by the test, what it was asked is counted."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Reponse(BaseHTTPRequestHandler):
    def do_GET(self):
        chemin = "jwks" if self.path.startswith("/.well-known/") else "config"
        chemin = self.path if self.path in self.server.reponses else chemin
        self.server.demandes.append((chemin, self.headers.get("Authorization", "")))
        corps = self.server.reponses.get(chemin)
        corps = corps if isinstance(corps, bytes) else json.dumps(corps).encode()
        statut = 200 if chemin in self.server.reponses else 404
        self.send_response(403 if chemin in self.server.refus else statut)
        self.send_header("Content-Length", str(len(corps)))
        self.end_headers()
        self.wfile.write(corps)

    def log_message(self, *_args):
        """Say nothing."""


@contextmanager
def serveur_factice():
    """A running server: `.adresse`, `.reponses` by name, `.refus` told 403, `.demandes`."""
    serveur = ThreadingHTTPServer(("127.0.0.1", 0), _Reponse)
    serveur.reponses, serveur.demandes, serveur.refus = {}, [], set()
    serveur.adresse = f"http://127.0.0.1:{serveur.server_port}"
    Thread(target=serveur.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield serveur
    finally:
        serveur.shutdown()
        serveur.server_close()
