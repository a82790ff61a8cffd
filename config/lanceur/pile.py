"""The whole stack: data servers, simulators, agent, web, workers, beat.

Order: what does not depend on anything starts together; migrations and demonstration data run once
the base answers; the product starts when the addresses of the simulators are known.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.lanceur.donnees import Postgres, valkey_command, valkey_socket, valkey_wait
from config.lanceur.dossiers import (
    RACINE,
    Dossiers,
    LanceurRefuse,
    forget_sockets,
    make_secrets,
    make_socket_folder,
)
from config.lanceur.enfants import Commande, Enfant
from config.lanceur.environnement import fichier_env
from config.lanceur.noyau import birth, build_tie, end_orphans, listens

PYTHON = sys.executable
ORDRE_ARRET = (
    "beat",
    "web",
    "interactif",
    "lots",
    "plateau",
    "agent",
    "insi",
    "ordonnance",
    "vitale",
    "psc",
    "valkey",
    "postgres",
)
MORTS_MAX = 5
# Each simulated service: variable of its address, path.
SIMULATEURS = {
    "insi": ("INSI_URL", "/lps"),
    "ordonnance": ("EPU_URL", "/epu"),
    "vitale": ("VITALE_URL", ""),
    "psc": ("PSC_EMETTEUR", "/psc-simulateur/auth/realms/esante-wallet"),
}
# Where Pro Santé Connect sends people and its own messages: declared there, character by character.
PSC_RETOUR, PSC_FIN, PSC_ALERTE = "/psc/callback", "/psc/bye", "/psc/backchannel-logout"


@dataclass
class Options:
    """What a stack may be told."""

    port: int = 0
    durable: bool = True
    calme: bool = False
    env: dict[str, str] = field(default_factory=dict)


def reserve_port(voulu: int = 0) -> tuple[int, socket.socket]:
    """Return `voulu` when it is free on the loopback address, else any free port, and its guard.

    The guard is an abstract unix name that other launchers see and that vanishes with ours: two
    checkouts that start together never choose the same port. The port stays free for the child.
    """
    for essai in (voulu, *[0] * 20):
        garde = socket.socket(socket.AF_UNIX)
        with socket.socket() as prise, contextlib.suppress(OSError):
            prise.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            prise.bind(("127.0.0.1", essai))
            port = int(prise.getsockname()[1])
            if sys.platform == "linux":
                garde.bind(f"\0comptoir-port-{port}")
            return port, garde
        garde.close()
    raise LanceurRefuse("Aucun port libre sur cette machine.")


class Pile:
    """Children by name, their environment, and what is needed to talk to them."""

    def __init__(self, donnees: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        donnees.mkdir(parents=True, exist_ok=True, mode=0o711)
        sockets = make_socket_folder(donnees)
        self.dossiers = Dossiers(donnees, sockets)
        self.journaux = self.dossiers.sous("journaux")
        self.enfants: dict[str, Enfant] = {}
        self.env: dict[str, str] = {}
        self.controle: dict[str, str] = {}
        self.adresse = ""
        self.plateau_url = ""
        self.agent_commande = sockets / "agent.sock"
        self.postgres: Postgres | None = None
        self.gardes: list[socket.socket] = []

    # Data servers

    def start_data(self, base: str = "comptoir") -> None:
        """Start PostgreSQL and Valkey, roles and database included."""
        secrets = make_secrets(self.dossiers.sous("secrets"))
        self.postgres = Postgres(self.dossiers, self.options.durable)
        self.postgres.init()
        self._start(self.postgres.commande())
        self._start(valkey_command(self.dossiers))
        self.postgres.wait(self.enfants["postgres"].pid)
        self.postgres.provision(base)
        valkey_wait(self.dossiers)
        self.env = {
            **{
                nom: v
                for nom, v in os.environ.items()
                if not nom.startswith(("COMPTOIR_", "DJANGO_"))
            },
            **secrets,
            **self.postgres.env(base),
            "COMPTOIR_VALKEY_URL": f"unix://{valkey_socket(self.dossiers)}",
            "COMPTOIR_ENVIRONNEMENT": "simulateur",
            "COMPTOIR_AUDIT_TETES": str(self.dossiers.donnees / "tetes"),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(RACINE),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.options.env,
        }

    def _start(self, commande: Commande) -> Enfant:
        journal = self.journaux / f"{commande.nom}.log"
        if journal.exists():
            journal.replace(journal.with_suffix(".ancien.log"))
        enfant = Enfant(commande, self.journaux)
        self.enfants[commande.nom] = enfant
        enfant.start()
        return enfant

    def _python(self, nom: str, *args: str, pret: bool = True) -> Enfant:
        fichier = self.dossiers.sockets / f"{nom}.pret" if pret else None
        complet = [PYTHON, "-X", "utf8", *args]
        if fichier is not None:
            complet += ["--pret", str(fichier)]
        return self._start(Commande(nom, complet, self.env, pret=fichier))

    def run_once(self, *args: str) -> str:
        """Run a Python command to its end with the stack's environment; return what it printed."""
        fait = subprocess.run(  # noqa: S603 - our own commands
            [PYTHON, "-X", "utf8", *args],
            env=self.env,
            cwd=RACINE,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=build_tie(signal.SIGKILL),
        )
        if fait.returncode:
            raise LanceurRefuse(
                f"{' '.join(args[:3])} a échoué :\n{fait.stdout}{fait.stderr}"[-3000:]
            )
        return fait.stdout

    # Everything

    def start_all(self) -> None:
        """Start the whole stack."""
        tls = self.dossiers.sous("tls")
        pki = subprocess.Popen(  # noqa: S603 - our own command
            [PYTHON, "-m", "simulators.pki", str(tls)],
            cwd=RACINE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=build_tie(signal.SIGKILL),  # noqa: PLW1509
        )
        web_port = self._reserve(self.options.port)
        agent_port = self._reserve()
        self.start_data()
        self.adresse = f"http://127.0.0.1:{web_port}"
        _, erreur = pki.communicate(timeout=60)
        if pki.returncode:
            raise LanceurRefuse(
                "Les certificats de test n'ont pas pu être faits : " + erreur.decode()[-500:]
            )
        self.env |= {
            "COMPTOIR_ADRESSE": self.adresse,
            "COMPTOIR_AGENT_PORT": str(agent_port),
            "COMPTOIR_TLS_AC": str(tls / "ac-serveurs.pem"),
            "COMPTOIR_INSI_CERTIFICAT": str(tls / "insi-manu.pem"),
            "COMPTOIR_INSI_CLE": str(tls / "insi-manu.key"),
            "COMPTOIR_INSI_CERTIFICAT_AUTO": str(tls / "insi-auto.pem"),
            "COMPTOIR_INSI_CLE_AUTO": str(tls / "insi-auto.key"),
            "COMPTOIR_CPS_AC": str(tls / "ac-cps.pem"),
            **self._psc_client(tls),
        }
        self._start_simulators(tls)
        self._prepare()
        self._start_product(web_port)
        self._python(
            "agent",
            "-m",
            "agent",
            "servir",
            "--dossier",
            str(self.dossiers.sous("agent")),
            "--port",
            str(agent_port),
            "--commande",
            str(self.agent_commande),
            "--cartes-tls",
            str(tls),
        )
        self._wait_all(web_port)
        self._write_env()

    def _reserve(self, voulu: int = 0) -> int:
        port, garde = reserve_port(voulu)
        self.gardes.append(garde)
        return port

    def _ready(self, nom: str) -> dict[str, Any]:
        """Wait for a child and keep the ports it took: started again, it answers where it did."""
        enfant = self.enfants[nom]
        pret = enfant.wait_ready()
        args = list(enfant.commande.args)
        for champ in ("port", "controle_port", "portail_port"):
            option = "--" + champ.replace("_", "-")
            if option in args:
                args[args.index(option) + 1] = str(pret[champ])
        enfant.commande.args = args
        return pret

    def _start_simulators(self, tls: Path) -> None:
        calme = ["--calme"] if self.options.calme else []
        for nom in SIMULATEURS:
            self._python(
                nom,
                "-m",
                f"simulators.{nom}",
                "--port",
                "0",
                "--controle-port",
                "0",
                "--tls",
                str(tls),
                *calme,
                *(self._psc_options() if nom == "psc" else []),
            )
        for nom, (variable, chemin) in SIMULATEURS.items():
            pret = self._ready(nom)
            self.env[f"COMPTOIR_{variable}"] = f"https://127.0.0.1:{pret['port']}{chemin}"
            self.controle[nom] = f"http://127.0.0.1:{pret['controle_port']}"
            if nom == "psc":
                hote = "127.0.0.1"
                hotes = (f"{hote}:{pret['port']}", f"http://{hote}:{pret['portail_port']}")
                self.env["COMPTOIR_PSC_HOTES"] = "\n".join(hotes)
        self._start_tray()

    def _psc_client(self, tls: Path) -> dict[str, str]:
        """Return how the product is declared at Pro Santé Connect: mutual TLS, no secret."""
        return {
            "COMPTOIR_PSC_ACTIF": "oui",
            "COMPTOIR_PSC_CIBA": "oui",
            "COMPTOIR_PSC_CLIENT_ID": "comptoir-confiance",
            "COMPTOIR_PSC_AUTHENTIFICATION": "certificat",
            "COMPTOIR_PSC_CERTIFICAT": str(tls / "psc-edc.pem"),
            "COMPTOIR_PSC_CLE": str(tls / "psc-edc.key"),
            "COMPTOIR_PSC_REDIRECTION": self.adresse + PSC_RETOUR,
            "COMPTOIR_PSC_APRES_DECONNEXION": self.adresse + PSC_FIN,
            "COMPTOIR_PSC_DECONNEXION_RECUE": "oui",
        }

    def _psc_options(self) -> list[str]:
        """Return the declared addresses; no browser knows the authority of our certificates."""
        declarees = (
            ("--retour", PSC_RETOUR),
            ("--apres-deconnexion", PSC_FIN),
            ("--deconnexion-serveur", PSC_ALERTE),
        )
        options = [mot for nom, chemin in declarees for mot in (nom, self.adresse + chemin)]
        return ["--portail-port", "0", "--portail-http", *options]

    def _start_tray(self) -> None:
        self._python(
            "plateau",
            "-m",
            "simulators.plateau",
            "--port",
            "0",
            "--agent-commande",
            str(self.agent_commande),
            "--insi-controle",
            self.controle["insi"],
            "--epu-controle",
            self.controle["ordonnance"],
            "--vitale-controle",
            self.controle["vitale"],
            "--psc-controle",
            self.controle["psc"],
            "--produit-url",
            self.adresse,
        )
        self.plateau_url = f"http://127.0.0.1:{self._ready('plateau')['port']}"
        self.env["COMPTOIR_PLATEAU_URL"] = self.plateau_url

    def _prepare(self) -> None:
        """Migrate and fill when the code or the cluster changed; enrol the agent at each start."""
        assert self.postgres is not None  # noqa: S101
        dossier = self.dossiers.sous("agent")
        cle = self.run_once("-m", "agent", "cle", "--dossier", str(dossier)).strip()
        marque = self.dossiers.donnees / "migrations.empreinte"
        empreinte = _migrations_fingerprint(self.postgres.data / "PG_VERSION")
        deja = marque.exists() and marque.read_text() == empreinte
        self.run_once(
            "manage.py",
            "preparer",
            f"--cle-publique={cle}",
            "--sortie",
            str(dossier / "enrolement.json"),
            *(["--sans-migrations"] if deja else []),
        )
        marque.write_text(empreinte)

    def _start_product(self, port: int) -> None:
        self._start(
            Commande(
                "web",
                [
                    PYTHON,
                    "-m",
                    "uvicorn",
                    "config.asgi:application",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(port),
                    "--no-access-log",
                    "--log-level",
                    "warning",
                    "--timeout-graceful-shutdown",
                    "2",
                    "--lifespan",
                    "off",
                ],
                self.env,
            )
        )
        for file, places in (("interactif", "16"), ("lots", "12")):
            self._start(
                Commande(
                    file,
                    [
                        PYTHON,
                        "-m",
                        "celery",
                        "-A",
                        "config.celery",
                        "worker",
                        "-Q",
                        file,
                        "-n",
                        f"{file}@comptoir",
                        "-P",
                        "threads",
                        "-c",
                        places,
                        "--without-gossip",
                        "--without-mingle",
                        "--without-heartbeat",
                        "-l",
                        "warning",
                    ],
                    self.env,
                )
            )
        self._start(
            Commande(
                "beat",
                [
                    PYTHON,
                    "-m",
                    "celery",
                    "-A",
                    "config.celery",
                    "beat",
                    "-l",
                    "warning",
                    "--schedule",
                    str(self.dossiers.sockets / "beat"),
                    "--pidfile",
                    "",
                ],
                self.env,
            )
        )

    def _wait_all(self, port: int) -> None:
        self.enfants["agent"].wait_ready()
        self.wait_web(port)

    def wait_web(self, port: int) -> None:
        """Wait until OUR web process answers: another may have taken its port."""
        web = self.enfants["web"]
        fin = time.monotonic() + 60
        while time.monotonic() < fin and web.alive:
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError, OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/sante", timeout=5),
            ):
                if listens(web.pid, port):
                    return
            time.sleep(0.05)
        raise LanceurRefuse(f"Le serveur web ne démarre pas : lisez {self.journaux / 'web.log'}.")

    def _write_env(self) -> None:
        chemin = fichier_env(self.dossiers.donnees)
        produit = {n: v for n, v in self.env.items() if n.startswith(("COMPTOIR_", "DJANGO_"))}
        fd = os.open(chemin, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as sortie:
            pid = os.getpid()
            json.dump({"pid": pid, "naissance": birth(pid), "env": produit}, sortie)

    # Life

    def supervise_once(self) -> list[str]:
        """Restart what died, later and later; return the lines to print."""
        lignes = []
        for nom, enfant in self.enfants.items():
            if not enfant.voulu or enfant.alive:
                continue
            instant = time.monotonic()
            if not enfant.reprise:
                enfant.morts = [t for t in enfant.morts if instant - t < 60] + [instant]
                rang = len(enfant.morts)
                if rang > MORTS_MAX:
                    enfant.voulu = False
                    lignes.append(f"« {nom} » meurt à chaque démarrage : lisez {enfant.journal}.")
                    continue
                lignes.append(f"« {nom} » s'est arrêté : il redémarre.")
                enfant.reprise = instant + (0.5 * (rang - 1)) ** 2
            if instant >= enfant.reprise:
                self._revive(nom)
        return lignes

    def _revive(self, nom: str) -> None:
        """Start a child again; the backends of a killed PostgreSQL end first."""
        if nom == "postgres" and self.postgres is not None:
            end_orphans(self.postgres.data, 2)
        self.enfants[nom].start()

    def tuer(self, nom: str, numero: signal.Signals = signal.SIGKILL) -> None:
        """Kill one process and wait for its end; nothing restarts it by itself."""
        enfant = self.enfants[nom]
        enfant.voulu = False
        enfant.kill(numero)
        if enfant.process is not None:
            enfant.process.wait(20)

    def arreter(self, nom: str) -> None:
        """Stop one process cleanly."""
        self.enfants[nom].stop()

    def demarrer(self, nom: str) -> None:
        """Start one process again, and wait for it when it says it is ready."""
        enfant = self.enfants[nom]
        self._revive(nom)
        if nom == "postgres" and self.postgres is not None:
            self.postgres.wait(enfant.pid)
        elif nom == "valkey":
            valkey_wait(self.dossiers)
        elif nom == "web":
            self.wait_web(int(self.adresse.rpartition(":")[2]))
        elif enfant.commande.pret is not None:
            enfant.wait_ready()

    def stop(self) -> None:
        """Stop everything, product first, data last; leave neither process nor socket."""
        for nom in ORDRE_ARRET:
            if nom in self.enfants and nom not in {"postgres", "valkey"}:
                self.enfants[nom].ask_stop()
        for nom in ORDRE_ARRET:
            if nom in self.enfants:
                self.enfants[nom].stop()
        fichier_env(self.dossiers.donnees).unlink(missing_ok=True)
        forget_sockets(self.dossiers.donnees)
        for garde in self.gardes:
            garde.close()
        if self.postgres is not None and not self.options.durable:
            self.postgres.forget()


def _migrations_fingerprint(grappe: Path) -> str:
    """Return a digest of what a fresh base would be made of, and of the cluster that holds it."""
    condense = hashlib.sha256(str(grappe.stat().st_mtime_ns).encode())
    fichiers = [
        *RACINE.glob("*/migrations/*.py"),
        *RACINE.glob("pharmacy/demonstration/*"),
        *RACINE.glob("pharmacy/referentiel/*"),
    ]
    for fichier in sorted(fichiers):
        if fichier.is_file():
            condense.update(fichier.name.encode() + fichier.read_bytes())
    return condense.hexdigest()


@contextlib.contextmanager
def pile_de_donnees(donnees: Path) -> Iterator[Pile]:
    """PostgreSQL and Valkey alone, for tests: nothing durable, gone at the end."""
    pile = Pile(donnees, Options(durable=False))
    try:
        pile.start_data()
        yield pile
    finally:
        pile.stop()


@contextlib.contextmanager
def pile_complete(donnees: Path, options: Options | None = None) -> Iterator[Pile]:
    """The whole stack, for browser tests, kill tests and measures."""
    pile = Pile(donnees, options or Options(durable=False))
    try:
        pile.start_all()
        yield pile
    finally:
        pile.stop()
