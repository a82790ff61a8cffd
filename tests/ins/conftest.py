"""The simulators of INSi and of the card in processes of their own, and what tests do with them."""

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

RACINE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Simulateur:
    """Addresses of a simulated service, and its control API."""

    port: int
    controle_port: int

    def ask(self, chemin, corps=None):
        """GET, or POST `corps`, on the control API."""
        requete = urllib.request.Request(
            f"http://127.0.0.1:{self.controle_port}{chemin}",
            data=None if corps is None else json.dumps(corps).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(requete, timeout=10) as reponse:
            return json.loads(reponse.read() or b"null")

    def humeur(self, nom, **faits):
        """Change the mood."""
        return self.ask("/controle/humeur", {"nom": nom, **faits})

    def journal(self):
        """What was received, lost answers included."""
        return self.ask("/controle/journal?depuis=0")["entrees"]


@contextmanager
def _process(nom, tls, dossier):
    """One simulator in a process of its own, until the end of the session."""
    pret = dossier / "pret.json"
    commande = [sys.executable, "-m", f"simulators.{nom}", "--port", "0", "--controle-port", "0"]
    with subprocess.Popen(
        [*commande, "--tls", str(tls), "--pret", str(pret), "--calme"],
        cwd=RACINE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as processus:
        limite = time.monotonic() + 20
        while not pret.exists():
            assert processus.poll() is None, "le simulateur s'est arrêté"
            assert time.monotonic() < limite, "le simulateur ne démarre pas"
            time.sleep(0.05)
        faits = json.loads(pret.read_text(encoding="utf-8"))
        yield Simulateur(faits["port"], faits["controle_port"])
        _close_transport()
        processus.terminate()


@pytest.fixture(scope="session")
def insi_processus(tls, tmp_path_factory):
    """One INSi for the session."""
    with _process("insi", tls, tmp_path_factory.mktemp("insi")) as simulateur:
        yield simulateur


@pytest.fixture(scope="session")
def vitale_processus(tls, tmp_path_factory):
    """One service of the card for the session: contexts of the appli, rights."""
    with _process("vitale", tls, tmp_path_factory.mktemp("vitale")) as simulateur:
        yield simulateur


def _close_transport():
    """Close the connections of this thread: nothing of ours outlives the session."""
    from django.conf import settings

    from ins.client import _transport, certificate_paths

    if _transport.cache_info().currsize:
        for automatique in (False, True):
            chemins = certificate_paths(automatique=automatique)
            _transport(settings.TLS_AC, *chemins).close()


@pytest.fixture
def insi(insi_processus, settings):
    """The simulated INSi, as at its start; the product is pointed at it."""
    insi_processus.ask("/controle/oublier", {})
    settings.INSI_URL = f"https://127.0.0.1:{insi_processus.port}/lps"
    return insi_processus


@pytest.fixture
def vitale(vitale_processus, settings):
    """The services of the card, as at their start; the product asks contexts, not rights."""
    vitale_processus.ask("/controle/oublier", {})
    settings.APCV_URL = f"https://127.0.0.1:{vitale_processus.port}/apcv/v1/contextes"
    return vitale_processus


@pytest.fixture
def appli(halle, insi, vitale):
    """A sale under way where phones are shown; INSi is there to hear that nobody asks it."""
    from teleservices.models import Disjoncteur
    from tests.ins.telephone import Appli

    Disjoncteur.objects.all().delete()
    return Appli(halle, halle.vente(), vitale)


@pytest.fixture
def comptoir(halle, insi):
    """A sale under way, INSi answering."""
    from teleservices.models import Disjoncteur
    from tests.ins.scene import Comptoir

    Disjoncteur.objects.all().delete()
    return Comptoir(halle, halle.vente())


@pytest.fixture
def zoe():
    """Carte Vitale 02: only the used name is on the card."""
    from tests.ins.scene import porteur

    return porteur("2751263220749", "19751231", "ZOE", usuel="DUPONT")


@pytest.fixture
def marthe(comptoir):
    """A file whose first name is not INSi's: the answer waits for a person."""
    from tests.ins.scene import porteur

    return comptoir.read(porteur("2751263220749", "19751231", "MARTHE", patronymique="ADRUN"))
