"""An invented provider in memory, behind the Protocol of our transport, and its ill will."""

import json
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit

from psc.client import PscClient
from psc.documents import MagasinMemoire
from psc.echanges import Reglages
from psc.jetons import Pair
from teleservices.transport import Retour
from tests.psc import forge
from tests.psc.forge import CLIENT, EMETTEUR, MAINTENANT
from tests.psc.personnes import document

HOTES = frozenset({"auth.exemple.test", "wallet.exemple.test"})
OIDC = f"{EMETTEUR}/protocol/openid-connect"
RETOUR = "https://officine.exemple.test/psc/callback"
SECRET = "secret-du-client"
JSON = "application/json;charset=UTF-8"


def decouverte(**changes):
    """A discovery document; None takes a member away."""
    bons = {
        "issuer": EMETTEUR,
        "authorization_endpoint": "https://wallet.exemple.test/auth",
        "token_endpoint": f"{OIDC}/token",
        "userinfo_endpoint": f"{OIDC}/userinfo",
        "jwks_uri": f"{OIDC}/certs",
        "introspection_endpoint": f"{OIDC}/token/introspect",
        "revocation_endpoint": f"{OIDC}/revoke",
        "end_session_endpoint": f"{OIDC}/logout",
        "backchannel_authentication_endpoint": f"{OIDC}/ext/ciba/auth",
        "authorization_response_iss_parameter_supported": True,
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "none"],
        "acr_values_supported": ["0", "0"],
    }
    return {n: v for n, v in {**bons, **changes}.items() if v is not None}


class Fournisseur:
    """Answers as Keycloak does; `gate[name]` replaces an answer, once or for good."""

    def __init__(self, **personne):
        self.personne = document(**personne)
        self.heure = float(MAINTENANT)
        self.ecart_s = 0.0
        self.requetes = []
        self.decouverte = decouverte()
        self.membres = {}
        self.reponse = {}
        self.gate = {}
        self.nonce = None

    def send(self, requete):
        """Answer one request, or fail as the network would."""
        self.requetes.append(requete)
        nom = self._name(requete)
        suite = self.gate.get(nom, [])
        gate = suite.pop(0) if isinstance(suite, list) and suite else suite or None
        if isinstance(gate, Exception):
            raise gate
        statut, genre, corps = gate or getattr(self, f"_{nom}")(requete)
        octets = corps if isinstance(corps, bytes) else json.dumps(corps).encode()
        date = "" if self.ecart_s is None else formatdate(self.heure - self.ecart_s, usegmt=True)
        return Retour(statut, genre, octets, 5, self.heure, date)

    def _name(self, requete):
        chemin = urlsplit(requete.url).path
        derniers = {
            "wallet-openid-configuration": "decouverte",
            "certs": "jwks",
            "userinfo": "userinfo",
            "introspect": "introspection",
            "revoke": "revocation",
            "logout": "deconnexion",
        }
        dernier = chemin.rsplit("/", 1)[1]
        if dernier in derniers:
            return derniers[dernier]
        return "ciba" if chemin.endswith("ciba/auth") else "jeton"

    def _decouverte(self, _requete):
        return 200, JSON, self.decouverte

    def _jwks(self, _requete):
        return 200, JSON, forge.jwks()

    def _jeton(self, requete):
        recu = formulaire(requete)
        nonce = self.nonce if recu["grant_type"] == "authorization_code" else None
        acces = f"acces-{len(self.requetes)}"
        membres = {
            "iat": int(self.heure),
            "exp": int(self.heure) + 120,
            "auth_time": int(self.heure),
            "nonce": nonce,
            "sub": self.personne["sub"],
            "SubjectNameID": self.personne["SubjectNameID"],
            "at_hash": forge.at_hash(acces),
            **self.membres,
        }
        reponse = {
            "access_token": acces,
            "token_type": "Bearer",
            "expires_in": 120,
            "refresh_token": f"renouvellement-{len(self.requetes)}",
            "refresh_expires_in": 1800,
            "id_token": forge.signe(forge.membres(**membres)),
            "session_state": "s1",
            "not-before-policy": 0,
            **self.reponse,
        }
        return 200, JSON, {n: v for n, v in reponse.items() if v is not None}

    def _userinfo(self, _requete):
        return 200, JSON, self.personne

    def _introspection(self, _requete):
        return 200, JSON, {"active": True}

    def _revocation(self, _requete):
        return 200, "", b""

    def _deconnexion(self, _requete):
        return 204, "", b""

    def _ciba(self, _requete):
        return 200, JSON, {"auth_req_id": "demande-1", "expires_in": 120, "interval": 5}

    def sent(self, nom):
        """The requests of one operation."""
        return [r for r in self.requetes if self._name(r) == nom]

    def client(self, magasin=None, **changes):
        """A relying party of this provider, with its secret."""
        reglages = Reglages(
            Pair(EMETTEUR, CLIENT),
            HOTES,
            RETOUR,
            "https://officine.exemple.test/psc/bye",
            **{"secret": SECRET, **changes},
        )
        return PscClient(reglages, self, magasin or MagasinMemoire(), lambda: self.heure)


def formulaire(requete):
    """The form of a request; a name given twice would be lost, and is an error."""
    paires = parse_qsl(requete.corps.decode(), strict_parsing=True)
    assert len(paires) == len(dict(paires))
    return dict(paires)


def erreur(code, statut=400, **autres):
    """An error of the protocol."""
    return statut, JSON, {"error": code, **autres}
