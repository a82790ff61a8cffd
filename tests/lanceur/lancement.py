"""One launcher in a process of its own, its data apart, and what the kernel knows of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from config.lanceur.noyau import postgres_in
from tests.conftest import RACINE
from tests.parcours.bureau import until

DELAI_S = 90
PROC = Path("/proc")


class Lancement:
    """`python -m config.lanceur run`, as `make run` starts it; stopped at the end of the block."""

    def __init__(self, donnees, *, port=0, qui=(None, sys.executable)):
        uid, python = qui
        self.donnees = Path(donnees)
        self.ecran = Path(tempfile.mkdtemp(prefix="ecran-")) / "sortie"
        droits = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        with self.ecran.open("wb") as sortie:
            self.processus = subprocess.Popen(
                [python, "-m", "config.lanceur", "run", "--port", str(port)],
                cwd=RACINE,
                env=environnement(self.donnees, **_libraries(Path(python))),
                stdin=subprocess.DEVNULL,
                stdout=sortie,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **droits,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.finir(signal.SIGTERM)
        shutil.rmtree(self.ecran.parent)

    @property
    def texte(self):
        return self.ecran.read_text(encoding="utf-8")

    def attendre_pret(self):
        """Wait for the last line; return the one address."""

        def pret():
            assert self.processus.poll() is None, self.texte
            return "Prêt en" in self.texte

        until(pret, "« Prêt »", DELAI_S)
        adresses = [m for m in self.texte.split() if m.startswith("http")]
        assert len(adresses) == 1, self.texte
        return adresses[0]

    def env(self):
        """What the launcher wrote for `manage.py`."""
        return json.loads((self.donnees / "env.json").read_text())["env"]

    def prises(self):
        return Path((self.donnees / "prises").read_text())

    def enfants(self):
        """The children, by what they run."""
        trouves = {}
        for entree in PROC.glob("[0-9]*"):
            try:
                champs = (entree / "stat").read_text().rpartition(")")[2].split()
                ligne = (entree / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(champs[1]) == self.processus.pid and champs[0] != "Z":
                trouves[_name(ligne)] = int(entree.name)
        return trouves

    def finir(self, numero):
        """Send a signal, wait for the end; return the exit code."""
        if self.processus.poll() is None:
            self.processus.send_signal(numero)
        return self.processus.wait(60)


def environnement(donnees, **autres):
    """An environment without any stack in it, data apart."""
    propre = {n: v for n, v in os.environ.items() if not n.startswith(("COMPTOIR_", "DJANGO_"))}
    return {**propre, "COMPTOIR_DONNEES": str(donnees), **autres}


def _libraries(python):
    """A copied interpreter finds its own shared library, not the system's."""
    copie = python.parent.parent / "base/lib"
    return {"LD_LIBRARY_PATH": str(copie)} if copie.exists() else {}


def _name(ligne):
    noms = {
        "uvicorn": "web",
        "-Q interactif": "interactif",
        "-Q lots": "lots",
        "celery beat": "beat",
        "celery -A config.celery beat": "beat",
        "simulators.insi": "insi",
        "simulators.ordonnance": "ordonnance",
        "simulators.vitale": "vitale",
        "simulators.psc": "psc",
        "simulators.plateau": "plateau",
        "agent servir": "agent",
        "valkey-server": "valkey",
        "/postgres ": "postgres",
    }
    return next((nom for motif, nom in noms.items() if motif in ligne), ligne)


def vivants(pids):
    """Which of these processes still run."""
    restants = []
    for pid in pids:
        try:
            etat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if etat not in "ZX":
            restants.append(pid)
    return restants


def lire(url):
    """GET without following anything; return (status, Location, text)."""

    class Sans(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_args):
            return None

    ouvreur = urllib.request.build_opener(Sans)
    try:
        with ouvreur.open(url, timeout=20) as reponse:
            return reponse.status, "", reponse.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.headers.get("Location", ""), ""


def rien_ne_reste(donnees, pids, prises):
    """No process, no lock, no socket folder, no environment of a dead stack."""
    assert vivants(pids) == []
    assert postgres_in(donnees / "pg") == []
    assert not prises.exists()
    # The heads of the journal are there once a link was sealed: twenty seconds after a first act.
    restes = {chemin.name for chemin in donnees.iterdir()} - {"tetes"}
    assert restes == {"agent", "journaux", "migrations.empreinte", "pg", "secrets", "tls"}
