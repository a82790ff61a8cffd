"""CIBA, poll mode: a request waits until the phone or the card answers (psc.md §1.8)."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from simulators.commun.types import Reponse, Requete
from simulators.psc.autorisation import check_level, check_scope
from simulators.psc.clients import Client
from simulators.psc.etat import Octroi, Session
from simulators.psc.fond import Fond
from simulators.psc.oauth import Refus, facts, form, inject, json_reply, required
from simulators.psc.personnes import Personne

GRANT_CIBA = "urn:openid:params:grant-type:ciba"
DUREE_S = 120
_RALENTI_S = 5
ATTENTE, APPROUVEE, REFUSEE, SERVIE = "attente", "approuvee", "refusee", "servie"


@dataclass
class Appel:
    """One request; `personne` becomes another's when the phone plays that trick."""

    client: Client
    personne: Personne
    numero: str
    canal: str
    scope: str
    duree_s: int
    fin: float
    intervalle: float
    etat: str = ATTENTE
    sondage: float | None = None
    ref: str = field(default_factory=lambda: secrets.token_hex(4))


class Ciba:
    """The requests that wait, and the phones that answer them."""

    def __init__(self, fond: Fond, intervalle_s: int) -> None:
        self.fond = fond
        self.depart_s = self.intervalle_s = intervalle_s
        self.appels: dict[str, Appel] = {}

    def forget(self) -> None:
        """No phone rings any more."""
        self.appels.clear()
        self.intervalle_s = self.depart_s

    # Service

    def start(self, requete: Requete) -> Reponse:
        """Answer the backchannel authentication endpoint."""
        inject(requete)
        params = form(requete)
        client = self.fond.registre.authenticate(requete, params)
        if not client.ciba:
            raise Refus("unauthorized_client", "CIBA is not activated for this client")
        appel = self._read(client, params)
        oubli = self.fond.memoire.horloge.now() - DUREE_S
        self.appels = {n: a for n, a in self.appels.items() if a.fin > oubli}
        identifiant = secrets.token_urlsafe(32)
        self.appels[identifiant] = appel
        objet: dict[str, Any] = {
            "auth_req_id": identifiant,
            "expires_in": appel.duree_s,
            "interval": int(appel.intervalle),
        }
        if "sans_intervalle" in self.fond.anomalies.take("ciba"):
            del objet["interval"]
            appel.intervalle = 5
        reponse = json_reply(objet, "ciba")
        reponse.faits = {**facts(params, client.client_id), "ref": appel.ref}
        return reponse

    def _read(self, client: Client, params: dict[str, str]) -> Appel:
        check_scope(params)
        if {"login_hint_token", "id_token_hint"} & set(params):
            raise Refus("invalid_request", "login_hint is the only hint")
        indice = required(params, "login_hint")
        numero = params.get("binding_message", "")
        if not re.fullmatch(r"[0-9]{2}", numero):
            raise Refus("invalid_binding_message", "two digits")
        check_level(params)
        canal = params.get("channel", "MOBILE")
        if canal not in {"MOBILE", "CARD"}:
            raise Refus("invalid_request", "channel must be MOBILE or CARD")
        voulue = params.get("requested_expiry", str(DUREE_S))
        if not re.fullmatch(r"[1-9][0-9]{0,5}", voulue):
            raise Refus("invalid_request", "requested_expiry")
        personne = self.fond.by_identifier(indice)
        if personne is None or canal not in personne.moyens:
            raise Refus("unknown_user_id", "nobody, or not by this means")
        duree = min(int(voulue), DUREE_S)
        fin = self.fond.memoire.horloge.now() + duree
        return Appel(
            client, personne, numero, canal, params["scope"], duree, fin, self.intervalle_s
        )

    def call(self, client: Client, demande: dict[str, str]) -> Appel:
        """Ring the phone for the proxy e-Santé: its members, in the words of CIBA."""
        if not client.ciba:
            raise Refus("unauthorized_client")
        params = {
            "scope": "openid scope_all",
            "acr_values": "eidas1",
            "login_hint": demande["nationalId"],
            "binding_message": demande["bindingMessage"],
            "channel": demande["channel"],
        }
        appel = self._read(client, {nom: valeur for nom, valeur in params.items() if valeur})
        self.appels[secrets.token_urlsafe(32)] = appel
        return appel

    def poll(self, client: Client, params: dict[str, str], empreinte: bytes) -> Octroi:
        """Return what was approved; Refus says to wait, to slow down or to stop."""
        appel = self.appels.get(required(params, "auth_req_id"))
        if appel is None or appel.client.client_id != client.client_id or appel.etat == SERVIE:
            raise Refus("invalid_grant", "unknown auth_req_id, or already served")
        instant = self.fond.memoire.horloge.now()
        if appel.fin <= instant:
            raise Refus("expired_token")
        avant, appel.sondage = appel.sondage, instant
        if avant is not None and instant - avant < appel.intervalle:
            appel.intervalle += _RALENTI_S
            raise Refus("slow_down")
        if appel.etat == ATTENTE:
            raise Refus("authorization_pending")
        etat, appel.etat = appel.etat, SERVIE
        if etat == REFUSEE:
            raise Refus("access_denied")
        session = Session(appel.personne, appel.canal, instant, instant)
        session.clients[client.client_id] = None
        self.fond.memoire.keep_session(session)
        return Octroi(client, session, appel.scope, None, empreinte)

    # Phone

    def ringing(self) -> list[dict[str, Any]]:
        """Return what phones and cards show now."""
        instant = self.fond.memoire.horloge.now()
        return [
            {
                "ref": appel.ref,
                "nom": appel.personne.nom,
                "identifiant": appel.personne.identifiant,
                "numero": appel.numero,
                "canal": appel.canal,
                "service": appel.client.client_id,
                "reste_s": int(appel.fin - instant),
            }
            for appel in self.appels.values()
            if appel.etat == ATTENTE and appel.fin > instant
        ]

    def press(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Approve or refuse: {ref, geste, autre?}, `autre` being who approves in their place."""
        ref, geste = str(corps["ref"]), str(corps["geste"])
        instant = self.fond.memoire.horloge.now()
        vivants = [a for a in self.appels.values() if a.etat == ATTENTE and a.fin > instant]
        appel = next((a for a in vivants if a.ref == ref), None)
        if appel is None:
            raise LookupError(ref)
        if geste not in {"approuver", "refuser"}:
            raise ValueError("geste : approuver ou refuser")
        if corps.get("autre"):
            appel.personne = self.fond.personnes[str(corps["autre"])]
        appel.etat = APPROUVEE if geste == "approuver" else REFUSEE
        return {"ref": ref, "etat": appel.etat}
