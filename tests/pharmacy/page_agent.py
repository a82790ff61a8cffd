"""The page of an operator and the agent of its poste, as the server meets them."""

import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as reglages

from agent import jws
from agent.policy import Acces, Enrolement
from agent.receipts import Registre
from pharmacy.isolation.contexte import officine_context
from pharmacy.postes.services import enrol_local, session_hash
from tests.agent.poste import carte

PORTES = {
    "jetons": "/api/agent/jetons",
    "presence": "/api/agent/presence",
    "nonces": "/api/agent/nonces",
    "lectures": "/api/agent/lectures",
    "carte_retiree": "/api/agent/carte-retiree",
    "preparer": "/api/agent/signatures/preparer",
    "terminer": "/api/agent/signatures/terminer",
    "scans": "/api/scans",
}
VITALE = carte("vitale-01")["vitale"]
BOITE = "3400930065785"


def post(client, porte, corps):
    """Post a body (bytes as they are); a refusal is a sentence with its code."""
    brut = corps if isinstance(corps, bytes) else json.dumps(corps).encode()
    reponse = client.post(PORTES[porte], brut, content_type="application/json")
    if reponse.status_code >= 400:
        suite = reponse.json()
        assert suite["phrase"].endswith(".")
        assert suite["code"]
        assert suite["ton"] == "alerte"
    return reponse


class Agent:
    """The agent of a poste, its own code for the receipts, and the page of one operator."""

    def __init__(self, troupe, dossier, code="A01"):
        self.troupe, self.code = troupe, code
        self.cle = Ed25519PrivateKey.generate()
        with officine_context(troupe.officine.pk):
            enrol_local(troupe.postes[0], jws.public_raw(self.cle))
        self.wid = troupe.postes[0].wid
        dossier.mkdir()
        emetteur = Enrolement(self.wid, (reglages.ADRESSE,), reglages.ADRESSE, [])
        self.registre = Registre(self.cle, emetteur, dossier)
        self.client = troupe.client(code)

    @property
    def sid(self):
        return session_hash(self.client.cookies[reglages.SESSION_COOKIE_NAME].value)

    def post(self, porte, corps):
        return post(self.client, porte, corps)

    def nonce(self, op="vitale.read"):
        return self.post("nonces", {"op": op}).json()["nonce"]

    def recu(self, op, nonce, data, /, **claims):
        """The receipt of a reading, any claim changed."""
        acces = Acces(str(self.troupe.operateurs[self.code].pk), self.sid, 0, frozenset(), "")
        pilote = {"name": "scripte", "version": "1", "simulated": True}
        contenu = {"op": op, "nonce": nonce, "driver": pilote, **claims}
        return self.registre.sign(acces, time.time(), contenu, data)

    def lecture(self, data=VITALE, op="vitale.read", vente=None, **claims):
        """The body of a reading that the server believes."""
        recu = self.recu(op, self.nonce(op), data, **claims)
        return {"op": op, "data": data, "receipt": recu, "vente": vente and vente.pk}

    def preuve(self, cle=None, typ="agent-proof+jwt", **claims):
        contenu = {"jti": "j", "sid": self.sid, "challenge": "c", "agent": "1.4.0"}
        return jws.sign(cle or self.cle, typ, {**contenu, "iat": int(time.time()), **claims})

    def demande(self, cps):
        """Ask for a signature; (id, claims of the request)."""
        certificat = base64.b64encode(cps.certificate).decode()
        reponse = self.post("preparer", {"service": "epu", "certificat_b64": certificat}).json()
        return reponse["id"], claims_of(reponse["request"])

    def signature(self, cps, **change):
        """The body of a signature that the server accepts."""
        ident, claims = self.demande(cps)
        digest = base64.b64decode(claims["items"][0]["digest_b64"])
        signature = base64.b64encode(cps.sign(digest)).decode()
        items = [{"id": "1", "alg": "RS256", "sig_b64": signature}]
        corps = {
            "id": ident,
            "signatures": items,
            "certificate_b64": base64.b64encode(cps.certificate).decode(),
            "receipt": self.recu("cps.sign", ident, {"signatures": items}),
        }
        return {**corps, **change}


def claims_of(jeton):
    return json.loads(jws.unb64(jeton.split(".")[1]))


def refus(reponse, code, statut=409):
    assert (reponse.status_code, reponse.json()["code"]) == (statut, code), reponse.content
    return reponse.json()["phrase"]
