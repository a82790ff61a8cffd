"""End of session: asked by the service, by the browser, or by the OP (psc.md §1.7, §5.6)."""

import http.client
import secrets
import ssl
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

from simulators.commun.types import Reponse, Requete
from simulators.psc import pages
from simulators.psc.autorisation import TEMOIN, Autorisation, cookies_of
from simulators.psc.clients import Client
from simulators.psc.etat import Session
from simulators.psc.fond import OIDC, Fond
from simulators.psc.jetons import logout_claims
from simulators.psc.oauth import PageErreur, Refus, add_query, facts, form, parse, redirect

_DELAI_S = 5
_AUTRE = "un-autre-service"


class Deconnexion:
    """Ends sessions, and tells the services that take part in them."""

    def __init__(self, fond: Fond, autorisation: Autorisation) -> None:
        self.fond = fond
        self.autorisation = autorisation
        self.confirmations: dict[str, str] = {}
        self.envois: list[dict[str, Any]] = []

    def forget(self) -> None:
        """Forget what was sent."""
        self.confirmations.clear()
        self.envois.clear()

    # Asked by the service (RP-initiated logout)

    def answer(self, requete: Requete) -> Reponse:
        """Answer the end-session endpoint."""
        if requete.faute:
            raise PageErreur(requete.faute, "La déconnexion est refusée.")
        try:
            brut = urlsplit(requete.chemin).query
            params = form(requete) if requete.methode == "POST" else parse(brut)
        except Refus as exc:
            raise PageErreur("requete_illisible", "La demande est mal formée.") from exc
        indice = self._hint(params)
        client = self._client(params, indice)
        retour = params.get("post_logout_redirect_uri", "")
        if retour and (client is None or retour not in client.apres_deconnexion):
            raise PageErreur("post_logout_redirect_uri", "L'adresse de retour n'est pas déclarée.")
        cookie = cookies_of(requete).get(TEMOIN, "")
        session = self.fond.memoire.by_cookie(cookie)
        if indice is not None:
            session = self.fond.memoire.sessions.get(str(indice.get("sid", "")))
        elif session is not None and not self._is_confirmed(params, session):
            return self._confirm(params, session)
        if session is not None:
            self.close(session)
        return self._done(params, retour)

    def _hint(self, params: dict[str, str]) -> dict[str, Any] | None:
        """Return the claims of the hint, also an expired one; PageErreur when it is not ours."""
        if "id_token_hint" not in params:
            return None
        claims = self.fond.trousseau.read(params["id_token_hint"])
        if (
            claims is None
            or claims.get("iss") != self.fond.emetteur
            or claims.get("typ", "ID") != "ID"
        ):
            raise PageErreur("id_token_hint", "La demande de déconnexion n'est pas reconnue.")
        return claims

    def _client(self, params: dict[str, str], indice: dict[str, Any] | None) -> Client | None:
        identifiant = str((indice or {}).get("azp", params.get("client_id", "")))
        if params.get("client_id", identifiant) != identifiant:
            raise PageErreur("client_id", "La demande de déconnexion se contredit.")
        return self.fond.registre.clients.get(identifiant)

    def _is_confirmed(self, params: dict[str, str], session: Session) -> bool:
        sid = self.confirmations.pop(params.get("confirmation", ""), "")
        return "confirmer" in params and sid == session.sid

    def _confirm(self, params: dict[str, str], session: Session) -> Reponse:
        jeton = secrets.token_urlsafe(24)
        self.confirmations[jeton] = session.sid
        gardes = {
            nom: params[nom]
            for nom in ("client_id", "post_logout_redirect_uri", "state")
            if nom in params
        }
        champs = gardes | {"confirmation": jeton}
        return pages.confirm_logout(f"{OIDC}/logout", champs, session.personne.nom)

    def _done(self, params: dict[str, str], retour: str) -> Reponse:
        cookie = self.autorisation.cookie(TEMOIN, "")
        if not retour:
            reponse = pages.logged_out((cookie,))
            reponse.faits = facts(params)
            return reponse
        etat = [("state", params["state"])] if "state" in params else []
        reponse = redirect(add_query(retour, etat), "deconnexion", "retour", facts(params))
        reponse.entetes = (*reponse.entetes, ("Set-Cookie", cookie))
        return reponse

    # Told to the services (back-channel logout)

    def close(self, session: Session) -> None:
        """End a session, and tell each service that took part in it."""
        if session.fermee:
            return
        session.fermee = True
        for client_id in session.clients:
            client = self.fond.registre.clients.get(client_id)
            if client is not None and client.deconnexion_serveur:
                self._tell(client, session)

    def _tell(self, client: Client, session: Session) -> None:
        voulues = self.fond.anomalies.take("logout_token")
        jeton = self._token(client, session, voulues)
        for _ in range(2 if "rejoue" in voulues else 1):
            envoi: dict[str, Any] = {
                "client_id": client.client_id,
                "sid": session.sid,
                "anomalies": sorted(voulues),
                "statut": None,
            }
            self.envois.append(envoi)
            adresse, ac = client.deconnexion_serveur, str(self.fond.tls / "ac-serveurs.pem")
            threading.Thread(target=_post, args=(adresse, jeton, ac, envoi), daemon=True).start()

    def _token(self, client: Client, session: Session, voulues: frozenset[str]) -> str:
        claims = logout_claims(self.fond, client.client_id, session.sid, session.personne.sub)
        retires = {
            "sub_seul": ("sid",),
            "sans_sujet": ("sid", "sub"),
            "sans_evenement": ("events",),
        }
        for nom, membres in retires.items():
            if nom in voulues:
                for membre in membres:
                    claims.pop(membre, None)
        changes: dict[str, dict[str, Any]] = {
            "avec_nonce": {"nonce": secrets.token_urlsafe(24)},
            "logout_aud_autre": {"aud": _AUTRE},
            "logout_iat_ancien": {"iat": claims["iat"] - 1200},
            "logout_iss_autre": {"iss": self.fond.emetteur + "-autre"},
            "typ_id": {"typ": "ID"},
        }
        for nom, change in changes.items():
            if nom in voulues:
                claims |= change
        if "logout_alg_none" in voulues:
            return self.fond.trousseau.sign_none(claims)
        typ = "logout+jwt" if "typ_logout_jwt" in voulues else "JWT"
        return self.fond.trousseau.sign(claims, typ=typ)


def _post(adresse: str, jeton: str, ac: str, envoi: dict[str, Any]) -> None:
    """Deliver a logout token; redirections are not followed, the status is noted."""
    morceaux = urlsplit(adresse)
    hote, chemin = morceaux.hostname or "", morceaux.path or "/"
    if morceaux.scheme == "https":
        contexte = ssl.create_default_context(cafile=ac)
        connexion: http.client.HTTPConnection = http.client.HTTPSConnection(
            hote, morceaux.port, timeout=_DELAI_S, context=contexte
        )
    else:
        connexion = http.client.HTTPConnection(hote, morceaux.port, timeout=_DELAI_S)
    corps = urlencode({"logout_token": jeton})
    entetes = {"Content-Type": "application/x-www-form-urlencoded"}
    if morceaux.query:
        chemin = f"{chemin}?{morceaux.query}"
    try:
        connexion.request("POST", chemin, corps, entetes)
        envoi["statut"] = connexion.getresponse().status
    except (OSError, http.client.HTTPException) as exc:
        envoi["statut"] = type(exc).__name__
    finally:
        connexion.close()
