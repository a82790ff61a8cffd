"""One counter as its user has it: a keyboard, a scanner, two readers; and what the services saw."""

import copy
import json
import random
import time
import urllib.request
from pathlib import Path

from config.lanceur.pile import Pile
from simulators.ordonnance.catalogue import DOLIPRANE, GLUCOPHAGE, IALUSET, LEVOTHYROX, PAT_TROIS
from simulators.population import build_population
from tests.parcours.attente import until
from tests.parcours.materiel import Materiel

CARTES = Path(__file__).resolve().parents[2] / "simulators/cartes"
MOTS_DE_PASSE = {"A01": "halle-titulaire", "A02": "halle-adjointe", "B01": "halle-preparateur"}
PINS = {"A01": "110011", "A02": "220022", "B01": "330033"}
CPS = {"A01": "cps-rousseau", "A02": "cps-martin"}
FINESS = "752026005"
# What the demonstration prescription holds: box, renewals.
ORDONNANCE = ((GLUCOPHAGE, 5), (LEVOTHYROX, 2))
GENERIQUE = "3400939718330"  # METFORMINE BIOGARAN 1000 mg, same group as GLUCOPHAGE
_PATIENTS = [p for p in build_population() if p.genre == "ordinaire"]
_hasard = random.SystemRandom()

__all__ = ["DOLIPRANE", "GLUCOPHAGE", "IALUSET", "LEVOTHYROX", "PAT_TROIS", "Bureau", "until"]


def read_card(nom):
    """Return a card of the tray."""
    return json.loads((CARTES / f"{nom}.json").read_text())


def new_patient(nom_usuel=""):
    """Return (someone INSi knows and the officine does not, their carte Vitale).

    Given a usual name, the card says that one alone: not the birth name.
    """
    personne = _PATIENTS.pop(_hasard.randrange(len(_PATIENTS)))
    carte = copy.deepcopy(read_card("vitale-02"))
    carte["vitale"]["assure"] |= {"nir": personne.ins.matricule, "cle": personne.ins.cle}
    carte["vitale"]["beneficiaires"][0] |= {
        "nom_usuel": nom_usuel or personne.nom,
        "nom_patronymique": "" if nom_usuel else personne.nom,
        "prenom": personne.prenoms[0],
        "date_naissance": personne.naissance.replace("-", ""),
        "nir_certifie": personne.ins.matricule,
        "cle_nir_certifie": personne.ins.cle,
    }
    return personne, carte


class Bureau:
    """Acts by keys and by hardware only; waits on what the screen says, never on time."""

    def __init__(self, pile: Pile, page, images: "Images", materiel: Materiel) -> None:
        self.pile = pile
        self.page = page
        self.images = images
        self.materiel = materiel
        self.serie = 0
        self.code = "A02"

    # Hardware

    def agent(self, **demande):
        return self.materiel.agent(**demande)

    def inserer(self, carte):
        fichier = read_card(carte) if isinstance(carte, str) else carte
        self.materiel.inserer(fichier["kind"], fichier)

    def retirer(self, lecteur):
        self.materiel.retirer(lecteur)

    def echanger(self, carte):
        """Another card in the place of the one in the reader."""
        self.materiel.echanger(carte["kind"], carte)

    def scanner(self, texte):
        self.materiel.scanner("comptoir", texte)

    def e_lecteur(self, texte):
        """A code shown to the scanner that is turned to the patient."""
        self.materiel.scanner("patient", texte)

    def poser(self, texte):
        """A phone laid on the contactless reader."""
        self.inserer(read_card("banc/apcv-01") | {"apcv": {"texte": texte}})

    def boite(self, cip13):
        self.serie += 1
        serie = f"T{time.time_ns() % 10**9}{self.serie}"
        self.scanner(f"010{cip13}1728123110LT1\x1d21{serie}")

    def code_porteur(self, chiffres="1234"):
        """Type the code in the agent's window, once it is open."""
        self.materiel.code(chiffres)

    # Keyboard

    def touche(self, nom):
        """Press one key as a person does: alone, then a breath."""
        self.page.keyboard.press(nom)
        self.page.wait_for_timeout(90)

    def seconde(self, lettre):
        """² then a letter. No layout of Playwright has the ² key: its event is built."""
        self.page.evaluate(
            "() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
            "{key: '²', bubbles: true, cancelable: true}))"
        )
        self.touche(lettre.lower())

    def touches_en_retard(self, une, autre):
        """Two keys 120 ms apart that a busy page hears together, before any of its timers."""
        self.page.evaluate(
            "([une, autre]) => { const presser = (key) => document.activeElement.dispatchEvent("
            "new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));"
            " presser(une); const t = performance.now(); while (performance.now() - t < 120);"
            " presser(autre); }",
            [une, autre],
        )

    def rafale(self, texte):
        """A keyboard scanner: every key and Enter at once, into whatever has the focus."""
        self.page.keyboard.type(f"{texte}\n")

    def ecrire(self, texte):
        self.page.keyboard.type(texte, delay=70)

    def serveur(self, *, debout):
        """Our own web process, stopped or started, until it answers."""
        if not debout:
            self.pile.arreter("web")
            return
        self.pile.demarrer("web")
        until(self._is_up, "le serveur du comptoir", 60)

    def _is_up(self):
        try:
            return call(f"{self.pile.adresse}/sante")
        except OSError:
            return None

    # Screen

    def voir(self, texte, delai_s=25.0):
        """Wait until the page shows `texte`."""
        self.page.get_by_text(texte).first.wait_for(state="visible", timeout=delai_s * 1000)

    def statut(self, texte, delai_s=25.0):
        ligne = self.page.locator("#statut-ligne")
        until(
            lambda: texte in ligne.inner_text(),
            lambda: f"« {texte} » mais « {ligne.inner_text()} »",
            delai_s,
        )

    def panneau(self, nom, texte, delai_s=25.0):
        self.page.locator(f"#panneau-{nom}", has_text=texte).wait_for(timeout=delai_s * 1000)

    def dialogue(self, titre, delai_s=25.0):
        """Wait until the dialog with this title has the focus."""
        self.page.locator("#dialogue[open]:focus-within .dialogue-titre", has_text=titre).wait_for(
            timeout=delai_s * 1000
        )

    def sans_dialogue(self):
        self.page.locator("#dialogue:not([open])").wait_for(state="attached")

    def focus(self):
        """What the focused element says, as a person reads it."""
        return self.page.evaluate(
            "() => { const e = document.activeElement;"
            " return (e.closest('label') || e).innerText || e.getAttribute('aria-label') || e.id; }"
        ).replace("\n", " ")

    def photographier(self, nom):
        self.images.take(self.page, nom)

    def regarder(self, nom):
        """Keep a screen for the eye, not for the guide."""
        self.images.look(self.page, nom)

    # Acts that every journey begins with

    def ouvrir_session(self, code="A02"):
        self.code = code
        self.page.goto(self.pile.adresse + "/connexion/")
        self.identifier(code)

    def identifier(self, code):
        """On the sign-in page, by keyboard: code, then what it asks."""
        self.page.locator("#code").fill("")
        self.ecrire(code)
        self.touche("Tab")
        premiere = self.page.locator("[name=mot_de_passe]").count() == 1
        self.ecrire(MOTS_DE_PASSE[code] if premiere else PINS[code])
        self.touche("Enter")
        self.page.locator("header.entete").wait_for()

    def administrer(self, suite="/equipe/"):
        """Open the administration mode, with the code that the demonstration shows."""
        lieu = f"{self.pile.adresse}/administration/?suite={suite}"
        montre = self.page.locator("#code-demonstration")

        def code():  # the two codes of the moment may have served: the next one comes
            self.page.goto(lieu)
            return montre.count() and montre.inner_text()

        self.ecrire(until(code, "un code de démonstration", 70))
        self.touche("Enter")
        self.page.wait_for_url(f"**{suite}")

    def nouvelle_vente(self):
        self.page.goto(self.pile.adresse + "/")
        self.page.locator("[data-officine-lettre=V]").wait_for()
        self.touche("v")
        self.page.wait_for_url("**/vente/*/")
        self.page.locator("#lecteurs [data-lecteur=cps]:not([data-etat=absent])").wait_for()

    def quitter(self):
        """Leave the poste as it was found: no sale under way, nobody signed in, no signature."""
        self.page.goto("about:blank")  # whatever the page was about to open by itself
        self.page.goto(self.pile.adresse + "/vente/")
        if "/connexion/" in self.page.url:
            self.identifier(self.code)
            self.page.goto(self.pile.adresse + "/vente/")
        if self.page.locator("form[action$='/administration/fermer/']").count():
            self._submit("/administration/fermer/")
            self.page.wait_for_url("**/vente/**")
        if self.page.locator(".scene-vente").count():
            self._submit("/annuler/")
            self.page.wait_for_function(
                "() => location.pathname === '/'"
                " || document.getElementById('message').childElementCount"
            )
        if self.page.locator(".scene-vente").count():
            self._submit("/fin/")
            self.page.wait_for_url("**/fin/page/")
        self._submit("/deconnexion/")
        self.page.wait_for_url("**/connexion/")

    def _submit(self, fin):
        self.page.evaluate(
            "(fin) => document.querySelector(`form[action$='${fin}']`).requestSubmit()", fin
        )

    # The national side

    def humeur(self, service, nom, **autres):
        return call(f"{self.pile.controle[service]}/controle/humeur", {"nom": nom, **autres})

    def journal(self, service):
        return call(f"{self.pile.controle[service]}/controle/journal")["entrees"]

    def oublier(self, service):
        call(f"{self.pile.controle[service]}/controle/oublier", {})

    def foyer(self, personnes, **faits):
        """Give these people an appli carte Vitale, the insured person first; return its name."""
        nom = f"foyer-{time.time_ns()}"
        matricules = [p.ins.matricule for p in personnes]
        corps = {"foyer": nom, "matricules": matricules, **faits}
        call(f"{self.pile.controle['vitale']}/controle/foyers", corps)
        return nom

    def telephone(self, foyer, **faits):
        """What the phone of a household shows now: good once, for two minutes."""
        corps = {"foyer": foyer, **faits}
        return call(f"{self.pile.controle['vitale']}/controle/codes", corps)["texte"]

    def prescrire(self, produits=ORDONNANCE, qui=PAT_TROIS, **autres):
        """Write a prescription of its own for this journey; return its number."""
        numero = "01" + "".join(_hasard.choices("23456789ABCDEFGHJKMNPQRSTVWXYZ", k=16))
        beneficiaire = {"nom": qui["nom"], "prenoms": qui["prenoms"], "sexe": qui["sexe"]}
        corps = {
            "numero": numero,
            "beneficiaire": beneficiaire | {k: qui[k] for k in ("naissance", "ins") if k in qui},
            "lignes": [dict(produit, renouvellements=n) for produit, n in produits],
            **autres,
        }
        call(f"{self.pile.controle['ordonnance']}/controle/ordonnances", corps)
        return numero

    def executions(self, numero):
        """What the service recorded from us for this prescription, as it tells it."""
        toutes = call(f"{self.pile.controle['ordonnance']}/controle/executions")
        return [e for e in toutes if (e["numero"], e["finess"]) == (numero, FINESS)]


class Images:
    """Screens kept as pictures: the guide's only when asked for, every variant beside."""

    GRANDEURS = (("", 1366, "light"), ("-sombre", 1366, "dark"), ("-1024", 1024, "light"))

    def __init__(self, guide: Path | None, essais: Path) -> None:
        self.guide = guide
        self.essais = essais

    def beside(self):
        """The same, kept for the eye only: the guide has the pictures of the cards in memory."""
        ailleurs = self.essais / "pcscd"
        ailleurs.mkdir(exist_ok=True)
        return Images(self.guide and ailleurs, ailleurs)

    def take(self, page, nom):
        """Keep the screen of the guide, then both themes and both widths for the eye."""
        if self.guide is not None:
            self._shoot(page, nom, self.guide)

    def look(self, page, nom):
        """Keep both themes and both widths for the eye, beside the guide."""
        if self.guide is not None:
            self._shoot(page, nom, self.essais)

    def _shoot(self, page, nom, premier):
        for suffixe, largeur, theme in self.GRANDEURS:
            page.set_viewport_size({"width": largeur, "height": 768})
            page.emulate_media(color_scheme=theme)
            dossier = self.essais if suffixe else premier
            page.screenshot(path=dossier / f"{nom}{suffixe}.png", animations="disabled")
        page.set_viewport_size({"width": 1366, "height": 768})
        page.emulate_media(color_scheme="light")


def call(url, corps=None):
    requete = urllib.request.Request(
        url,
        data=None if corps is None else json.dumps(corps).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(requete, timeout=10) as reponse:
        return json.loads(reponse.read() or b"{}")
