"""`make run`: one address, our own processes, nothing left behind, whatever ends it."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.lanceur.dossiers import is_traversable
from config.lanceur.noyau import listens, postgres_in
from tests.conftest import RACINE
from tests.lanceur.lancement import (
    Lancement,
    environnement,
    lire,
    rien_ne_reste,
    vivants,
)
from tests.parcours.bureau import until

pytestmark = [pytest.mark.pile, pytest.mark.timeout(240)]

TOUS = {
    *("postgres", "valkey", "insi", "ordonnance", "vitale", "psc", "plateau", "agent"),
    *("web", "interactif", "lots", "beat"),
}
NOBODY = 65534
PAQUETS = Path(sysconfig.get_paths()["platlib"]).resolve()


def interprete_pour_tous(dossier):
    """A Python that any user may run, with this environment's packages.

    The one of this environment may stand in root's own home: its standard library is copied.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    if not is_traversable(base):
        copie = dossier / "base"
        for nom in ("bin", "lib"):
            (copie / nom).mkdir(parents=True)
        shutil.copy2(base / "bin" / version, copie / "bin")
        for partagee in (base / "lib").glob("libpython3*"):
            shutil.copy2(partagee, copie / "lib")
        sans = shutil.ignore_patterns("test", "site-packages", "__pycache__", "config-*")
        shutil.copytree(base / "lib" / version, copie / "lib" / version, ignore=sans)
        base = copie
    (dossier / "bin").mkdir()
    (dossier / "lib" / version).mkdir(parents=True)
    (dossier / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n")
    (dossier / "bin/python").symlink_to(base / "bin" / version)
    (dossier / "lib" / version / "site-packages").symlink_to(PAQUETS)
    return dossier / "bin/python"


# Under root the launcher runs as root (PostgreSQL as another user) and, where other users may read
# this checkout, as `nobody`; elsewhere as who plays the tests. The ids say which.
UTILISATEURS = {"root": None} if os.getuid() == 0 else {"utilisateur": None}
if os.getuid() == 0 and is_traversable(RACINE) and is_traversable(PAQUETS):
    UTILISATEURS["nobody"] = NOBODY


def port_de(url):
    return urlsplit(url).port


def test_one_address_answers_and_the_processes_that_answer_are_ours(lancement):
    enfants = lancement.enfants()
    assert set(enfants) == TOUS
    statut, _, page = lire(lancement.adresse + "/connexion/")
    assert statut == 200
    assert "SIMULATEUR" in page
    assert lancement.adresse.startswith("http://127.0.0.1:")
    assert listens(enfants["web"], port_de(lancement.adresse))
    env = lancement.env()
    assert env["COMPTOIR_ADRESSE"] == lancement.adresse
    assert listens(enfants["insi"], port_de(env["COMPTOIR_INSI_URL"]))
    assert listens(enfants["ordonnance"], port_de(env["COMPTOIR_EPU_URL"]))
    assert listens(enfants["vitale"], port_de(env["COMPTOIR_VITALE_URL"]))
    assert listens(enfants["psc"], port_de(env["COMPTOIR_PSC_ISSUER"]))
    assert listens(enfants["plateau"], port_de(env["COMPTOIR_PLATEAU_URL"]))
    assert listens(enfants["agent"], int(env["COMPTOIR_AGENT_PORT"]))
    assert enfants["postgres"] in postgres_in(lancement.donnees / "pg")
    for nom in ("postgres", "valkey"):
        ports = [p for p in (5432, 6379) if listens(enfants[nom], p)]
        assert ports == [], f"{nom} listens on TCP"


@pytest.mark.exigence("SEC-06")
def test_localhost_is_sent_to_127_0_0_1(lancement):
    port = port_de(lancement.adresse)
    with socket.create_connection(("127.0.0.1", port), 10) as prise:
        prise.sendall(
            f"GET /connexion/?suite=/x HTTP/1.1\r\nHost: localhost:{port}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        reponse = prise.makefile("rb").read().decode()
    assert reponse.startswith("HTTP/1.1 301")
    assert f"location: {lancement.adresse}/connexion/?suite=/x" in reponse.lower()


@pytest.mark.exigence("SEC-06")
def test_only_the_loopback_is_served_and_another_name_is_refused(lancement):
    port = port_de(lancement.adresse)
    lignes = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ecoutes = {c[1].split(":")[0] for c in map(str.split, lignes) if c[1].endswith(f":{port:04X}")}
    assert ecoutes == {"0100007F"}
    with socket.create_connection(("127.0.0.1", port), 10) as prise:
        prise.sendall(
            b"GET /connexion/ HTTP/1.1\r\nHost: comptoir.exemple.fr\r\nConnection: close\r\n\r\n"
        )
        assert prise.makefile("rb").readline().split()[1] == b"400"


@pytest.mark.exigence("SEC-09")
def test_secrets_and_sockets_are_for_their_owner_only(lancement):
    proprietaire = lancement.donnees.stat().st_uid
    prives = [
        *(lancement.donnees / "secrets").iterdir(),
        *(lancement.donnees / "tls").rglob("*.key"),
        *(lancement.donnees / "agent").glob("*.key"),
        lancement.donnees / "env.json",
    ]
    assert len(prives) > 10
    for chemin in prives:
        assert stat.S_IMODE(chemin.stat().st_mode) == 0o600, chemin
        assert chemin.stat().st_uid == proprietaire
    for nom in ("secrets", "agent", "journaux", "tls", "pg"):
        assert stat.S_IMODE((lancement.donnees / nom).stat().st_mode) == 0o700, nom
    prise = lancement.prises() / "valkey.sock"
    assert stat.S_IMODE(prise.stat().st_mode) == 0o700
    assert stat.S_IMODE((lancement.prises() / "pg").stat().st_mode) == 0o700
    mots = [(lancement.donnees / "secrets" / n).read_text() for n in ("base-app", "django")]
    for pid in lancement.enfants().values():
        ligne = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert not any(mot in ligne for mot in mots)


def test_a_second_start_is_refused_with_a_sentence_and_disturbs_nobody(lancement):
    avant = lancement.enfants()
    second = subprocess.run(
        [sys.executable, "-m", "config.lanceur", "run"],
        cwd=RACINE,
        env=environnement(lancement.donnees),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert second.returncode == 1
    assert second.stderr == "Comptoir tourne déjà dans ce dossier : arrêtez-le d'abord.\n"
    assert lancement.enfants() == avant
    assert lire(lancement.adresse + "/sante")[0] == 200


@pytest.mark.exigence("OPS-15")
def test_what_dies_is_started_again_at_the_same_place(lancement):
    avant = lancement.enfants()
    env = lancement.env()
    for nom in ("web", "insi", "postgres"):
        os.kill(avant[nom], signal.SIGKILL)
    for nom in ("web", "insi", "postgres"):
        until(lambda nom=nom: lancement.enfants().get(nom, avant[nom]) != avant[nom], nom, 30)
        assert f"« {nom} » s'est arrêté : il redémarre." in lancement.texte

    def debout():
        try:
            return lire(lancement.adresse + "/sante")[0] == 200
        except OSError:
            return False

    until(debout, "la page", 60)
    apres = lancement.enfants()
    assert listens(apres["web"], port_de(lancement.adresse))
    until(lambda: listens(apres["insi"], port_de(env["COMPTOIR_INSI_URL"])), "INSi au même port")
    for nom in ("valkey", "agent", "interactif"):
        assert apres[nom] == avant[nom]


def test_manage_py_finds_the_running_stack_by_itself(lancement):
    sorti = subprocess.run(
        [sys.executable, "manage.py", "verifier"],
        cwd=RACINE,
        env=environnement(lancement.donnees),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert sorti.returncode == 0, sorti.stdout + sorti.stderr
    assert lancement.adresse in sorti.stdout


@pytest.mark.parametrize("numero", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_leaves_no_process_no_lock_no_socket(donnees, numero):
    with Lancement(donnees) as lancement:
        adresse = lancement.attendre_pret()
        pids, prises = lancement.enfants(), lancement.prises()
        assert lancement.finir(numero) == 0
        assert "Traceback" not in lancement.texte
        assert lancement.texte.rstrip().endswith("Arrêt…")
    rien_ne_reste(donnees, pids.values(), prises)
    with socket.socket() as libre:
        libre.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        libre.bind(("127.0.0.1", port_de(adresse)))


def test_a_signal_in_the_middle_of_the_start_leaves_nothing_either(donnees):
    with Lancement(donnees) as lancement:
        until(lambda: "postgres" in lancement.enfants(), "PostgreSQL qui démarre", 60)
        pids, prises = lancement.enfants(), lancement.prises()
        assert lancement.finir(signal.SIGTERM) == 0
        assert "Traceback" not in lancement.texte
    assert vivants(pids.values()) == []
    assert postgres_in(donnees / "pg") == []
    assert not prises.exists()
    assert not (donnees / "lanceur.lock").exists()


@pytest.mark.exigence("OPS-15")
def test_kill_9_of_the_launcher_takes_the_children_and_the_next_start_works(donnees):
    with Lancement(donnees) as premier:
        premier.attendre_pret()
        pids, prises = premier.enfants(), premier.prises()
        premier.finir(signal.SIGKILL)
    until(lambda: not vivants(pids.values()), "les enfants morts avec lui", 20)
    until(lambda: not postgres_in(donnees / "pg"), "PostgreSQL arrêté", 20)
    assert prises.exists(), "nobody could remove it"
    with Lancement(donnees) as second:
        adresse = second.attendre_pret()
        assert not prises.exists()
        assert lire(adresse + "/sante")[0] == 200
        pids, prises = second.enfants(), second.prises()
        second.finir(signal.SIGTERM)
    rien_ne_reste(donnees, pids.values(), prises)


def test_kill_9_while_the_cluster_is_made_leaves_a_folder_that_starts():
    dossier = Path(tempfile.mkdtemp(prefix="lanceur-"))
    dossier.chmod(0o755)
    donnees = dossier / "comptoir"
    try:
        with Lancement(donnees) as premier:
            until((donnees / "pg.tmp/PG_VERSION").exists, "initdb", 60)
            premier.finir(signal.SIGKILL)
        assert not (donnees / "pg").exists()
        with Lancement(donnees) as second:
            assert lire(second.attendre_pret() + "/sante")[0] == 200
            pids, prises = second.enfants(), second.prises()
            second.finir(signal.SIGTERM)
        rien_ne_reste(donnees, pids.values(), prises)
    finally:
        shutil.rmtree(dossier)


@pytest.mark.parametrize("nom", UTILISATEURS)
def test_two_side_by_side_do_not_collide(nom):
    """Two checkouts that want the same port, at the same time, as root and as an ordinary user."""
    uid = UTILISATEURS[nom]
    dossiers = [Path(tempfile.mkdtemp(prefix="lanceur-")) for _ in range(2)]
    dossiers[0].chmod(0o755)
    python = sys.executable if uid is None else interprete_pour_tous(dossiers[0])
    voulu = 18437
    try:
        for dossier in dossiers:
            dossier.chmod(0o755)
            if uid is not None:
                os.chown(dossier, uid, uid)
        with (
            Lancement(dossiers[0] / "comptoir", port=voulu, qui=(uid, python)) as un,
            Lancement(dossiers[1] / "comptoir", port=voulu, qui=(uid, python)) as deux,
        ):
            adresses = [un.attendre_pret(), deux.attendre_pret()]
            assert len(set(adresses)) == 2
            assert f"http://127.0.0.1:{voulu}" in adresses
            for lancement, adresse in zip((un, deux), adresses, strict=True):
                enfants = lancement.enfants()
                assert set(enfants) == TOUS
                assert listens(enfants["web"], port_de(adresse))
                assert lire(adresse + "/sante")[0] == 200
                proprietaire = Path(f"/proc/{enfants['postgres']}").stat().st_uid
                assert proprietaire != 0, "PostgreSQL never runs as root"
                if uid is not None:
                    assert Path(f"/proc/{enfants['web']}").stat().st_uid == uid
            assert un.prises() != deux.prises()
            pids, prises = un.enfants(), un.prises()
            assert un.finir(signal.SIGTERM) == 0
            assert lire(adresses[1] + "/sante")[0] == 200, "the other one is not disturbed"
            rien_ne_reste(un.donnees, pids.values(), prises)
    finally:
        for dossier in dossiers:
            shutil.rmtree(dossier)


def test_another_environment_is_refused(tmp_path):
    sorti = subprocess.run(
        [sys.executable, "-m", "config.lanceur", "run"],
        cwd=RACINE,
        env=environnement(tmp_path / "x", COMPTOIR_ENVIRONNEMENT="production"),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert sorti.returncode == 1
    assert sorti.stderr == "« make run » n'existe que dans l'environnement « simulateur ».\n"
    assert not (tmp_path / "x").exists()
