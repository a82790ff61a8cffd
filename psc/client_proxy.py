"""A proxy e-santé: connect, send, disconnect, by mutual TLS (psc.md §1.9, PSC-18).

After the contract of the ANS's example. The proxy calls the telephone, exchanges the tokens and
keeps them; we hold the name of its session only, which is in no address, no log and no error.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Literal

from psc.errors import error_of
from psc.rules.userinfo import UserinfoIllisible, read_json
from teleservices.errors import OutcomeUnknown, TeleserviceError
from teleservices.transport import Requete, Retour, Transport

TEMOIN = "proxy_session_id"
# The person has two minutes on the telephone; the proxy then exchanges the tokens.
CONNEXION_S = 150.0
ENVOI_S = 30.0
_MOT = re.compile(r"[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*")
_SESSION = re.compile(r"[A-Za-z0-9_.-]{8,128}")
Methode = Literal["GET", "POST", "DELETE"]


@dataclass(frozen=True)
class SessionProxy:
    """A session at the proxy. `deja`: it was open before, nobody was asked anything."""

    identifiant: str = field(repr=False)
    session_state: str = ""
    deja: bool = False


class ProxyClient:
    """Talks to one proxy. Safe to share between threads: nothing of a person is kept."""

    def __init__(self, adresse: str, client_id: str, transport: Transport) -> None:
        self._adresse = adresse.rstrip("/")
        self._client_id = client_id
        self._transport = transport

    def connect(
        self, national: str, nombre: str, canal: str = "MOBILE", connue: SessionProxy | None = None
    ) -> SessionProxy:
        """Connect a professional; the call lasts until they answer on their telephone.

        `connue` is a session we may still have: « already active » (304) gives it back. Raises
        ciba_inconnu, demande_refusee, psc_indisponible (also a refusal on the telephone: no reading
        of the contract tells them apart), psc_sans_reponse. Source: psc.md §1.9; case 95.
        """
        demande = {
            "nationalId": national,
            "bindingMessage": nombre,
            "clientId": self._client_id,
            "channel": canal,
        }
        corps = json.dumps(demande).encode()
        recu = self._call("POST", "/connect", corps, connue, lecture_s=CONNEXION_S)
        if recu.statut == 304:
            if connue is None:
                raise error_of("session_absente")
            return SessionProxy(connue.identifiant, connue.session_state, deja=True)
        if recu.statut == 404:
            raise error_of("ciba_inconnu")
        if recu.statut != 200:
            raise error_of("demande_refusee")
        return _read(recu)

    def send(
        self,
        session: SessionProxy,
        service: str,
        chemin: str,
        methode: Methode = "POST",
        corps: bytes = b"",
        genre: str = "application/json",
    ) -> Retour:
        """Send a call of a connected service through the proxy; return the reply as it came.

        Raises session_terminee, psc_indisponible. ValueError for a path that is not one: a mistake
        of ours. Source: psc.md §1.9.
        """
        if not (_MOT.fullmatch(service) and _MOT.fullmatch(chemin)) or ".." in chemin:
            raise ValueError("path of a connected service")
        return self._call(methode, f"/send/{service}/{chemin}", corps, session, genre=genre)

    def disconnect(self, session: SessionProxy) -> None:
        """End a session of the proxy, and that of Pro Santé Connect; one that is over is no error.

        Source: psc.md §1.9, §3.9.
        """
        try:
            self._call("DELETE", "/disconnect", b"", session)
        except TeleserviceError as exc:
            if exc.code != "session_terminee":
                raise

    def _call(
        self,
        methode: Methode,
        chemin: str,
        corps: bytes,
        session: SessionProxy | None,
        *,
        lecture_s: float = ENVOI_S,
        genre: str = "application/json",
    ) -> Retour:
        entetes = {"Accept": "*/*"}
        if corps:
            entetes["Content-Type"] = genre
        if session is not None:
            entetes["Cookie"] = f"{TEMOIN}={session.identifiant}"
        requete = Requete(self._adresse + chemin, corps, entetes, lecture_s, methode=methode)
        try:
            recu = self._transport.send(requete)
        except OutcomeUnknown as exc:
            raise error_of("psc_sans_reponse") from exc
        if recu.statut == 401:
            raise error_of("session_terminee")
        if recu.statut >= 500:
            raise error_of("psc_indisponible")
        return recu


def _read(recu: Retour) -> SessionProxy:
    """Return the session of an answer. InvalidReply (psc_illisible) for anything else."""
    try:
        lu = read_json(recu.corps)
    except UserinfoIllisible as exc:
        raise error_of("psc_illisible") from exc
    identifiant, etat = lu.get("proxy_session_id"), lu.get("session_state", "")
    if not isinstance(identifiant, str) or not _SESSION.fullmatch(identifiant):
        raise error_of("psc_illisible")
    return SessionProxy(identifiant, etat if isinstance(etat, str) else "")
