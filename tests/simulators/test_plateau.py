"""The tray: phones that mint a code and show it, papers with an INS datamatrix, lamps."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from simulators.plateau.etiquettes import GS, ORDRE, datamatrix_text, labels
from simulators.population import build_population
from tests.simulators.client_carte import ClientCarte
from tests.simulators.client_nu import RACINE, Simulateur
from tests.simulators.test_psc_ciba import DEMANDE, poll

GENS = {p.ins.matricule: p for p in build_population()}


class Agent:
    """Answers the scripted driver's socket, and remembers what it was asked."""

    def __init__(self, chemin):
        self.chemin = str(chemin)
        self.demandes = []
        self.prise = socket.socket(socket.AF_UNIX)
        self.prise.bind(self.chemin)
        self.prise.listen()
        self.fil = threading.Thread(target=self._serve, daemon=True)
        self.fil.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.prise.accept()
            except OSError:
                return
            with client:
                demande = json.loads(client.makefile().readline())
                if demande["verb"] != "state":
                    self.demandes.append(demande)
                reponse = {"ok": True, "state": {"readers": [], "pin_window": None}}
                client.sendall(json.dumps(reponse).encode() + b"\n")

    def close(self):
        self.prise.shutdown(socket.SHUT_RDWR)
        self.prise.close()
        self.fil.join(5)


class Plateau:
    """The tray in a process of its own."""

    def __init__(self, dossier, services, agent):
        pret = dossier / "plateau.json"
        commande = [sys.executable, "-m", "simulators.plateau", "--agent-commande", agent.chemin]
        for nom, adresse in services.items():
            commande += [f"--{nom}-controle", adresse]
        self.processus = subprocess.Popen(
            [*commande, "--produit-url", "http://127.0.0.1:9/", "--pret", str(pret)], cwd=RACINE
        )
        limite = time.monotonic() + 30
        while not pret.exists():
            assert self.processus.poll() is None
            assert time.monotonic() < limite
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{json.loads(pret.read_text())['port']}"

    def ask(self, chemin, corps=None):
        requete = urllib.request.Request(
            self.url + chemin,
            data=None if corps is None else json.dumps(corps).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(requete, timeout=10) as reponse:
                return reponse.status, json.loads(reponse.read())
        except urllib.error.HTTPError as refus:
            with refus:
                return refus.code, json.loads(refus.read())

    def stop(self):
        self.processus.terminate()
        self.processus.wait(10)


@pytest.fixture(scope="module")
def vitale(tls, tmp_path_factory):
    """The services of the card."""
    processus = Simulateur("vitale", tmp_path_factory.mktemp("vitale"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def agent(tmp_path):
    """An agent that takes everything."""
    agent = Agent(tmp_path / "a.sock")
    yield agent
    agent.close()


def _control_of(processus):
    return str(processus.http.base_url).removesuffix("/").removesuffix("/controle")


@pytest.fixture
def plateau(tmp_path, vitale, psc, agent):
    """The tray; the services of the card and Pro Santé Connect are up, the others are not."""
    controle = _control_of(vitale)
    absent = "http://127.0.0.1:9"
    services = {"insi": absent, "epu": absent, "vitale": controle, "psc": _control_of(psc)}
    plateau = Plateau(tmp_path, services, agent)
    yield plateau
    plateau.stop()


def test_the_tray_lists_phones_and_papers_and_tells_who_is_absent(plateau):
    statut, etat = plateau.ask("/etat")

    assert statut == 200
    assert {t["foyer"] for t in etat["telephones"]} >= {"titulaire", "famille", "delegue"}
    assert {e["cle"] for e in etat["etiquettes"]} == set(labels())
    assert "texte" not in etat["etiquettes"][0]
    assert etat["services"]["vitale"]["etat"]["service"] == "Appli carte Vitale et ADRi"
    assert etat["services"]["insi"]["etat"] is None


def test_a_phone_shows_a_fresh_code_that_the_service_accepts(plateau, agent, vitale, tls):
    for _ in range(2):
        assert plateau.ask("/telephone", {"foyer": "famille"})[0] == 200
    premier, second = agent.demandes
    client = ClientCarte(vitale, tls)

    assert {(d["verb"], d["device"]) for d in agent.demandes} == {("scan", "comptoir")}
    assert premier["text"] != second["text"]
    assert [client.create(d["text"]).status_code for d in agent.demandes] == [201, 201]
    client.close()


def test_a_paper_is_scanned_as_it_is(plateau, agent):
    assert plateau.ask("/etiquette", {"cle": "adrun"})[0] == 200

    assert agent.demandes == [
        {"verb": "scan", "device": "comptoir", "text": labels()["adrun"].texte}
    ]


@pytest.mark.parametrize(
    ("geste", "corps", "statut"),
    [
        ("/telephone", {"foyer": "personne"}, 400),
        ("/telephone", {}, 400),
        ("/etiquette", {"cle": "personne"}, 400),
        ("/inconnu", {}, 404),
    ],
)
def test_a_gesture_that_does_not_exist_scans_nothing(plateau, agent, geste, corps, statut):
    assert plateau.ask(geste, corps)[0] == statut
    assert agent.demandes == []


def test_the_mood_of_the_new_service_is_changed_from_the_tray(plateau, vitale):
    assert plateau.ask("/humeur", {"service": "vitale", "nom": "panne_503"})[0] == 200
    assert vitale.get("/etat")["humeur"]["nom"] == "panne_503"
    vitale.post("/oublier")


def test_a_request_of_pro_sante_connect_is_answered_from_the_tray(plateau, service, psc):
    for geste, code in (("approuver", ""), ("refuser", "access_denied")):
        recu = service.send("backchannel_authentication", **DEMANDE).json()
        (appel,) = plateau.ask("/etat")[1]["ecps"]
        assert (appel["numero"], appel["nom"], appel["canal"]) == (
            "47",
            "ALICE TITULAIRE",
            "MOBILE",
        )
        assert plateau.ask("/ecps", {"ref": appel["ref"], "geste": geste})[0] == 200
        reponse = poll(service, recu["auth_req_id"]).json()
        assert reponse.get("error", "") == code
        assert plateau.ask("/etat")[1]["ecps"] == []
    assert plateau.ask("/ecps", {"ref": appel["ref"], "geste": geste})[0] == 400
    assert plateau.ask("/humeur", {"service": "psc", "nom": "lent"})[0] == 200
    assert psc.get("/etat")["humeur"]["nom"] == "lent"
    psc.post("/oublier")


# Papers


def test_a_separator_closes_a_variable_block_that_is_neither_full_nor_last():
    texte = datamatrix_text(GENS["2751263220749"])

    assert texte == (
        f"IS01{'0' * 22}S1275126322074974S21.2.250.1.213.1.4.8{GS}S3ZOE{GS}S4ADRUN{GS}S5F"
        "S631-12-1975S763220"
    )
    assert GS not in datamatrix_text(GENS["2790351215189"]).split("S3")[0]
    assert datamatrix_text(GENS["2751263220749"], (*ORDRE[:2], "S4")).endswith("S4ADRUN")


@pytest.mark.donnees_partagees
@pytest.mark.parametrize(
    ("cle", "vecteur"),
    [
        ("adrun", "nominal NIR"),
        ("pat-trois", "test OID, 20 characters, no GS after S2"),
        ("herault", "no S7 (COG absent)"),
        ("provisoire", "NIA"),
        ("corse", "Corsica"),
        ("nessi", "blocks in another order, name last"),
        ("cle-fausse", "bad key in S1"),
    ],
)
def test_papers_are_the_published_vectors(partage, cle, vecteur):
    fichier = partage / "data/ins/datamatrix-ins-vectors.json"
    vecteurs = {v["name"]: v["raw"] for v in json.loads(fichier.read_text())["vectors"]}

    assert labels()[cle].texte == vecteurs[vecteur]


def test_papers_are_of_people_whom_insi_knows_but_one():
    for cle, papier in labels().items():
        numero = re.search(r"S1(\d{5}[0-9AB]{2}\d{6})", papier.texte).group(1)
        assert (numero in GENS) is (cle != "ancienne"), cle
    assert GS not in labels()["separateurs"].texte
