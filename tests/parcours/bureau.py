"""One counter as its user has it: a keyboard, a scanner, two readers; and what the services saw."""

import json
import socket
import time
import urllib.request
from pathlib import Path

from config.lanceur.pile import Pile

CARTES = Path(__file__).resolve().parents[2] / "simulators/cartes"
IMAGES = Path(__file__).resolve().parents[2] / "docs/guide/images"
MOTS_DE_PASSE = {"A01": "halle-titulaire", "A02": "halle-adjointe", "B01": "halle-preparateur"}
PINS = {"A01": "110011", "A02": "220022", "B01": "330033"}
CPS = {"A01": "cps-rousseau", "A02": "cps-martin"}
E0 = "01K7M4QX9TRB2VWZ3H"
GLUCOPHAGE, LEVOTHYROX = "3400935601711", "3400930065785"
METFORMINE_GENERIQUE = "3400930118801"


class Bureau:
    """Acts by keys and by hardware only; waits on what the screen says, never on time."""

    def __init__(self, pile: Pile, page) -> None:
        self.pile = pile
        self.page = page
        self.serie = 0

    # Hardware

    def agent(self, **demande):
        with socket.socket(socket.AF_UNIX) as prise:
            prise.settimeout(10)
            prise.connect(str(self.pile.agent_commande))
            prise.sendall(json.dumps(demande).encode() + b"\n")
            reponse = json.loads(prise.makefile().readline())
        assert reponse["ok"], reponse
        return reponse

    def inserer(self, carte):
        fichier = json.loads((CARTES / f"{carte}.json").read_text())
        self.agent(verb="insert", reader=fichier["kind"], card=fichier)

    def retirer(self, lecteur):
        self.agent(verb="remove", reader=lecteur)

    def scanner(self, texte):
        self.agent(verb="scan", device="comptoir", text=texte)

    def boite(self, cip13):
        self.serie += 1
        serie = f"T{time.time_ns() % 10**9}{self.serie}"
        self.scanner(f"010{cip13}1728123110LT1\x1d21{serie}")

    def code_porteur(self, chiffres="1234"):
        until(lambda: self.agent(verb="state")["state"]["pin_window"], "la fenêtre du code")
        self.agent(verb="pin", digits=chiffres)

    # Keyboard

    def touche(self, nom):
        """Press one key as a person does: alone, then a breath."""
        self.page.keyboard.press(nom)
        self.page.wait_for_timeout(90)

    def seconde(self, lettre):
        """² then a letter."""
        self.page.keyboard.press("²") if False else self.page.keyboard.insert_text("")
        self.page.evaluate(
            "() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
            "{key: '²', bubbles: true, cancelable: true}))"
        )
        self.touche(lettre.lower())

    def ecrire(self, texte):
        self.page.keyboard.type(texte, delay=70)

    # Screen

    def voir(self, texte, delai_s=10.0):
        """Wait until the page shows `texte`."""
        self.page.get_by_text(texte).first.wait_for(state="visible", timeout=delai_s * 1000)

    def statut(self, texte, delai_s=10.0):
        self.page.locator("#statut-ligne", has_text=texte).wait_for(timeout=delai_s * 1000)

    def panneau(self, nom, texte, delai_s=10.0):
        self.page.locator(f"#panneau-{nom}", has_text=texte).wait_for(timeout=delai_s * 1000)

    def dialogue(self, titre, delai_s=10.0):
        """Wait until the dialog with this title has the focus."""
        self.page.locator("#dialogue[open] .dialogue-titre", has_text=titre).wait_for(
            timeout=delai_s * 1000
        )

    def sans_dialogue(self):
        self.page.locator("#dialogue:not([open])").wait_for(state="attached")

    def photographier(self, nom):
        IMAGES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=IMAGES / f"{nom}.png")

    # Acts that every journey begins with

    def ouvrir_session(self, code="A02"):
        self.page.goto(self.pile.adresse + "/connexion/")
        self.ecrire(code)
        self.touche("Tab")
        premiere = self.page.locator("[name=mot_de_passe]").count() == 1
        self.ecrire(MOTS_DE_PASSE[code] if premiere else PINS[code])
        self.touche("Enter")
        self.page.locator("header.entete").wait_for()

    def nouvelle_vente(self):
        self.page.goto(self.pile.adresse + "/")
        self.page.locator("[data-officine-lettre=V]").wait_for()
        self.touche("v")
        self.page.wait_for_url("**/vente/*/")
        self.page.locator("#lecteurs [data-lecteur=cps]:not([data-etat=absent])").wait_for()

    def abandonner(self):
        """Leave the poste clean for the next journey, by the screens."""
        self.page.goto(self.pile.adresse + "/vente/")
        if "/vente/" in self.page.url and self.page.locator(".scene-vente").count():
            self.page.evaluate(
                "() => document.querySelector('form[action$=\"/annuler/\"]').requestSubmit()"
            )
            self.page.wait_for_url("**/")

    # The national side

    def humeur(self, service, nom, **autres):
        return call(f"{self.pile.controle[service]}/controle/humeur", {"nom": nom, **autres})

    def journal(self, service):
        return call(f"{self.pile.controle[service]}/controle/journal")["entrees"]

    def oublier(self, service):
        call(f"{self.pile.controle[service]}/controle/oublier", {})

    def executions(self):
        """What the prescription service recorded, as it tells it."""
        return call(f"{self.pile.controle['ordonnance']}/controle/executions")


def call(url, corps=None):
    requete = urllib.request.Request(
        url,
        data=None if corps is None else json.dumps(corps).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(requete, timeout=10) as reponse:
        return json.loads(reponse.read() or b"{}")


def until(condition, quoi, delai_s=20.0):
    """Wait for a fact; the failure names it."""
    fin = time.monotonic() + delai_s
    while time.monotonic() < fin:
        lu = condition()
        if lu:
            return lu
        time.sleep(0.05)
    raise AssertionError(f"jamais arrivé : {quoi}")
