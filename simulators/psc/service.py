"""The whole service: two doors, the addresses of psc.md §1.2, its control API."""

import argparse
import random
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from simulators.commun.types import Reponse, Requete
from simulators.psc import pages
from simulators.psc.autorisation import CHOIX, Autorisation
from simulators.psc.ciba import Ciba
from simulators.psc.clients import MTLS, SUJET_EDC, Client, from_json
from simulators.psc.deconnexion import Deconnexion
from simulators.psc.delivrance import Delivrance
from simulators.psc.fond import API, OIDC, PORTAIL, ROYAUME, Fond
from simulators.psc.oauth import PageErreur, Refus, refusal
from simulators.psc.personnes import from_json as person_from_json
from simulators.psc.proxy import PROXY, Proxy
from simulators.psc.ressources import Ressources

COMMUNAUTAIRE, CONFIANCE = "comptoir-communautaire", "comptoir-confiance"
# What a browser reaches; the rest is between servers.
_DU_PORTAIL = ("autorisation", "choix", "deconnexion")
Traitement = Callable[[Requete], Reponse]


def _declared(options: argparse.Namespace) -> tuple[Client, ...]:
    commun = {
        "retours": tuple(options.retour),
        "apres_deconnexion": tuple(options.apres_deconnexion),
        "deconnexion_serveur": options.deconnexion_serveur,
    }
    return (
        Client(COMMUNAUTAIRE, secret=options.secret, **commun),
        Client(CONFIANCE, MTLS, sujet=SUJET_EDC, **commun),
    )


class ServicePsc:
    """Answers from the request and its own memory."""

    nom = "Pro Santé Connect"

    def __init__(self, hasard: random.Random, options: argparse.Namespace) -> None:
        self.verrou = threading.Condition(threading.RLock())
        self.portail_http: bool = options.portail_http
        self.fond = Fond(hasard, options.tls, _declared(options))
        self.autorisation = Autorisation(self.fond)
        self.ciba = Ciba(self.fond, options.ciba_intervalle)
        self.delivrance = Delivrance(self.fond, self.ciba)
        self.ressources = Ressources(self.fond)
        self.deconnexion = Deconnexion(self.fond, self.autorisation)
        self.proxy = Proxy(self.fond, self.ciba, self.deconnexion, self.verrou)
        self.routes = self._routes()

    def _routes(self) -> dict[tuple[str, str], tuple[str, Traitement]]:
        """Return (operation, treatment) by (method, path)."""
        lire, connu = self.ressources, f"{ROYAUME}/.well-known"
        deux = [
            (PORTAIL, "autorisation", self.autorisation.authorize),
            (f"{OIDC}/auth", "autorisation_keycloak", _not_the_wallet),
            (f"{OIDC}/userinfo", "userinfo", lire.userinfo),
            (f"{OIDC}/logout", "deconnexion", self.deconnexion.answer),
        ]
        lus = [
            (f"{connu}/wallet-openid-configuration", "decouverte", lire.discovery),
            (f"{connu}/openid-configuration", "decouverte_standard", lire.standard_discovery),
            (f"{OIDC}/certs", "cles", lire.keys),
            (f"{API}/protocol/openid-connect/certs", "cles", lire.keys),
        ]
        envoyes = [
            (CHOIX, "choix", self.autorisation.choose),
            (f"{OIDC}/token", "jeton", self.delivrance.answer),
            (f"{OIDC}/token/introspect", "introspection", lire.introspect),
            (f"{OIDC}/revoke", "revocation", lire.revoke),
            (f"{OIDC}/ext/ciba/auth", "ciba", self.ciba.start),
            (f"{OIDC}/ext/par/request", "par", self.autorisation.push),
            (f"{API}/protocol/openid-connect/token", "echange", self.delivrance.answer_api),
            (f"{API}/protocol/openid-connect/revoke", "revocation", lire.revoke),
            (f"{API}/protocol/openid-connect/token/introspect", "introspection", lire.introspect),
        ]
        proxy = {
            (methode, f"{PROXY}/{nom}"): ("proxy", self.proxy.answer)
            for methode, nom in (("POST", "connect"), ("DELETE", "disconnect"), ("GET", "traces"))
        }
        return {
            **proxy,
            **{("GET", chemin): (nom, fait) for chemin, nom, fait in (*deux, *lus)},
            **{("POST", chemin): (nom, fait) for chemin, nom, fait in (*deux, *envoyes)},
        }

    def install(self, port: int, portail_port: int) -> None:
        """Learn the addresses; they never come from a request."""
        self.fond.adresse = f"https://127.0.0.1:{port}"
        schema = "http" if self.portail_http else "https"
        self.fond.portail = f"{schema}://127.0.0.1:{portail_port}"

    # Service

    def _route(self, methode: str, chemin: str) -> tuple[str, Traitement] | None:
        adresse = urlsplit(chemin).path
        if adresse.startswith(f"{PROXY}/send/"):
            return "proxy", self.proxy.answer
        return self.routes.get((methode, adresse))

    def connait(self, methode: str, chemin: str) -> bool:
        """Tell whether something answers there."""
        return self._route(methode, chemin) is not None

    def operation(self, requete: Requete) -> str:
        """Return the operation asked, for the moods."""
        route = self._route(requete.methode, requete.chemin)
        return route[0] if route else ""

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request."""
        with self.verrou:
            route = self._route(requete.methode, requete.chemin)
            if route is None or not _is_right_door(route[0], requete.porte):
                return Reponse(404, b"", "autre_porte", type_contenu="text/plain")
            self.fond.anomalies.begin(requete)
            reponse = self._answer(route, requete)
            reponse.operation = route[0]
            if self.fond.anomalies.jouees:
                reponse.faits["anomalies"] = list(self.fond.anomalies.jouees)
            return self._date(reponse)

    def _answer(self, route: tuple[str, Traitement], requete: Requete) -> Reponse:
        try:
            return route[1](requete)
        except PageErreur as erreur:
            return pages.error(erreur.raison, erreur.texte)
        except Refus as refus:
            return refusal(refus, route[0], requete)

    def _date(self, reponse: Reponse) -> Reponse:
        """Write the time of the service in the answer when its clock is wrong."""
        derive = self.fond.memoire.horloge.derive_s
        if derive:
            date = formatdate(self.fond.memoire.horloge.wall(), usegmt=True)
            reponse.entetes = (*reponse.entetes, ("Date", date))
        return reponse

    def hors_sujet(self, operation: str) -> bytes:
        """Return an answer of another endpoint."""
        return b'{"keys": []}' if operation != "cles" else b'{"active": false}'

    def oublier(self) -> None:
        """Go back to the start."""
        with self.verrou:
            for partie in (self.fond, self.autorisation, self.ciba, self.deconnexion, self.proxy):
                partie.forget()

    def identites(self) -> int:
        """Return how many people it knows."""
        return len(self.fond.personnes)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """People, services, keys, phones, sessions, clocks: simulators/README.md."""
        routes: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "adresses"): lambda _c: self.fond.shown(),
            ("GET", "personnes"): lambda _c: [p.shown() for p in self.fond.personnes.values()],
            ("POST", "personnes"): self._declare_person,
            ("GET", "clients"): lambda _c: [c.shown() for c in self.fond.registre.clients.values()],
            ("POST", "clients"): self._declare_client,
            ("POST", "cles"): self._turn_keys,
            ("GET", "anomalies"): lambda _c: self.fond.anomalies.shown(),
            ("POST", "anomalies"): self._arm,
            ("GET", "telephones"): lambda _c: self.ciba.ringing(),
            ("POST", "telephone"): self.ciba.press,
            ("GET", "sessions"): lambda _c: self._sessions(),
            ("POST", "deconnexion"): self._end,
            ("GET", "envois"): lambda _c: [dict(envoi) for envoi in self.deconnexion.envois],
            ("POST", "horloge"): self._set_clock,
            ("POST", "reglages"): self._set,
        }
        with self.verrou:
            self.fond.anomalies.begin(None)
            return routes[(methode, chemin.removeprefix("/controle/"))](corps)

    def _declare_person(self, corps: dict[str, Any]) -> dict[str, Any]:
        personne = person_from_json(corps)
        self.fond.personnes[personne.cle] = personne
        return personne.shown()

    def _declare_client(self, corps: dict[str, Any]) -> dict[str, Any]:
        client = from_json(corps)
        self.fond.registre.clients[client.client_id] = client
        return client.shown()

    def _turn_keys(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Rotate, or publish the active key alone: {geste: tourner | retirer}."""
        gestes: dict[str, Callable[[], Any]] = {
            "tourner": self.fond.trousseau.rotate,
            "retirer": self.fond.trousseau.retire,
        }
        return {"fait": gestes[str(corps["geste"])](), "active": self.fond.trousseau.active.kid}

    def _arm(self, corps: dict[str, Any]) -> dict[str, Any]:
        fois = int(corps.get("fois", 1))
        if fois < 1:
            raise ValueError("fois : un nombre positif")
        self.fond.anomalies.arm([str(nom) for nom in corps["noms"]], fois)
        return {"armees": dict(self.fond.anomalies.armees)}

    def _sessions(self) -> list[dict[str, Any]]:
        horloge = self.fond.memoire.horloge
        instant = horloge.now()
        return [
            {
                "sid": s.sid,
                "nom": s.personne.nom,
                "identifiant": s.personne.identifiant,
                "moyen": s.moyen,
                "clients": list(s.clients),
                "vivante": s.is_alive(instant),
                "reste_s": max(0, int(s.end() - instant)),
            }
            for s in self.fond.memoire.sessions.values()
        ]

    def _end(self, corps: dict[str, Any]) -> dict[str, Any]:
        """End a session as the OP would, and tell the services: {sid}."""
        self.deconnexion.close(self.fond.memoire.sessions[str(corps["sid"])])
        return {"ok": True}

    def _set_clock(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Let time pass, or put the clock wrong: {decalage_s?, derive_s?}."""
        horloge = self.fond.memoire.horloge
        horloge.avance_s = float(corps.get("decalage_s", horloge.avance_s))
        horloge.derive_s = float(corps.get("derive_s", horloge.derive_s))
        return {"decalage_s": horloge.avance_s, "derive_s": horloge.derive_s}

    def _set(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Change the interval between two polls: {ciba_intervalle_s}."""
        self.ciba.intervalle_s = int(corps["ciba_intervalle_s"])
        return {"ciba_intervalle_s": self.ciba.intervalle_s}


def _is_right_door(operation: str, porte: str) -> bool:
    """Browsers have their own door; the end of session answers at both (CIBA has no browser)."""
    if porte:
        return operation in _DU_PORTAIL
    return operation not in {"autorisation", "choix"}


def _not_the_wallet(_requete: Requete) -> Reponse:
    raise PageErreur("pas_le_portefeuille", "Ce n'est pas l'adresse de connexion du portail.")
