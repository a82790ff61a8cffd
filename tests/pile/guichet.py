"""A counter without a browser: the screens over HTTP, the card's key, and what the service saw."""

import base64
import hashlib
import json
import re
import time
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives import serialization

from agent.policy import Acces, Enrolement
from agent.receipts import Registre
from config.lanceur.pile import Pile
from teleservices.xmldsig import SoftwareSigner
from tests.parcours.bureau import LEVOTHYROX, call, until

CODE, MOT_DE_PASSE, CARTE = "A01", "halle-titulaire", "810100000032"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATIENT = {
    "nom": "PAT-TROIS",
    "prenoms": "DOMINIQUE MARIE-LOUISE",
    "sexe": "F",
    "naissance": "1979-03-28",
    "lieu": "51215",
}


class Guichet:
    """Acts by the addresses the screens post to; believes only what the screens say."""

    def __init__(self, pile: Pile) -> None:
        self.pile = pile
        self.http = httpx.Client(
            base_url=pile.adresse, timeout=20, follow_redirects=True, trust_env=False
        )

    def lire(self, chemin):
        """The text of a page, blanks folded."""
        reponse = self.http.get(chemin)
        assert reponse.status_code == 200, (chemin, reponse.status_code)
        return " ".join(reponse.text.split())

    def agir(self, chemin, attendu=200, **champs):
        jeton = re.search(r'name="csrf" content="([^"]+)"', self.lire("/connexion/")).group(1)
        reponse = self.http.post(chemin, data=champs, headers={"X-CSRFToken": jeton})
        assert reponse.status_code == attendu, (chemin, reponse.status_code, reponse.text[-2000:])
        return reponse

    def demander(self, chemin, **corps):
        jeton = re.search(r'name="csrf" content="([^"]+)"', self.lire("/connexion/")).group(1)
        reponse = self.http.post(chemin, json=corps, headers={"X-CSRFToken": jeton})
        assert reponse.status_code == 200, (chemin, reponse.status_code, reponse.text[-500:])
        return reponse.json()

    # Acts

    def ouvrir_session(self):
        self.agir("/connexion/", code=CODE, mot_de_passe=MOT_DE_PASSE, suite="/vente/")

    def signer(self):
        """Sign the hour's assertion with the operator's card key."""
        cps = self.pile.dossiers.donnees / "tls/cps"
        der = (cps / f"{CARTE}-sig.der").read_bytes()
        cle = serialization.load_pem_private_key((cps / f"{CARTE}-sig.key").read_bytes(), None)
        certificat = base64.b64encode(der).decode()
        demande = self.demander(
            "/api/agent/signatures/preparer", service="epu", certificat_b64=certificat
        )
        charge = demande["request"].split(".")[1]
        contenu = json.loads(base64.urlsafe_b64decode(charge + "=" * (-len(charge) % 4)))
        digest = base64.b64decode(contenu["items"][0]["digest_b64"])
        signature = base64.b64encode(SoftwareSigner(cle, der).sign(digest)).decode()
        signatures = [{"id": "1", "sig_b64": signature}]
        return self.demander(
            "/api/agent/signatures/terminer",
            id=demande["id"],
            signatures=signatures,
            certificate_b64=certificat,
            receipt=self._recu(contenu, {"signatures": signatures}),
        )

    def _recu(self, demande, data):
        """The receipt of a signature, by the poste's key, as its agent makes it."""
        dossier = self.pile.dossiers.donnees / "agent"
        enrolement = json.loads((dossier / "enrolement.json").read_text(encoding="utf-8"))
        cle = serialization.load_pem_private_key((dossier / "poste.key").read_bytes(), None)
        registre = Registre(cle, Enrolement.from_dict(enrolement), dossier)
        session = self.http.cookies["comptoir_session"]
        sid = hashlib.sha256(session.encode()).hexdigest()[:32]
        acces = Acces(demande["sub"], sid, exp=0, portees=frozenset(), jti="")
        contenu = {"op": "cps.sign", "nonce": demande["jti"], "driver": {"simulated": True}}
        return registre.sign(acces, time.time(), contenu, data)

    def preparer_vente(self):
        """A sale whose prescription is fetched, confirmed and served: the control is next."""
        numero = self.prescrire()
        vente = int(re.search(r"/vente/(\d+)/", str(self.agir("/vente/").url)).group(1))
        base = f"/vente/{vente}/ordonnance/"
        self.agir(base + "saisie/", numero=numero)
        ecran = f"/vente/{vente}/"
        trouve = until(
            lambda: re.search(rf"{base}(\d+)/confirmation/", self.lire(ecran)),
            "l'ordonnance à confirmer",
        )
        numerique = f"{base}{trouve.group(1)}/"
        self.agir(numerique + "confirmation/", patient="oui", conforme="oui")
        self.agir(numerique + "renouvellement/", numero="0")
        self.agir(ecran + "produits/", cip=LEVOTHYROX["cip13"])
        return Vente(self, vente, numerique, numero)

    # The national side

    def prescrire(self):
        """A new prescription of one line at the service; return its number."""
        hasard = uuid4().int
        numero = "01" + "".join(_ALPHABET[(hasard >> 5 * rang) % 32] for rang in range(16))
        ligne = {"libelle": "LEVOTHYROX 75", "cip13": LEVOTHYROX["cip13"], "quantite": 1}
        call(
            f"{self.pile.controle['ordonnance']}/controle/ordonnances",
            {"numero": numero, "beneficiaire": PATIENT, "lignes": [ligne]},
        )
        return numero

    def humeur(self, nom, **autres):
        call(f"{self.pile.controle['ordonnance']}/controle/humeur", {"nom": nom, **autres})

    def humeur_prise(self):
        """Whether the one request that a mood waits for has come."""
        etat = call(f"{self.pile.controle['ordonnance']}/controle/etat")
        return etat["humeur"] == {"nom": "normal"}


class Vente:
    """One sale: its screens, its sending, and what the service did of it."""

    def __init__(self, guichet, ident, numerique, numero) -> None:
        self.guichet = guichet
        self.ident = ident
        self.numerique = numerique
        self.numero = numero
        # The journal holds the end of a number: what it had of another sale is not of this one.
        self.avant = {e["n"] for e in self._recues()}

    def valider(self):
        """Validate the control (all as prescribed): the execution is promised."""
        self.guichet.agir(self.numerique + "controle/")

    def finir(self):
        self.guichet.agir(f"/vente/{self.ident}/fin/")

    def panneau(self):
        """What the panel says of the execution."""
        page = self.guichet.lire(f"/vente/{self.ident}/")
        return re.search(r'<p aria-live="polite">(.*?)</p>', page).group(1)

    def envoi(self):
        """The row of the queue screen for this sale: (id, what it says)."""
        for ident, ligne in re.findall(
            r'<tr id="envoi-(\d+)">(.*?)</tr>', self.guichet.lire("/file/")
        ):
            detail = self.guichet.lire(f"/file/{ident}/")
            if "exécution" in ligne.lower() and f'href="/vente/{self.ident}/"' in detail:
                return ident, ligne
        raise AssertionError("l'envoi n'est pas dans la file")

    def attendre_file(self, texte, delai_s=20.0):
        until(lambda: texte in self.envoi()[1], f"« {texte} » dans la file", delai_s)

    def attendre_panneau(self, texte, delai_s=20.0):
        until(lambda: texte in self.panneau(), f"« {texte} » sur la vente", delai_s)

    def verifier_maintenant(self):
        self.guichet.agir(f"/file/{self.envoi()[0]}/relancer/")

    def recues(self):
        """Every request to record this execution, as the service's journal holds it."""
        return [e for e in self._recues() if e["n"] not in self.avant]

    def _recues(self):
        entrees = call(f"{self.guichet.pile.controle['ordonnance']}/controle/journal")["entrees"]
        return [
            e
            for e in entrees
            if e["operation"] == "enregistrerExecution" and e["numero"] == self.numero[-4:]
        ]

    def executees(self):
        """What the service recorded for this prescription."""
        toutes = call(f"{self.guichet.pile.controle['ordonnance']}/controle/executions")
        return [e for e in toutes if e["numero"] == self.numero]
