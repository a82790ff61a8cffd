"""Embedded PostgreSQL and Valkey: unix sockets only, passwords, two roles, no TCP at all."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config.lanceur.dossiers import (
    NOBODY,
    Dossiers,
    LanceurRefuse,
    binary,
    lend_folder,
    postgres_home,
)
from config.lanceur.enfants import Commande
from config.lanceur.noyau import build_tie, end_orphans

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gist")
PORT = "5432"


@dataclass
class Postgres:
    """One cluster of its own."""

    dossiers: Dossiers
    durable: bool = True

    def __post_init__(self) -> None:
        self.root = os.getuid() == 0
        self.uid = NOBODY if self.root else None
        self.maison = lend_folder(self.dossiers.donnees) if self.root else self.dossiers.donnees
        self.bin = postgres_home(self.maison)
        self.data = self.maison / "pg"
        self.socket = self.dossiers.sockets / "pg"
        self.socket.mkdir(exist_ok=True, mode=0o700)
        if self.root:
            os.chown(self.socket, NOBODY, NOBODY)

    def secret(self, nom: str) -> str:
        """Return one of the passwords of the base."""
        return (self.dossiers.donnees / "secrets" / nom).read_text(encoding="utf-8")

    def init(self) -> None:
        """Make the cluster once; refuse one of another major version.

        It is made beside and renamed: a start killed halfway leaves nothing that looks like one.
        """
        end_orphans(self.data)
        version = self.data / "PG_VERSION"
        if version.exists():
            if version.read_text().strip() != "18":
                raise LanceurRefuse(
                    "Les données viennent d'une autre version de PostgreSQL : « make reset »."
                )
            return
        ebauche = self.data.with_suffix(".tmp")
        shutil.rmtree(ebauche, ignore_errors=True)
        ebauche.mkdir(mode=0o700)
        mot = self.socket / "mot"
        mot.touch(0o600)
        mot.write_text(self.secret("base-super"))
        if self.root:
            os.chown(ebauche, NOBODY, NOBODY)
            os.chown(mot, NOBODY, NOBODY)
        self._initdb(ebauche, mot)
        mot.unlink()
        ebauche.rename(self.data)

    def _initdb(self, dossier: Path, mot: Path) -> None:
        args = [
            str(self.bin / "initdb"),
            "-D",
            str(dossier),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            f"--pwfile={mot}",
            "--no-instructions",
        ]
        if not self.durable:
            args.append("--no-sync")
        fait = subprocess.run(  # noqa: S603 - our own binary
            args,
            capture_output=True,
            cwd="/",
            user=self.uid,
            group=self.uid,
            extra_groups=[] if self.root else None,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            preexec_fn=build_tie(signal.SIGKILL),
        )
        if fait.returncode:
            raise LanceurRefuse(
                "PostgreSQL n'a pas pu créer ses données : " + fait.stderr.decode()[-300:]
            )

    def commande(self) -> Commande:
        """Return how to start the server."""
        reglages = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket),
            "port": PORT,
            "max_connections": "80",
            "shared_buffers": "64MB",
            "password_encryption": "scram-sha-256",
            "log_min_messages": "warning",
            "log_statement": "none",
            "log_min_error_statement": "panic",
        }
        if not self.durable:
            reglages |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        args = [str(self.bin / "postgres"), "-D", str(self.data)]
        for nom, valeur in reglages.items():
            args += ["-c", f"{nom}={valeur}"]
        return Commande(
            "postgres",
            args,
            {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            self.uid,
            arret=signal.SIGINT,
            mort_du_parent=signal.SIGINT,
        )

    def connect(self, base: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Return a superuser connection."""
        return psycopg.connect(
            host=str(self.socket),
            port=PORT,
            dbname=base,
            user="postgres",
            password=self.secret("base-super"),
            autocommit=True,
            connect_timeout=5,
        )

    def wait(self, pid: int, delai_s: float = 60) -> None:
        """Wait until OUR server answers (the pid in its file is the child's)."""
        fin = time.monotonic() + delai_s
        while time.monotonic() < fin:
            try:
                with self.connect() as connexion:
                    connexion.execute("SELECT 1")
                lu = (self.data / "postmaster.pid").read_text().split("\n", 1)[0]
            except (psycopg.Error, OSError):
                time.sleep(0.05)
                continue
            if int(lu) == pid:
                return
            time.sleep(0.05)
        raise LanceurRefuse("PostgreSQL ne répond pas : lisez journaux/postgres.log.")

    def provision(self, base: str = "comptoir") -> None:
        """Make sure of the two roles and of the database; nothing here is ever weakened."""
        with self.connect() as connexion:
            for role, fichier, options in (
                ("comptoir_proprietaire", "base-proprietaire", "NOSUPERUSER NOBYPASSRLS"),
                ("comptoir_app", "base-app", "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"),
            ):
                existe = connexion.execute(
                    "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]
                ).fetchone()
                verbe = sql.SQL("ALTER" if existe else "CREATE")
                connexion.execute(
                    sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(
                        verbe,
                        sql.Identifier(role),
                        sql.SQL(options),
                        sql.Literal(self.secret(fichier)),
                    )
                )
            if not connexion.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [base]
            ).fetchone():
                connexion.execute(
                    sql.SQL("CREATE DATABASE {} OWNER comptoir_proprietaire").format(
                        sql.Identifier(base)
                    )
                )
        with self.connect(base) as connexion:
            for extension in EXTENSIONS:
                connexion.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )
            connexion.execute("GRANT ALL ON SCHEMA public TO comptoir_proprietaire")
            connexion.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def forget(self) -> None:
        """Forget data that were never meant to last, where root had to keep them elsewhere."""
        if self.maison != self.dossiers.donnees:
            shutil.rmtree(self.maison, ignore_errors=True)

    def env(self, base: str = "comptoir") -> dict[str, str]:
        """Return what the product needs to connect."""
        return {
            "COMPTOIR_BASE_HOTE": str(self.socket),
            "COMPTOIR_BASE_PORT": PORT,
            "COMPTOIR_BASE_NOM": base,
            "COMPTOIR_BASE_UTILISATEUR": "comptoir_app",
            "COMPTOIR_PROPRIETAIRE_UTILISATEUR": "comptoir_proprietaire",
        }


def valkey_command(dossiers: Dossiers) -> Commande:
    """Return how to start Valkey: one unix socket, nothing on disk."""
    prise = valkey_socket(dossiers)
    prise.unlink(missing_ok=True)
    return Commande(
        "valkey",
        [
            str(binary("valkey-server")),
            "--port",
            "0",
            "--unixsocket",
            str(prise),
            "--unixsocketperm",
            "700",
            "--save",
            "",
            "--appendonly",
            "no",
            "--daemonize",
            "no",
            "--dir",
            str(dossiers.sockets),
            "--maxmemory",
            "128mb",
            "--loglevel",
            "warning",
        ],
        {"PATH": "/usr/bin:/bin"},
    )


def valkey_socket(dossiers: Dossiers) -> Path:
    """Return the path of Valkey's socket."""
    return dossiers.sockets / "valkey.sock"


def valkey_wait(dossiers: Dossiers, delai_s: float = 20) -> None:
    """Wait until Valkey answers PING on its socket."""
    import socket

    fin = time.monotonic() + delai_s
    while time.monotonic() < fin:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(valkey_socket(dossiers)))
                client.sendall(b"PING\r\n")
                if client.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            time.sleep(0.02)
    raise LanceurRefuse("Valkey ne répond pas : lisez journaux/valkey.log.")
