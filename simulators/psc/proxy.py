"""Proxy e-Santé, after the reference contract of the ANS (psc.md §1.9): CIBA behind one call."""

import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from simulators.commun.types import Reponse, Requete
from simulators.psc.autorisation import cookies_of
from simulators.psc.ciba import APPROUVEE, ATTENTE, SERVIE, Appel, Ciba
from simulators.psc.clients import subject_of
from simulators.psc.deconnexion import Deconnexion
from simulators.psc.etat import SESSION_S, Session
from simulators.psc.fond import BASE, Fond
from simulators.psc.oauth import SANS_CACHE, Refus, json_reply

PROXY = f"{BASE}/proxy"
TEMOIN = "proxy_session_id"
_REGARD_S = 0.2


@dataclass
class SessionProxy:
    """One professional and one software, connected."""

    session: Session
    client_id: str
    fin: float
    ouverte: bool = True


class _Erreur(Exception):
    """Refused by this status: a code, and the members at fault."""

    def __init__(self, statut: int, code: str, **membres: str) -> None:
        super().__init__(code)
        self.statut = statut
        self.code = code
        self.membres = membres


class Proxy:
    """Holds the sessions of the proxy; waits for the phone under the lock of the service."""

    def __init__(
        self, fond: Fond, ciba: Ciba, deconnexion: Deconnexion, verrou: threading.Condition
    ) -> None:
        self.fond = fond
        self.ciba = ciba
        self.deconnexion = deconnexion
        self.verrou = verrou
        self.sessions: dict[str, SessionProxy] = {}
        self.traces: list[dict[str, Any]] = []

    def forget(self) -> None:
        """Forget sessions and traces."""
        self.sessions.clear()
        self.traces.clear()

    def answer(self, requete: Requete) -> Reponse:
        """Answer any address of the proxy."""
        try:
            return self._dispatch(requete)
        except _Erreur as erreur:
            objet = {"code": erreur.code, "message": erreur.code, "metadata": erreur.membres}
            return json_reply(objet, "", erreur.code, erreur.statut)

    def _dispatch(self, requete: Requete) -> Reponse:
        morceaux = urlsplit(requete.chemin)
        chemin = morceaux.path.removeprefix(PROXY)
        if requete.faute:
            raise _Erreur(503, requete.faute)
        if (requete.methode, chemin) == ("POST", "/connect"):
            return self._connect(requete)
        if (requete.methode, chemin) == ("DELETE", "/disconnect"):
            return self._disconnect(requete)
        if (requete.methode, chemin) == ("GET", "/traces"):
            return self._traces(parse_qs(morceaux.query))
        return self._send(requete, chemin)

    # Connection

    def _connect(self, requete: Requete) -> Reponse:
        demande = _read(requete)
        ouverte = self._of_cookie(requete)
        qui = (demande["nationalId"], demande["clientId"])
        if ouverte and (ouverte.session.personne.identifiant, ouverte.client_id) == qui:
            self._trace("CONNECT_REPLAY", requete, *qui)
            return Reponse(304, b"", "304", type_contenu="text/plain", entetes=SANS_CACHE)
        try:
            session = self._authenticate(demande)
        except (_Erreur, Refus):
            self._trace("CONNECT_FAILURE", requete, *qui)
            raise
        self.fond.anomalies.begin(requete)
        numero = str(uuid4())
        fin = self.fond.memoire.horloge.now() + SESSION_S
        self.sessions[numero] = SessionProxy(session, demande["clientId"], fin)
        self._trace("CONNECT_SUCCESS", requete, *qui, numero)
        objet = {"proxy_session_id": numero, "session_state": session.sid}
        reponse = json_reply(objet, "")
        reponse.entetes = (*reponse.entetes, ("Set-Cookie", f"{TEMOIN}={numero}; Path={PROXY}"))
        return reponse

    def _authenticate(self, demande: dict[str, str]) -> Session:
        """Ring the phone and wait for it: the lock is given back meanwhile."""
        client = self.fond.registre.clients.get(demande["clientId"])
        if client is None:
            raise _Erreur(404, "unknown_client", clientId=demande["clientId"])
        try:
            appel = self.ciba.call(client, demande)
        except Refus as refus:
            if refus.code != "unknown_user_id":
                raise _Erreur(400, refus.code) from refus
            raise _Erreur(404, refus.code, nationalId=demande["nationalId"]) from refus
        while appel.etat == ATTENTE and self.fond.memoire.horloge.now() < appel.fin:
            self.verrou.wait(_REGARD_S)
        return self._approved(appel)

    def _approved(self, appel: Appel) -> Session:
        etat, appel.etat = appel.etat, SERVIE
        if etat != APPROUVEE:
            raise _Erreur(503, "expired_token" if etat == ATTENTE else "access_denied")
        instant = self.fond.memoire.horloge.now()
        session = Session(appel.personne, appel.canal, instant, instant)
        session.clients[appel.client.client_id] = None
        self.fond.memoire.keep_session(session)
        return session

    def _of_cookie(self, requete: Requete) -> SessionProxy | None:
        """Return the living session of this cookie; the 4 h of the proxy, not of the phone."""
        trouvee = self.sessions.get(cookies_of(requete).get(TEMOIN, ""))
        if trouvee is None or not trouvee.ouverte:
            return None
        return trouvee if self.fond.memoire.horloge.now() < trouvee.fin else None

    def _connected(self, requete: Requete) -> SessionProxy:
        ouverte = self._of_cookie(requete)
        if ouverte is None:
            raise _Erreur(401, "no_session")
        return ouverte

    # Use

    def _send(self, requete: Requete, chemin: str) -> Reponse:
        """Relay: the service behind says who it was asked for."""
        ouverte = self._connected(requete)
        if chemin.count("/") < 3:
            raise _Erreur(502, "unknown_service")
        personne = ouverte.session.personne
        qui = (personne.identifiant, ouverte.client_id)
        self._trace("SEND", requete, *qui, cookies_of(requete)[TEMOIN], chemin)
        return json_reply(
            {
                "service": chemin.split("/")[2],
                "methode": requete.methode,
                "chemin": chemin,
                "SubjectNameID": personne.identifiant,
                "octets": len(requete.corps),
            },
            "",
        )

    def _disconnect(self, requete: Requete) -> Reponse:
        ouverte = self._connected(requete)
        ouverte.ouverte = False
        self.deconnexion.close(ouverte.session)
        qui = (ouverte.session.personne.identifiant, ouverte.client_id)
        self._trace("DISCONNECT", requete, *qui, cookies_of(requete)[TEMOIN])
        reponse = json_reply({}, "")
        retrait = ("Set-Cookie", f"{TEMOIN}=; Path={PROXY}; Max-Age=0")
        reponse.entetes = (*reponse.entetes, retrait)
        return reponse

    # Traces

    def _trace(
        self,
        genre: str,
        requete: Requete,
        national: str,
        client_id: str,
        numero: str = "",
        resume: str = "",
    ) -> None:
        session = self.sessions.get(numero)
        self.traces.append(
            {
                "type": genre,
                "clientId": client_id,
                "IdRPPS": national,
                "proxy_id_session": numero,
                "session_state": session.session.sid if session else "",
                "dn": subject_of(requete.certificat),
                "timestamp": datetime.now(UTC).isoformat(),
                "request": resume,
            }
        )

    def _traces(self, bornes: dict[str, list[str]]) -> Reponse:
        """Return the lines between two instants; `start` is mandatory."""
        try:
            debut, fin = (
                datetime.fromisoformat(bornes[nom][0]).timestamp() if nom in bornes else defaut
                for nom, defaut in (("start", None), ("end", time.time() + 1))
            )
        except ValueError as exc:
            raise _Erreur(400, "date") from exc
        if debut is None or fin is None:
            raise _Erreur(400, "start")
        lignes = [
            ligne
            for ligne in self.traces
            if debut <= datetime.fromisoformat(ligne["timestamp"]).timestamp() <= fin
        ]
        return json_reply(lignes, "")


def _read(requete: Requete) -> dict[str, str]:
    """Return the members of a connection; _Erreur 400 when one is missing or is not text."""
    try:
        objet = json.loads(requete.corps)
    except (ValueError, RecursionError) as exc:
        raise _Erreur(400, "json") from exc
    if not isinstance(objet, dict):
        raise _Erreur(400, "json")
    for nom in ("nationalId", "bindingMessage", "clientId", "channel"):
        if not isinstance(objet.get(nom), str):
            raise _Erreur(400, "missing_field", **{nom: ""})
    return {str(nom): str(valeur) for nom, valeur in objet.items()}
