"""A poste's agent, as the counter sees it: faults in the header, the relay, pairing, the end."""

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.agent.conftest import INTERDITS
from tests.conftest import RACINE
from tests.parcours.bureau import DOLIPRANE, PAT_TROIS, new_patient, read_card, until
from tests.parcours.gestes import bandeau, creer_un_dossier, examiner
from tests.parcours.materiel import VRAIS_LECTEURS

pytestmark = [pytest.mark.navigateur, pytest.mark.pile, pytest.mark.exigence("AGT-11")]
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
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")


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


def test_a_page_of_this_poste_waits_for_its_own_agent_while_the_session_is_locked(bureau):
    """The relay leads to the same agent: a page that took it would stay there once unlocked."""
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    voir_agent(bureau, "Agent prêt")
    liens = []
    bureau.page.on("websocket", lambda lien: liens.append(lien.url))
    bureau.agent(verb="session", locked=True)
    try:
        voir_agent(bureau, "Poste verrouillé")
        # An address seen twice: it tried twice.
        until(
            lambda: bureau.page.evaluate("true") and len(set(liens)) < len(liens),
            "la page n'essaie plus",
        )
    finally:
        bureau.agent(verb="session", locked=False)
    voir_agent(bureau, "Agent prêt")
    assert [lien for lien in liens if "/flux/agent" in lien] == []


@VRAIS_LECTEURS
@pytest.mark.cas("agent-15")
def test_the_card_service_killed_is_told_within_two_seconds_and_its_return_serves(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    voir_agent(bureau, "Agent prêt")
    bureau.materiel.service("kill")
    assert voir_agent(bureau, "Cartes indisponibles") < DEUX_SECONDES
    assert "AGT-007" in lire_menu(bureau)
    fermer_menu(bureau)
    bureau.materiel.service("start")
    voir_agent(bureau, "Agent prêt")
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")


@pytest.mark.cas("agent-92")
def test_with_the_permission_refused_the_page_says_so_and_the_relay_works(bureau):
    """Chromium's own permission, denied to the page's origin."""
    bureau.ouvrir_session()
    protocole = bureau.page.context.browser.new_browser_cdp_session()
    lieux = protocole.send("Target.getBrowserContexts")["browserContextIds"]
    for nom in ("loopback-network", "local-network-access"):
        for lieu in lieux:
            protocole.send(
                "Browser.setPermission",
                {
                    "permission": {"name": nom},
                    "setting": "denied",
                    "origin": bureau.pile.adresse,
                    "browserContextId": lieu,
                },
            )
    debut = time.monotonic()
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.page.locator("#agent [data-panne=denied]:not([hidden])").wait_for(state="attached")
    assert time.monotonic() - debut < 3 + DEUX_SECONDES  # the page itself loads meanwhile
    assert "Applications sur cet appareil" in lire_menu(bureau)
    fermer_menu(bureau)
    bureau.nouvelle_vente()
    bureau.page.locator("#agent [data-panne=relais]:not([hidden])").wait_for(state="attached")
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")
    bureau.regarder("postes-relais")


def test_a_permission_to_give_is_explained_before_it_is_asked(bureau):
    """The same page as if it came from another machine: Chromium asks, and nobody says yes."""

    def ailleurs(route):
        reponse = route.fetch()
        texte = reponse.text().replace('data-officine-local="oui"', "")
        route.fulfill(
            response=reponse, body=texte.replace('transport="auto"', 'transport="loopback"')
        )

    bureau.ouvrir_session()
    accueil = bureau.pile.adresse + "/"
    bureau.page.route(accueil, ailleurs)
    try:
        bureau.page.goto(accueil)
        bureau.page.locator("#agent [data-panne=prompt]:not([hidden])").wait_for(state="attached")
        assert "c'est demandé une seule fois" in lire_menu(bureau)
        bureau.page.get_by_role("button", name="Demander la permission").focus()
        bureau.regarder("postes-permission")
        bureau.touche("Enter")
        bureau.page.locator("#agent [data-panne=denied]:not([hidden])").wait_for(state="attached")
    finally:
        bureau.page.unroute(accueil)


class AgentJoue:
    """Plays this poste's agent in the browser: its hello, then one refusal for what is asked."""

    def __init__(self, bureau):
        self.wid = bureau.page.locator("body").get_attribute("data-officine-wid")
        self.refus = {}
        bureau.page.route_web_socket(re.compile(r"/agent/v1$"), self.ouvrir)

    def ouvrir(self, prise):
        prise.on_message(lambda brut: self.repondre(prise, json.loads(brut)))
        bonjour = {"wid": self.wid, "challenge": "c" * 43, "enrolled": True}
        prise.send(json.dumps({"v": 1, "type": "hello", "payload": bonjour}))

    def repondre(self, prise, demande):
        erreur = self.refus[demande["type"]]
        prise.send(
            json.dumps({"v": 1, "type": "res", "id": demande["id"], "ok": False, "error": erreur})
        )


@pytest.mark.cas("agent-59")
def test_a_clock_that_is_wrong_is_told_with_how_much(bureau):
    bureau.ouvrir_session()
    joue = AgentJoue(bureau)
    joue.refus["auth"] = {
        "code": "E_AUTH_CLOCK",
        "message": "L'horloge du poste est décalée. Réglez-la.",
        "retryable": True,
        "details": {"skew_s": 600},
    }
    bureau.page.goto(bureau.pile.adresse + "/donnees/")
    voir_agent(bureau, "Horloge décalée")
    assert "décalée de 600 s" in lire_menu(bureau)


@pytest.mark.cas("agent-63")
def test_an_agent_of_another_protocol_is_told(bureau):
    bureau.ouvrir_session()
    joue = AgentJoue(bureau)
    joue.refus["auth"] = {
        "code": "E_PROTO_VERSION",
        "message": "Agent trop ancien ou trop récent. Mettez-le à jour.",
        "retryable": False,
        "details": {},
    }
    bureau.page.goto(bureau.pile.adresse + "/donnees/")
    bureau.statut("Mettez-le à jour")


@pytest.mark.cas("agent-93")
def test_a_foreign_server_on_the_port_is_not_taken_for_our_agent(bureau):
    """It says it is this poste; it holds no key of it: the server refuses its proof."""
    bureau.ouvrir_session()
    joue = AgentJoue(bureau)
    joue.repondre = lambda prise, demande: prise.send(
        json.dumps(
            {
                "v": 1,
                "type": "res",
                "id": demande["id"],
                "ok": True,
                "payload": {"proof": "x.y.z", "readers": [], "scanners": [], "degraded": []},
            }
        )
    )
    bureau.page.goto(bureau.pile.adresse + "/donnees/")
    voir_agent(bureau, "Agent non reconnu")
    bureau.statut("n'est pas reconnu")


def python(*args, **options):
    return subprocess.Popen([sys.executable, "-m", "agent", *map(str, args)], cwd=RACINE, **options)


def associer(bureau, dossier):
    """Add a poste, draw its code, give it to an agent, compare the digits; its name."""
    page = bureau.page
    page.goto(bureau.pile.adresse + "/postes/")
    assert examiner(page) == []
    bureau.regarder("postes")
    nom = f"Comptoir d'essai {time.time_ns() % 100000}"
    page.get_by_label("Nom du poste").fill(nom)
    page.get_by_role("button", name="Ajouter ce poste").click()
    page.get_by_role("heading", name=nom).wait_for()
    page.get_by_role("button", name="Faire un code d'association").click()
    code = page.locator(".code-poste").inner_text()
    bureau.regarder("poste-code")
    tuyaux = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    adresse = bureau.pile.adresse
    with python("enroler", "--dossier", dossier, "--serveur", adresse, **tuyaux) as enroleur:
        enroleur.stdin.write(f"{code.lower()}\n")
        enroleur.stdin.flush()
        chiffres = re.search(r"\b(\d{6})\b", enroleur.stdout.readline())[1]
        page.locator(".code-poste", has_text=chiffres).wait_for()
        assert examiner(page) == []
        bureau.regarder("poste-comparer")
        bureau.touche("1")
        page.get_by_text("L'agent est associé").wait_for()
        assert "Poste associé à" in enroleur.communicate(timeout=20)[0]
        assert enroleur.returncode == 0
    assert (dossier / "poste.key").stat().st_mode & 0o777 == 0o600
    return nom


@contextmanager
def servir(bureau, dossier):
    """This agent, linked by the relay to the officine that just paired it."""
    journal = dossier / "journal"
    options = {
        "--dossier": dossier,
        "--port": 0,
        "--commande": dossier / "agent.sock",
        "--cartes-tls": bureau.pile.dossiers.sous("tls"),
    }
    with journal.open("wb") as sortie:
        args = [mot for paire in options.items() for mot in paire]
        agent = python("servir", *args, stdout=sortie, stderr=sortie)
    try:
        until(lambda: '"relais"' in journal.read_text(), "le relais ne s'ouvre pas")
        yield
    finally:
        agent.terminate()
        agent.wait(10)


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-96")
def test_a_poste_is_paired_by_its_code_then_revoked_at_once(bureau, tmp_path):
    bureau.ouvrir_session("A01")
    bureau.administrer("/postes/")
    nom = associer(bureau, tmp_path)
    with servir(bureau, tmp_path):
        bureau.page.get_by_role("button", name=f"Révoquer l'agent de {nom}").click()
        bureau.page.locator(".badge", has_text="révoqué").wait_for()
        debut = time.monotonic()
        until(lambda: not (tmp_path / "poste.key").exists(), "la clé reste")
        assert time.monotonic() - debut < DEUX_SECONDES
        assert not (tmp_path / "enrolement.json").exists()
        bureau.regarder("poste-revoque")


def essai_d_ici(bureau):
    """The address of the trial of this browser's poste, once on « Postes »."""
    bureau.ouvrir_session("A01")
    bureau.page.goto(bureau.pile.adresse + "/postes/")
    ici = bureau.page.locator("tr", has=bureau.page.locator(".badge", has_text="ce navigateur"))
    return ici.get_by_role("link")


def affecter(bureau, lecteur, usage, dit):
    """Say by keyboard what a reader serves, and wait for the answer."""
    choix = bureau.page.get_by_label(f"Ce que sert {lecteur}")
    choix.focus()
    choix.select_option(usage)
    bureau.touche("Tab")
    bureau.touche("Enter")
    bureau.page.locator("#essai-affecter").get_by_text(dit).wait_for()


@pytest.mark.exigence("AGT-14")
def test_a_poste_is_tried_by_keyboard_its_readers_its_diagnosis_its_version(bureau):
    page = bureau.page
    essai_d_ici(bureau).focus()
    bureau.touche("Enter")
    page.get_by_role("link", name="Tester ce poste").focus()
    bureau.touche("Enter")
    choix = page.get_by_label("Ce que sert Lecteur scripté cps")
    choix.wait_for()  # the agent was asked by itself
    assert choix.input_value() == "cps"
    bureau.regarder("poste-essai")
    try:
        affecter(bureau, "Lecteur scripté cps", "ignore", "L'agent a retenu : Aucune")
        until(lambda: choix.input_value() == "ignore", "la liste n'a pas suivi")
        affecter(bureau, "Lecteur scripté cps", "vitale", "Ce poste ne sait pas faire cela")
    finally:
        affecter(bureau, "Lecteur scripté cps", "cps", "L'agent a retenu : Carte CPS")
    voir_agent(bureau, "Agent prêt")
    bureau.seconde("D")
    page.locator("#essai-diagnostic").get_by_text("Ce poste est associé").wait_for()
    bureau.seconde("V")
    page.locator("#essai-version").get_by_text("n'en offre pas de plus récente").wait_for()
    assert examiner(page) == []
    bureau.regarder("poste-essai-fini")


@pytest.mark.exigence("AGT-14")
def test_a_trial_without_its_agent_says_what_to_do(bureau):
    adresse = essai_d_ici(bureau).get_attribute("href")
    bureau.pile.arreter("agent")
    try:
        bureau.page.goto(f"{bureau.pile.adresse}{adresse}essai/")
        bureau.seconde("D")
        bureau.page.locator("#essai-diagnostic").get_by_text("POS-012").wait_for()
        assert examiner(bureau.page) == []
        bureau.regarder("poste-essai-muet")
    finally:
        bureau.pile.demarrer("agent")


def carte_de_deux_officines():
    """The CPS of who practises here and in another pharmacy."""
    carte = read_card("cps-martin")
    ici = carte["cps"]["situations"][0]
    ailleurs = {"index": 3, "raison_sociale": "PHARMACIE DU PORT", "struct_id_nat": "1752099991"}
    carte["cps"]["situations"] = [ici, {**ici, **ailleurs}]
    return carte


def menu_operateur(bureau):
    """Open the operator's menu by keyboard."""
    bureau.page.locator("header details.menu:not(#agent) > summary").focus()
    bureau.touche("Enter")


def signer_la_premiere(bureau, carte, *codes):
    """A prescription asks for a card: it is put in, these codes tried, then the right one."""
    numero = bureau.prescrire()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.scanner(numero)
    bureau.statut("Insérez votre carte CPS")
    bureau.inserer(carte)
    for chiffres in (*codes, "1234"):
        bureau.code_porteur(chiffres)
    bureau.dialogue("Ordonnance récupérée")
    bureau.touche("Escape")
    bureau.sans_dialogue()
    return numero


def ouvrir_les_situations(bureau):
    """From the operator's menu, open: the dialog of the situations."""
    bureau.page.get_by_role("link", name="Situation d'exercice").focus()
    bureau.touche("Enter")
    bureau.dialogue("Situation d'exercice")


@pytest.mark.exigence("AGT-01")
def test_the_situation_in_force_is_seen_and_changed_by_keyboard(bureau):
    page = bureau.page
    signer_la_premiere(bureau, carte_de_deux_officines())
    menu_operateur(bureau)
    page.get_by_text("Exerce pour PHARMACIE DE LA HALLE").wait_for()
    bureau.regarder("situation-menu")
    ouvrir_les_situations(bureau)
    assert examiner(page) == []
    bureau.regarder("situation")
    bureau.touche("2")
    bureau.statut("Situation en vigueur : PHARMACIE DU PORT")
    bureau.sans_dialogue()
    page.get_by_text("Exerce pour PHARMACIE DU PORT").wait_for()
    page.get_by_text("autre que cette officine").wait_for()
    ouvrir_les_situations(bureau)
    with page.expect_response(
        lambda r: r.request.method == "GET" and r.url.endswith("/situation/")
    ):
        bureau.seconde("r")  # the card is read again (its code was given), then shown
    bureau.dialogue("Situation d'exercice")
    page.locator("#dialogue .badge", has_text="en vigueur").wait_for()
    bureau.touche("1")
    bureau.statut("Situation en vigueur : PHARMACIE DE LA HALLE")


@pytest.mark.exigence("AGT-12")
def test_without_an_agent_the_name_the_typed_traits_and_the_keyboard_scanner_work(bureau):
    """Sign-in by e-CPS is Pro Santé Connect's, and does not go through the agent."""
    personne, _carte = new_patient()
    bureau.ouvrir_session()
    bureau.pile.arreter("agent")
    try:
        bureau.page.goto(bureau.pile.adresse + "/")
        bureau.page.locator("[data-officine-lettre=V]").wait_for()
        bureau.touche("v")
        bureau.page.wait_for_url("**/vente/*/")
        voir_agent(bureau, "Agent absent")
        bureau.rafale(DOLIPRANE["cip13"])
        bureau.page.locator(".ligne-produit", has_text="DOLIPRANE").wait_for()
        creer_un_dossier(bureau, personne)
        bureau.touche("F2")
        bureau.dialogue("Patient de la vente")
        bureau.ecrire(personne.nom[:6])
        bureau.page.locator("#patients-trouves", has_text=personne.nom).first.wait_for()
        bureau.touche("Escape")
        bureau.sans_dialogue()
    finally:
        bureau.pile.demarrer("agent")


# Ours: the simulators' own logs are not.
PROCESSUS = ("web", "interactif", "lots", "beat", "agent", "postgres")


@pytest.mark.cas("agent-98")
@pytest.mark.exigence("AGT-09")
def test_no_log_of_the_server_nor_of_the_agent_names_anyone_nor_holds_a_token(bureau):
    """A card read, a prescription signed with a wrong code first, in a stack of all processes."""
    numero = signer_la_premiere(bureau, "cps-martin", "94170582")
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")
    journaux = {f.stem.partition(".")[0]: f for f in bureau.pile.journaux.glob("*.log")}
    lus = {nom: journaux[nom].read_text(errors="replace") for nom in PROCESSUS if nom in journaux}
    assert {"web", "interactif", "agent"} <= set(lus)
    assert all(lus[nom].strip() for nom in ("web", "interactif", "agent"))
    traits = {*INTERDITS, PAT_TROIS["nom"], numero, "94170582"}
    for nom, texte in lus.items():
        propre = re.sub(r'"ts":"[^"]+"', "", texte)
        trouves = [t for t in traits if re.search(rf"\b{re.escape(t)}\b", propre)]
        assert trouves == [], nom
        assert not re.search(
            r"(?<![0-9a-f-])[0-9]{13,}(?![0-9a-f-])|eyJ[A-Za-z0-9_-]{10}", propre
        ), nom
