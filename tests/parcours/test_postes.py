"""The agent of a poste, as the counter sees it: faults in the header, the relay, pairing, the end."""

import json
import re
import subprocess
import sys
import time

import pytest

from tests.conftest import RACINE
from tests.parcours.bureau import until
from tests.parcours.gestes import examiner

pytestmark = [pytest.mark.navigateur, pytest.mark.exigence("AGT-11")]
DEUX_SECONDES = 2.0


def mot(bureau):
    return bureau.page.locator("[data-mot-agent]").inner_text()


def voir_agent(bureau, texte, delai_s=20.0):
    """Wait until the header says so; how long it took."""
    debut = time.monotonic()
    until(lambda: mot(bureau) == texte, lambda: f"« {texte} » mais « {mot(bureau)} »", delai_s)
    return time.monotonic() - debut


def lire_menu(bureau):
    """Open the indicator by keyboard; what it says."""
    bureau.page.locator("#agent > summary").focus()
    bureau.touche("Enter")
    texte = bureau.page.locator("#agent .menu-liste").inner_text()
    assert examiner(bureau.page) == []
    return texte


def fermer_menu(bureau):
    bureau.page.locator("#agent > summary").focus()
    bureau.touche("Enter")


def test_the_header_tells_the_agent_stopped_then_started(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    voir_agent(bureau, "Agent prêt")
    bureau.pile.arreter("agent")
    assert voir_agent(bureau, "Agent absent") < DEUX_SECONDES
    texte = lire_menu(bureau)
    assert "Cherchez par le nom (F2)" in texte
    assert "AGT-000" in texte
    bureau.regarder("postes-agent-absent")
    fermer_menu(bureau)
    bureau.pile.demarrer("agent")
    assert voir_agent(bureau, "Agent prêt") < DEUX_SECONDES + 1  # it answers before it says so
    bureau.inserer("vitale-03")
    bureau.page.locator(".bandeau-patient:not([data-vide])").wait_for()


@pytest.mark.parametrize(
    ("geste", "retour", "dit", "code"),
    [
        (
            {"verb": "unplug", "reader": "vitale"},
            {"verb": "plug", "reader": "vitale"},
            "Lecteur Vitale débranché",
            "AGT-008",
        ),
        (
            {"verb": "unplug", "reader": "cps"},
            {"verb": "plug", "reader": "cps"},
            "Lecteur CPS débranché",
            "AGT-009",
        ),
        (
            {"verb": "degrade", "names": ["pcsc"]},
            {"verb": "degrade", "names": []},
            "Cartes indisponibles",
            "AGT-007",
        ),
        (
            {"verb": "degrade", "names": ["scanner"]},
            {"verb": "degrade", "names": []},
            "E-lecteur débranché",
            "AGT-010",
        ),
        (
            {"verb": "session", "locked": True},
            {"verb": "session", "locked": False},
            "Poste verrouillé",
            "AGT-011",
        ),
    ],
    ids=["vitale", "cps", "cartes", "scanner", "session"],
)
def test_each_fault_is_told_within_two_seconds_and_goes(bureau, geste, retour, dit, code):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    voir_agent(bureau, "Agent prêt")
    try:
        bureau.agent(**geste)
        assert voir_agent(bureau, dit) < DEUX_SECONDES
        assert code in lire_menu(bureau)
        bureau.regarder(f"postes-{code}")
        fermer_menu(bureau)
    finally:
        bureau.agent(**retour)
    voir_agent(bureau, "Agent prêt")


@pytest.mark.cas("agent-92")
def test_with_the_permission_refused_the_page_says_so_and_the_relay_works(bureau):
    """Chromium's own permission, denied to the page's origin."""
    protocole = bureau.page.context.new_cdp_session(bureau.page)
    for nom in ("loopback-network", "local-network-access"):
        protocole.send(
            "Browser.setPermission",
            {"permission": {"name": nom}, "setting": "denied", "origin": bureau.pile.adresse},
        )
    bureau.ouvrir_session()
    debut = time.monotonic()
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.page.locator("#agent [data-panne=denied]:not([hidden])").wait_for(state="attached")
    assert time.monotonic() - debut < 3 + DEUX_SECONDES  # the page itself loads meanwhile
    assert "Applications sur cet appareil" in lire_menu(bureau)
    fermer_menu(bureau)
    bureau.nouvelle_vente()
    bureau.page.locator("#agent [data-panne=relais]:not([hidden])").wait_for(state="attached")
    bureau.inserer("vitale-03")
    bureau.page.locator(".bandeau-patient:not([data-vide])").wait_for()
    bureau.regarder("postes-relais")


def test_a_permission_to_give_is_explained_before_it_is_asked(bureau):
    """The same page as if it came from another machine: the browser would ask."""

    def ailleurs(route):
        reponse = route.fetch()
        route.fulfill(
            response=reponse, body=reponse.text().replace('data-officine-local="oui"', "")
        )

    bureau.ouvrir_session()
    bureau.page.route("**/", ailleurs)
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.page.locator("#agent [data-panne=prompt]:not([hidden])").wait_for(state="attached")
    assert "c'est demandé une seule fois" in lire_menu(bureau)
    bouton = bureau.page.get_by_role("button", name="Demander la permission")
    bouton.focus()
    with bureau.page.expect_request("**/agent/v1/ping"):
        bureau.touche("Enter")
    bureau.page.unroute("**/")


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-96")
def test_a_poste_is_paired_by_its_code_then_revoked(bureau, tmp_path):
    bureau.ouvrir_session("A01")
    page = bureau.page
    page.goto(bureau.pile.adresse + "/postes/")
    assert examiner(page) == []
    nom = f"Comptoir d'essai {time.time_ns() % 100000}"
    page.get_by_label("Nom du poste").fill(nom)
    page.get_by_role("button", name="Ajouter ce poste").click()
    page.get_by_role("heading", name=nom).wait_for()
    page.get_by_role("button", name="Faire un code d'association").click()
    code = page.locator(".code-poste").inner_text()
    bureau.photographier("poste-code")
    enroleur = subprocess.Popen(
        [sys.executable, "-m", "agent", "enroler", "--dossier", str(tmp_path / "a")]
        + ["--serveur", bureau.pile.adresse],
        cwd=RACINE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    enroleur.stdin.write(f"{code.lower()}\n")
    enroleur.stdin.flush()
    ligne = enroleur.stdout.readline()
    chiffres = re.search(r"\b(\d{6})\b", ligne)[1]
    page.locator(".code-poste", has_text=chiffres).wait_for()
    assert examiner(page) == []
    bureau.photographier("poste-comparer")
    bureau.touche("1")
    page.get_by_text("L'agent est associé").wait_for()
    assert "Poste associé à" in enroleur.communicate(timeout=20)[0]
    assert enroleur.returncode == 0
    enrole = json.loads((tmp_path / "a/enrolement.json").read_text(encoding="utf-8"))
    assert (tmp_path / "a/poste.key").stat().st_mode & 0o777 == 0o600
    agent = _servir(bureau, tmp_path)
    try:
        until(lambda: (tmp_path / "pret").exists(), "l'agent ne démarre pas")
        until(lambda: "relais" in (tmp_path / "journal").read_text(), "le relais ne s'ouvre pas")
        page.get_by_role("button", name=f"Révoquer l'agent de {nom}").click()
        page.locator(".badge", has_text="révoqué").wait_for()
        debut = time.monotonic()
        until(lambda: not (tmp_path / "a/poste.key").exists(), "la clé reste")
        assert time.monotonic() - debut < DEUX_SECONDES
        assert not (tmp_path / "a/enrolement.json").exists()
        assert enrole["wid"] in page.content()
    finally:
        agent.terminate()
        agent.wait(10)


def _servir(bureau, dossier):
    with (dossier / "journal").open("wb") as sortie:
        return subprocess.Popen(
            [sys.executable, "-m", "agent", "servir", "--dossier", str(dossier / "a")]
            + ["--port", "0", "--commande", str(dossier / "c.sock")]
            + ["--cartes-tls", str(bureau.pile.dossiers.sous("tls"))]
            + ["--pret", str(dossier / "pret")],
            cwd=RACINE,
            stdout=sortie,
            stderr=sortie,
        )
