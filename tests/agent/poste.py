"""A workstation for the tests: a real agent process, a tray that moves its cards, its pages."""

import asyncio
import base64
import functools
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import jws

RACINE = Path(__file__).resolve().parents[2]
ORIGINE = "http://127.0.0.1:8000"
CARTES = RACINE / "simulators/cartes"
PORTEES = ["card:read", "cps:read", "cps:sign", "scan"]


def carte(nom, **autres):
    """A card of the demonstration, its faults changed at will."""
    return {**json.loads((CARTES / f"{nom}.json").read_text(encoding="utf-8")), **autres}


def _jouer(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 60))


def seul(test):
    """Run a coroutine test in a thread of its own: a browser's loop may live in the main one."""

    @functools.wraps(test)
    def joue(*args, **kwargs):
        with ThreadPoolExecutor(1) as fil:
            return fil.submit(_jouer, test(*args, **kwargs)).result()

    return joue


def port_libre():
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        return prise.getsockname()[1]


def executer(*args, **options):
    """Run a program that must succeed; what it printed."""
    fini = subprocess.run(
        [str(a) for a in args],
        capture_output=True,
        text=True,
        check=False,
        **{"cwd": "/", **options},
    )
    assert fini.returncode == 0, fini.stderr
    return fini.stdout


def jwk(cle):
    x = jws.public_raw(cle)
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": jws.thumbprint(x)}


class Poste:
    """Plays the server that enrolled this agent, and the hardware behind it."""

    def __init__(self, dossier, tls, *, wid="p_TEST", emetteur=ORIGINE, ports=None):
        self.dossier, self.tls = dossier, tls
        self.serveur = Ed25519PrivateKey.generate()
        self.ports = ports or [port_libre()]
        self.port = self.ports[0]
        self.wid, self.emetteur = wid, emetteur
        self.commande = dossier / "agent.sock"
        self.pret = dossier / "pret.json"
        self.journal = dossier / "journal"
        self.trames = []
        self.process = None
        self.autres = []

    def enrolement(self, cle=None, cles=None, etat="associe", config=None, **autres):
        """What the server gives, signed; any part changed."""
        contenu = {
            "wid": self.wid,
            "etat": etat,
            "officine": {"finess": "750000001", "nom": "Pharmacie d'essai"},
            "allowed_origins": [self.emetteur],
            "issuer": self.emetteur,
            "jwks": {"keys": cles or [jwk(self.serveur)]},
            "config": {"motifs": {}, "config_seq": 1, "transport": "loopback", **(config or {})},
            **autres,
        }
        signe = jws.sign(cle or self.serveur, "agent-config+jwt", contenu)
        return {**contenu, "config_jws": signe}

    def start(self, **enrolement):
        self._run("cle", "--dossier", str(self.dossier))
        signe = self.enrolement(**enrolement)
        (self.dossier / "enrolement.json").write_text(json.dumps(signe), encoding="utf-8")
        self.process = self._spawn(*self.ports)
        fin = time.monotonic() + 20
        while not self.pret.exists():
            assert self.process.poll() is None, self.journal.read_text()
            assert time.monotonic() < fin, "the agent does not start"
            time.sleep(0.02)
        self.port = json.loads(self.pret.read_text(encoding="ascii"))["port"]

    def _spawn(self, *ports):
        args = [
            *(sys.executable, "-m", "agent", "servir", "--dossier", str(self.dossier)),
            *("--port", *map(str, ports), "--pret", str(self.pret), *self.pilote()),
            *self.autres,
        ]
        with self.journal.open("ab") as sortie:
            return subprocess.Popen(args, cwd=RACINE, stdout=sortie, stderr=sortie)

    def pilote(self):
        """The options of the driver."""
        cartes = ("--commande", str(self.commande), "--cartes-tls", str(self.tls))
        return ["--pilote", "scripte", *cartes]

    def _run(self, *args):
        subprocess.run(
            [sys.executable, "-m", "agent", *args],
            cwd=RACINE,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def stop(self):
        """Ask it to end, as the launcher does; return its exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(10)

    # The hardware

    def geste(self, verbe, **demande):
        """One act of the tray; the agent's answer."""
        with socket.socket(socket.AF_UNIX) as prise:
            prise.settimeout(10)
            prise.connect(str(self.commande))
            prise.sendall(json.dumps({"verb": verbe, **demande}).encode() + b"\n")
            return json.loads(prise.makefile().readline())

    def inserer(self, nom, lecteur=None, **autres):
        lue = carte(nom, **autres)
        return self.geste("insert", reader=lecteur or lue["kind"], card=lue)

    def octets(self, octets, device="comptoir"):
        return self.geste("scan", device=device, bytes_b64=base64.b64encode(octets).decode())

    # The server

    def jeton(self, challenge, cle=None, typ="agent+jwt", **claims):
        """A token as the server signs it, any claim changed."""
        maintenant = int(time.time())
        contenu = {
            "iss": self.emetteur,
            "aud": f"agent:{self.wid}",
            "sub": "7",
            "sid": "s" * 32,
            "origin": self.emetteur,
            "cnonce": challenge,
            "scope": PORTEES,
            "jti": uuid4().hex,
            "iat": maintenant,
            "nbf": maintenant,
            "exp": maintenant + 300,
            **claims,
        }
        return jws.sign(cle or self.serveur, typ, contenu)

    def demande(self, **claims):
        """A signature request as the server makes it, for Alice MARTIN's card."""
        maintenant = int(time.time())
        certificat = (self.tls / "cps/810100000040-sig.der").read_bytes()
        contenu = {
            "iss": self.emetteur,
            "aud": f"agent:{self.wid}",
            "sub": "7",
            "jti": uuid4().hex,
            "iat": maintenant,
            "exp": maintenant + 60,
            "key": "sig",
            "alg": "RS256",
            "cert_sha256": hashlib.sha256(certificat).hexdigest(),
            "items": [article()],
            **claims,
        }
        return jws.sign(self.serveur, "agent-sign+jwt", contenu)

    def recu(self, recu, typ="card-receipt+jwt"):
        """The claims of something the workstation signed; JwsRefuse when it did not."""
        x = jws.public_raw(self.cle)
        return jws.verify(recu, typ, [{"crv": "Ed25519", "x": x, "kid": jws.thumbprint(x)}])

    @property
    def cle(self):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return load_pem_private_key((self.dossier / "poste.key").read_bytes(), None)

    # The pages

    def page(self, **options):
        return Page(self, **options)


def article(**champs):
    empreinte = base64.b64encode(hashlib.sha256(b"texte").digest()).decode()
    libelle = "Ordonnance Numérique, une heure"
    return {
        "id": "1",
        "digest_b64": empreinte,
        "purpose": "ordonnance",
        "label": libelle,
        **champs,
    }


class Page:
    """One tab: its socket, everything it received."""

    def __init__(self, poste, *, auth=True, focus=True, **connexion):
        self.poste, self.auth, self.focus = poste, auth, focus
        self.connexion = {
            "origin": poste.emetteur,
            "subprotocols": ["officine.agent.v1"],
            **connexion,
        }
        self.evenements = []
        self.rang = 0

    async def __aenter__(self):
        self.ws = await websockets.connect(
            f"ws://127.0.0.1:{self.poste.port}/agent/v1", compression=None, **self.connexion
        )
        self.bonjour = (await self.recv())["payload"]
        if self.auth:
            acces = await self.demander("auth", token=self.jeton())
            assert acces["ok"], acces
            self.acces = acces["payload"]
            if self.focus:
                await self.demander("focus.claim", reason="visible")
        return self

    async def __aexit__(self, *_exc):
        await self.ws.close()

    def jeton(self, **claims):
        return self.poste.jeton(self.bonjour["challenge"], **claims)

    async def recv(self):
        brut = await self.ws.recv()
        self.poste.trames.append(brut)
        return json.loads(brut)

    async def send(self, verbe, **payload):
        """Send a request without waiting; its id."""
        self.rang += 1
        ident = f"r{self.rang}"
        await self.ws.send(json.dumps({"v": 1, "type": verbe, "id": ident, "payload": payload}))
        return ident

    async def reponse(self, ident):
        """The answer to a request; events met on the way are kept."""
        while True:
            trame = await self.recv()
            if trame["type"] == "res" and trame["id"] == ident:
                return trame
            self.evenements.append(trame)

    async def demander(self, verbe, **payload):
        return await self.reponse(await self.send(verbe, **payload))

    async def code(self, verbe, **payload):
        """The error code of a refused request."""
        reponse = await self.demander(verbe, **payload)
        assert not reponse["ok"], reponse
        assert reponse["error"]["message"]
        return reponse["error"]["code"]

    async def brut(self, trame):
        """Send a raw frame; the next answer."""
        await self.ws.send(trame)
        while (lue := await self.recv())["type"] != "res":
            self.evenements.append(lue)
        return lue

    async def evenement(self, nom):
        """The next event of this name, already received or to come."""
        for trame in list(self.evenements):
            self.evenements.remove(trame)
            if trame.get("event") == nom:
                return trame["payload"]
        while True:
            trame = await self.recv()
            if trame.get("event") == nom:
                return trame["payload"]

    async def fermeture(self):
        """The code the agent closes with."""
        try:
            while True:
                await self.recv()
        except websockets.ConnectionClosed:
            return self.ws.close_code

    async def scans(self, nombre):
        """The texts of the next scans."""
        return [(await self.evenement("scan"))["text"] for _ in range(nombre)]

    async def rien(self, nom):
        """Whether nothing of this name came before the answer to a fresh request."""
        await self.demander("ping", t=1)
        return not any(t.get("event") == nom for t in self.evenements)

    async def lire(self, verbe="vitale.read", **payload):
        return await self.demander(verbe, **{"nonce": uuid4().hex, **payload})
