"""Two providers behind one door: our simulator, and the independent one. Same people, services.

What a person does at a browser or on a phone is here, with the one page of each provider; the
relying party is the product's, built the same way for both.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from psc.client import PscClient
from psc.documents import MagasinMemoire
from psc.echanges import Reglages, begin
from psc.jetons import Pair
from psc.rules.retour import parse_callback
from teleservices.tls import Materiel
from teleservices.transport import HttpsTransport
from tests.psc.pair import Independant
from tests.simulators.client_nu import Simulateur
from tests.simulators.client_psc import FIN, RETOUR, SUJET, Navigateur, peek

SECRET = "secret : de / test +"
CIBA = "urn:openid:params:grant-type:ciba"
ALICE, BRUNO = "899700900014", "899700900022"
# National identifier: the button of our page (person and means), the file of the specification.
GENS = {
    ALICE: ("alice CARD", "pharmacien-titulaire"),
    BRUNO: ("bruno MOBILE", "pharmacien-adjoint-deux-officines"),
    "899700900030": ("chloe MOBILE", "preparateur-officine"),
    "899700900048": ("david MOBILE", "infirmier-non-pharmacien"),
    "899700900055": ("elise CARD", "pharmacien-deux-exercices-officine-et-hopital"),
    "899700900063": ("farid MOBILE", "pharmacien-remplacant-sans-activite"),
    "d2c6b2a4-83a1-4d4b-94e8-73982a9600a1": ("gaelle MOBILE", "pharmacien-identifiant-psi-uuid"),
    "30B0330011/CPE0001": ("hugo CARD", "employe-officine-carte-etablissement"),
}
PAR_SECRET, AUTRE_SECRET, PAR_CERTIFICAT = "par-secret", "autre-secret", "par-certificat"


def document(partage, national):
    """The UserInfo that the specification publishes for someone."""
    chemin = partage / f"data/psc/synthetic/userinfo-{GENS[national][1]}.json"
    return json.loads(chemin.read_text(encoding="utf-8"))


def declared_there(client_id, ecoute):
    """A service, as the metadata of RFC 7591 and 8705 say it."""
    commun = {
        "client_id": client_id,
        "redirect_uris": [RETOUR],
        "post_logout_redirect_uris": [FIN],
        "backchannel_logout_uri": ecoute,
        "backchannel_logout_session_required": True,
        "backchannel_token_delivery_mode": "poll",
        "grant_types": ["authorization_code", "refresh_token", CIBA],
    }
    if client_id != PAR_CERTIFICAT:
        return {**commun, "client_secret": SECRET}
    return {
        **commun,
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": SUJET,
        "tls_client_certificate_bound_access_tokens": True,
    }


def _declared_here(client_id, ecoute):
    """The same service, as our simulator is told."""
    commun = {
        "client_id": client_id,
        "retours": [RETOUR],
        "apres_deconnexion": [FIN],
        "deconnexion_serveur": ecoute,
        "ciba": True,
    }
    if client_id != PAR_CERTIFICAT:
        return {**commun, "secret": SECRET}
    return {**commun, "methode": "tls_client_auth", "sujet": SUJET}


class Fournisseur:
    """One provider, its clock, the relying parties and the browsers of a test."""

    nom = ""

    def __init__(self, processus, tls, ecoute):
        self.processus = processus
        self.tls = tls
        self.ecoute = ecoute
        self.avance_s = 0
        self._ouverts = []
        self.decouverte = ""
        self.hotes = frozenset()

    def begin(self):
        """Go back to the start: no clock ahead, no phone that rings."""
        self.avance_s = 0
        self.processus.post("/oublier")
        adresses = self.processus.get("/adresses")
        self.decouverte = adresses["decouverte"]
        self.hotes = frozenset(urlsplit(a).netloc for a in adresses.values() if "://" in str(a))

    def end(self):
        """Close what the test opened."""
        while self._ouverts:
            self._ouverts.pop().close()

    def time(self):
        """What time it is at the relying party, as the tokens write it there."""
        return time.time()

    def pass_by(self, secondes):
        """Let time pass, there and here."""
        self.avance_s += secondes
        self.processus.post("/horloge", decalage_s=self.avance_s)

    def client(self, authentification="client_secret_basic", **faits):
        """A relying party: the certificate it shows, its `client_id`, its clock, its settings."""
        par_certificat = authentification == "none"
        certificat = faits.pop("certificat", "psc-edc" if par_certificat else "")
        client_id = faits.pop("client_id", PAR_CERTIFICAT if par_certificat else PAR_SECRET)
        horloge = faits.pop("horloge", self.time)
        paire = (str(self.tls / f"{certificat}.{fin}") for fin in ("pem", "key"))
        materiel = Materiel(str(self.tls / "ac-serveurs.pem"), *(paire if certificat else ()))
        transport = HttpsTransport(materiel)
        self._ouverts.append(transport)
        reglages = Reglages(
            Pair(self.decouverte.split("/.well-known/")[0], client_id),
            self.hotes,
            RETOUR,
            FIN,
            "" if par_certificat else SECRET,
            authentification,
        )
        return PscClient(replace(reglages, **faits), transport, MagasinMemoire(), horloge)

    def visitor(self):
        """A browser without any cookie, and who sits at it."""
        visiteur = Visiteur(self)
        self._ouverts.append(visiteur)
        return visiteur

    def told(self, sid):
        """The logout token of this session, sent to the door of the service."""
        while True:
            jeton = self.ecoute.take()
            if peek(jeton)[1].get("sid") == sid:
                return jeton

    def call(self, numero):
        """The call that shows this number on a phone."""
        (appel,) = (a for a in self.processus.get("/telephones") if a["numero"] == numero)
        return appel

    def press(self, numero, geste):
        """Approve or refuse on the phone."""
        self.processus.post("/telephone", ref=self.call(numero)["ref"], geste=geste)


class Simule(Fournisseur):
    """Our simulator."""

    nom = "simulateur"

    def begin(self):
        super().begin()
        for client_id in (PAR_SECRET, AUTRE_SECRET, PAR_CERTIFICAT):
            self.processus.post("/clients", **_declared_here(client_id, self.ecoute.adresse))

    def fields(self, national):
        return {"choix": GENS[national][0], "garder": "oui"}


class Autre(Fournisseur):
    """The independent one."""

    nom = "independant"

    def time(self):
        # Its one clock goes ahead; ours makes things older, and goes on writing the present time.
        return time.time() + self.avance_s

    def fields(self, national):
        return {"choix": national}


class Fournisseurs:
    """The processes of a module, each started at its first need."""

    def __init__(self, tls, dossier: Path, ecoute):
        self.tls = tls
        self.dossier = dossier
        self.ecoute = ecoute
        self._faits = {}

    def get(self, nom, partage):
        """Return a provider."""
        if nom not in self._faits:
            self._faits[nom] = self._start(nom, partage)
        return self._faits[nom]

    def _start(self, nom, partage):
        if nom == Simule.nom:
            processus = Simulateur("psc", self.dossier, self.tls, "--ciba-intervalle", "1")
            return Simule(processus, self.tls, self.ecoute)
        services = [
            declared_there(client_id, self.ecoute.adresse)
            for client_id in (PAR_SECRET, AUTRE_SECRET, PAR_CERTIFICAT)
        ]
        personnes = partage / "data/psc/synthetic"
        return Autre(
            Independant(self.dossier, self.tls, personnes, services), self.tls, self.ecoute
        )

    def stop(self):
        """Stop what was started."""
        for fournisseur in self._faits.values():
            fournisseur.processus.stop()


class Visiteur:
    """Someone at a browser: follows what a browser follows, clicks on a name."""

    def __init__(self, fournisseur):
        self.fournisseur = fournisseur
        self.web = Navigateur(fournisseur.tls)

    def close(self):
        """Close the browser."""
        self.web.close()

    def _follow(self, reponse):
        """Return the page where a browser stops, or the address at which it leaves."""
        while True:
            if reponse.has_redirect_location:
                suite = reponse.url.join(reponse.headers["location"])
                if suite.netloc.decode() not in self.fournisseur.hotes:
                    return str(suite)
                reponse = self.web.open(str(suite))
            elif "submit()" in reponse.text:
                reponse = self.web.submit(reponse)
            else:
                return reponse

    def page(self, adresse):
        """Open an address that asks something, or refuses, on a page."""
        lue = self._follow(self.web.open(adresse))
        assert isinstance(lue, httpx.Response), lue
        return lue

    def leave(self, adresse):
        """Open an address that sends back without asking; return where."""
        ou = self._follow(self.web.open(adresse))
        assert isinstance(ou, str), ou.text
        return ou

    def click(self, page, **champs):
        """Click on a button of a page; return where it sends back."""
        ou = self._follow(self.web.submit(page, **champs))
        assert isinstance(ou, str), ou.text
        return ou

    def sign_in(self, adresse, national=ALICE):
        """Go through the page; return the callback."""
        return self.click(self.page(adresse), **self.fournisseur.fields(national))


def come_back(adresse):
    """What a callback says, read by the product."""
    return parse_callback(parse_qsl(urlsplit(adresse).query, keep_blank_values=True))


def changed(adresse, **change):
    """An address with other parameters; None takes one away."""
    morceaux = urlsplit(adresse)
    params = {**dict(parse_qsl(morceaux.query)), **change}
    dits = {nom: valeur for nom, valeur in params.items() if valeur is not None}
    return morceaux._replace(query=urlencode(dits)).geturl()


def arrive(client, visiteur, national=ALICE):
    """Sign in, the whole way."""
    depart = begin(visiteur.fournisseur.time())
    adresse = visiteur.sign_in(client.authorization_url(depart), national)
    return client.finish(come_back(adresse), depart)
