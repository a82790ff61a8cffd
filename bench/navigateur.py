"""One browser of the bench: a signed-in session, a sale, its event stream; no rendering."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent import jws
from agent.receipts import canonical

DELAI_S = 20.0
# The state sent at the opening ends with this panel.
DERNIER = b'"cible": "panneau-ordonnance"'


class Navigateur:
    """Talks to the product as the page does: cookies, CSRF token, stream opened before the act."""

    def __init__(self, adresse: str, client: dict[str, str]) -> None:
        self.adresse = adresse
        self.client = client
        cookies = {"comptoir_session": client["session"], "comptoir_poste": client["poste"]}
        self.http = httpx.Client(
            base_url=adresse,
            cookies=cookies,
            timeout=DELAI_S,
            trust_env=False,
            headers={"Origin": adresse, "Referer": adresse + "/"},
        )
        page = self.http.get("/").raise_for_status().text
        trouve = re.search(r'<meta name="csrf" content="([^"]+)"', page)
        assert trouve is not None, "no CSRF token: the session was not accepted"
        self.http.headers["X-CSRFToken"] = trouve[1]
        self.vente = 0

    @contextmanager
    def sale(self) -> Iterator[None]:
        """Open a sale, abandon it at the end."""
        reponse = self.http.post("/vente/")
        assert reponse.status_code == 302, reponse.status_code
        self.vente = int(reponse.headers["Location"].strip("/").split("/")[1])
        try:
            yield
        finally:
            fini = self.http.post(f"/vente/{self.vente}/annuler/")
            assert fini.status_code == 302, fini.status_code

    def scan(self, texte: str) -> None:
        """POST a scanned code."""
        corps = {"text": texte, "canal": "scan", "vente": self.vente}
        self._post("/api/scans", corps)

    def prepare_reading(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a card reading, receipt included, as the agent gives it."""
        nonce = self._post("/api/agent/nonces", {"op": "vitale.read"})["nonce"]
        cle: Any = load_pem_private_key(self.client["cle"].encode(), None)
        recu = jws.sign(
            cle,
            "card-receipt+jwt",
            {
                "iss": f"agent:{self.client['wid']}",
                "aud": self.adresse,
                "sub": self.client["sub"],
                "sid": self.client["sid"],
                "jti": uuid4().hex,
                "iat": int(time.time()),
                "data_sha256": hashlib.sha256(canonical(data)).hexdigest(),
                "nonce": nonce,
                "op": "vitale.read",
                "driver": {"name": "banc", "version": "0", "simulated": True},
            },
        )
        return {"op": "vitale.read", "data": data, "receipt": recu, "vente": self.vente}

    def send_reading(self, corps: dict[str, Any]) -> None:
        """POST a reading and its receipt."""
        self._post("/api/agent/lectures", corps)

    def _post(self, chemin: str, corps: dict[str, Any]) -> dict[str, Any]:
        reponse = self.http.post(chemin, json=corps)
        assert reponse.status_code == 200, f"{chemin} {reponse.status_code} {reponse.text[:300]}"
        objet: dict[str, Any] = json.loads(reponse.text)
        return objet

    @contextmanager
    def stream(self, *marques: bytes) -> Iterator["Ecoute"]:
        """Listen to the sale; the moment is that of the line that holds every mark."""
        ecoute = Ecoute(self, marques)
        ecoute.start()
        ecoute.ouvert.wait(DELAI_S)
        try:
            yield ecoute
        finally:
            ecoute.fini.wait(DELAI_S)
            ecoute.join(DELAI_S)


class Ecoute(threading.Thread):
    """Reads the stream; only what comes after the state sent at the opening counts."""

    def __init__(self, navigateur: Navigateur, marques: tuple[bytes, ...]) -> None:
        super().__init__(daemon=True)
        self.navigateur = navigateur
        self.marques = marques
        self.ouvert = threading.Event()
        self.fini = threading.Event()
        self.instant = 0.0

    def run(self) -> None:
        """Read until the marks are seen, or until nothing comes."""
        navigateur = self.navigateur
        client = navigateur.client
        cookies = f"comptoir_session={client['session']}; comptoir_poste={client['poste']}"
        url = f"{navigateur.adresse}/flux?vente={navigateur.vente}"
        try:
            with (
                httpx.Client(trust_env=False, timeout=DELAI_S) as http,
                http.stream("GET", url, headers={"Cookie": cookies}) as reponse,
            ):
                reste = b""
                for octets in reponse.iter_raw():
                    maintenant = time.perf_counter()
                    *lignes, reste = (reste + octets).split(b"\n")
                    for ligne in lignes:
                        if self.ouvert.is_set() and all(m in ligne for m in self.marques):
                            self.instant = maintenant
                            return
                        if DERNIER in ligne:
                            self.ouvert.set()
        finally:
            self.ouvert.set()
            self.fini.set()

    def elapsed_ms(self, debut: float) -> float:
        """Return the milliseconds between `debut` and the bytes of the event."""
        self.fini.wait(DELAI_S)
        assert self.instant, "the event never came"
        return (self.instant - debut) * 1000
