"""`agent diagnose`, `agent read`, `diag.get`: sentences for a person, and nobody's data."""

import email.utils
import json
import os
import re
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from agent import diagnostic
from agent.cards.pcsc.scard import ScardAbsent
from agent.diagnostic import ATTENTION, BON, PANNE
from tests.agent.conftest import INTERDITS
from tests.agent.poste import CARTES, RACINE, Poste, seul
from tests.agent.scard_feint import CPS_ATR, CarteFeinte, ScardFeint

pytestmark = pytest.mark.exigence("AGT-14")


def dits(constats):
    return [(c.sujet, c.niveau) for c in constats]


def agent(*args, env=None):
    return subprocess.run(
        [sys.executable, "-m", "agent", *args],
        cwd=RACINE,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


@pytest.fixture
def serveur_a_l_heure():
    """A server whose clock is shifted at will; its address."""

    class Reponse(BaseHTTPRequestHandler):
        decalage = 0

        def do_GET(self):
            self.send_response_only(200)
            date = email.utils.formatdate(time.time() + self.decalage, usegmt=True)
            self.send_header("Date", date)
            self.end_headers()

        def log_message(self, *_args):
            pass

    serveur = ThreadingHTTPServer(("127.0.0.1", 0), Reponse)
    Thread(target=serveur.serve_forever, daemon=True).start()
    yield Reponse, f"http://127.0.0.1:{serveur.server_port}"
    serveur.shutdown()
    serveur.server_close()


def enrole(tmp_path, tls, adresse):
    poste = Poste(tmp_path, tls, emetteur=adresse)
    poste._run("cle", "--dossier", str(tmp_path))
    fichier = tmp_path / "enrolement.json"
    fichier.touch(0o600)
    fichier.write_text(json.dumps(poste.enrolement()), encoding="utf-8")
    return poste


def test_a_new_machine_is_told_what_to_do_first(tmp_path):
    sorti = agent("diagnose", "--dossier", str(tmp_path))
    assert sorti.returncode == 1
    assert "✗ Ce poste n'est associé à aucune officine. Faites un code" in sorti.stdout
    assert sorti.stderr == ""
    assert re.search(r"^[2-9] pannes à réparer\.$", sorti.stdout, re.M)


def test_a_paired_poste_that_reaches_its_server_on_time(tmp_path, tls, serveur_a_l_heure):
    _reponse, adresse = serveur_a_l_heure
    enrole(tmp_path, tls, adresse)
    assert dits(diagnostic.check_files(tmp_path)) == [("association", BON)]
    assert dits(diagnostic.check_server(tmp_path)) == [("serveur", BON), ("horloge", BON)]


@pytest.mark.cas("agent-59")
def test_a_clock_ten_minutes_away_is_said_in_seconds(tmp_path, tls, serveur_a_l_heure):
    reponse, adresse = serveur_a_l_heure
    reponse.decalage = 600
    enrole(tmp_path, tls, adresse)
    horloge = diagnostic.check_server(tmp_path)[1]
    assert horloge.niveau == PANNE
    assert re.search(r"décalée de (599|600|601) s\. Réglez-la", horloge.phrase)


def test_a_server_that_does_not_answer(tmp_path, tls):
    enrole(tmp_path, tls, "http://127.0.0.1:1")
    assert dits(diagnostic.check_server(tmp_path)) == [("serveur", PANNE)]


def test_a_key_that_others_read_is_a_fault(tmp_path, tls):
    enrole(tmp_path, tls, "http://127.0.0.1:1")
    (tmp_path / "poste.key").chmod(0o644)
    constats = diagnostic.check_files(tmp_path)
    assert dits(constats) == [("association", BON), ("fichiers", PANNE)]
    assert "poste.key" in constats[1].phrase


def test_readers_are_named_and_cards_told_by_their_class_only():
    scard = ScardFeint("Lecteur 00 00", "Lecteur 00 01")
    scard.inserer("Lecteur 00 00", CarteFeinte())
    scard.inserer("Lecteur 00 01", CarteFeinte(atr=CPS_ATR))
    phrases = [c.phrase for c in diagnostic.check_readers(scard)]
    assert phrases == [
        "Lecteur Lecteur_00_00 : carte de classe vitale2.",
        "Lecteur Lecteur_00_01 : carte de classe cps.",
    ]
    scard.retirer("Lecteur 00 01")
    assert diagnostic.check_readers(scard)[1].phrase == "Lecteur Lecteur_00_01 : vide."


def test_no_reader_no_service_no_module_are_three_sentences():
    sans_lecteur = diagnostic.check_readers(ScardFeint())
    arrete = ScardFeint("Lecteur 00 00")
    arrete.arreter()
    phrases = {
        constats[0].phrase
        for constats in (
            sans_lecteur,
            diagnostic.check_readers(arrete),
            diagnostic.check_readers(ScardAbsent("pyscard")),
        )
    }
    assert len(phrases) == 3


def test_traces_of_the_official_library_are_a_warning():
    assert diagnostic.check_traces({"CPS3_DEBUG": "0"}) == []
    (trace,) = diagnostic.check_traces({"CPS3_PCS11_TRACES": "10"})
    assert trace.niveau == ATTENTION
    assert trace.phrase.startswith("Traces CPS actives")


def test_programs_that_share_the_readers_are_named(tmp_path):
    for pid, nom in (("7", "DmpConnect-JS2"), ("8", "bash")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(nom + "\n")
    constats = diagnostic.check_rivals(diagnostic.processes(tmp_path))
    assert [c.phrase.split()[0] for c in constats] == ["dmpconnect"]


def test_a_scanner_without_permission_asks_for_the_rule(tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/ttyACM0").touch()
    refuse = diagnostic.check_devices(tmp_path, lambda *_: False)
    assert dits(refuse) == [("droits", PANNE)]
    assert "ttyACM0" in refuse[0].phrase
    assert dits(diagnostic.check_devices(tmp_path)) == [("e-lecteur", BON)]


def test_without_a_display_the_window_cannot_open():
    assert dits(diagnostic.check_window({}, "linux")) == [("fenetre", PANNE)]
    assert dits(diagnostic.check_window({"DISPLAY": ":1"}, "linux")) == [("fenetre", BON)]


def test_a_browser_rule_is_seen(tmp_path):
    assert dits(diagnostic.check_browsers(tmp_path)) == [("navigateur", ATTENTION)]
    regle = tmp_path / "etc/opt/chrome/policies/managed/comptoir.json"
    regle.parent.mkdir(parents=True)
    regle.touch()
    assert dits(diagnostic.check_browsers(tmp_path)) == [("navigateur", BON)]


@pytest.mark.cas("agent-98")
@pytest.mark.parametrize("brut", ["2790351215189", "nom\nDUPONT", "é", "x" * 65])
def test_what_is_no_short_identifier_is_not_reported(brut):
    assert diagnostic.ident(brut) == "?"


@pytest.mark.cas("agent-98")
@seul
async def test_a_page_that_may_gets_the_same_report_without_anyones_data(poste):
    """With a card in the reader, read: the report does not know whose it is."""
    poste.inserer("vitale-01")
    async with poste.page() as page:
        assert await page.code("diag.get") == "E_AUTH_SCOPE"
    async with poste.page(auth=False) as page:
        jeton = page.jeton(scope=["card:read", "diag"])
        assert (await page.demander("auth", token=jeton))["ok"]
        await page.demander("focus.claim", reason="visible")
        assert (await page.lire())["ok"]
        rapport = (await page.demander("diag.get"))["payload"]["rapport"]
    assert f"L'agent répond sur le port {poste.port}." in rapport
    assert not re.search(r"[0-9]{13}|eyJ", rapport)
    assert not [mot for mot in INTERDITS if re.search(rf"\b{mot}\b", rapport)]


def test_read_prints_the_normalised_card(tmp_path):
    carte = CARTES / "vitale-01.json"
    sorti = agent("read", "--dossier", str(tmp_path), "--json", "--carte", str(carte))
    assert sorti.returncode == 0, sorti.stderr
    lu = json.loads(sorti.stdout)
    assert lu["simulated"] is True
    assert lu["assure"] == json.loads(carte.read_text())["vitale"]["assure"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "E_NO_CARD"),
        (("--genre", "cps", "--carte", str(CARTES / "vitale-01.json")), "E_CARD_UNKNOWN"),
        (("--pilote", "pcsc"), "E_PCSC_UNAVAILABLE"),
    ],
)
def test_a_card_that_cannot_be_read_is_a_sentence_and_its_code(tmp_path, options, code):
    sans_service = {"PCSCLITE_CSOCK_NAME": str(tmp_path / "personne.comm")}
    sorti = agent("read", "--dossier", str(tmp_path), *options, env=sans_service)
    assert sorti.returncode == 1
    assert sorti.stderr.strip().endswith(code)
    assert sorti.stdout == ""
