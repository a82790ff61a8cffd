"""Token endpoints: of Pro Santé Connect, and of the API (psc.md §1.4, §1.5, §1.9)."""

import hashlib
import hmac
import re

from simulators.commun.types import Reponse, Requete
from simulators.psc.ciba import GRANT_CIBA, Ciba
from simulators.psc.cles import b64
from simulators.psc.clients import MTLS, Client
from simulators.psc.etat import API, PSC, Code, Jeton, Octroi, Session
from simulators.psc.fond import SCOPES, Fond, thumbprint
from simulators.psc.jetons import issue, issue_api
from simulators.psc.oauth import Refus, facts, form, inject, json_reply, required

GRANT_ECHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TYPES_DE_SUJET = {
    "urn:ietf:params:oauth:token-type:access_token",
    "urn:ietf:params:oauth:token-type:jwt",
}
# Known of the server, given to none of these services.
_REFUSES = {
    *("password", "client_credentials", "implicit"),
    *("urn:ietf:params:oauth:grant-type:device_code", GRANT_ECHANGE),
}
# Scopes that mean the same at both servers.
_COMMUNS = {"openid", "profile", "email", "offline_access", "roles", "web-origins", "acr", "basic"}
_VERIFICATEUR = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


class Delivrance:
    """Gives tokens for a code, a refresh token, an approval, another token."""

    def __init__(self, fond: Fond, ciba: Ciba) -> None:
        self.fond = fond
        self.ciba = ciba

    def answer(self, requete: Requete) -> Reponse:
        """Answer the token endpoint of Pro Santé Connect."""
        params, client, genre = self._begin(requete)
        empreinte = self._binding(requete, client)
        if genre == "authorization_code":
            objet = issue(self.fond, self._of_code(client, params, empreinte))
        elif genre == "refresh_token":
            octroi = self._of_refresh(client, params, empreinte, PSC)
            objet = issue(self.fond, octroi, params["refresh_token"], params.get("scope", ""))
        elif genre == GRANT_CIBA:
            objet = issue(self.fond, self.ciba.poll(client, params, empreinte))
        else:
            raise Refus("unauthorized_client" if genre in _REFUSES else "unsupported_grant_type")
        reponse = json_reply(objet, "jeton")
        reponse.faits = facts(params, client.client_id)
        return reponse

    def answer_api(self, requete: Requete) -> Reponse:
        """Answer the token endpoint of the API: exchange and refresh, mutual TLS only."""
        params, client, genre = self._begin(requete)
        if client.methode != MTLS:
            raise Refus("invalid_client", "mutual TLS is mandatory here")
        empreinte = thumbprint(requete.certificat)
        if genre == GRANT_ECHANGE:
            octroi = self._of_exchange(client, params, empreinte)
        elif genre == "refresh_token":
            octroi = self._of_refresh(client, params, empreinte, API)
        else:
            raise Refus("unsupported_grant_type")
        objet = issue_api(self.fond, octroi, params.get("refresh_token", ""))
        reponse = json_reply(objet, "echange")
        reponse.faits = facts(params, client.client_id)
        return reponse

    def _begin(self, requete: Requete) -> tuple[dict[str, str], Client, str]:
        inject(requete)
        params = form(requete)
        client = self.fond.registre.authenticate(requete, params)
        return params, client, required(params, "grant_type")

    def _binding(self, requete: Requete, client: Client) -> bytes:
        """Return the certificate that the tokens are bound to, empty when they are not."""
        lie = client.methode == MTLS and client.lie
        return thumbprint(requete.certificat) if lie else b""

    # Code

    def _of_code(self, client: Client, params: dict[str, str], empreinte: bytes) -> Octroi:
        code = self.fond.memoire.codes.get(required(params, "code"))
        required(params, "redirect_uri")
        if code is None:
            raise Refus("invalid_grant", "Code not valid")
        if code.use:
            if code.octroi is not None:
                code.octroi.revoque = True
            raise Refus("invalid_grant", "Code already used")
        # It is burnt by whoever presents it, rightly or not.
        code.use = True
        self._check_code(code, client, params)
        code.octroi = Octroi(
            client, code.session, code.params["scope"], code.params["nonce"], empreinte
        )
        return code.octroi

    def _check_code(self, code: Code, client: Client, params: dict[str, str]) -> None:
        instant = self.fond.memoire.horloge.now()
        if code.fin <= instant or not code.session.is_alive(instant):
            raise Refus("invalid_grant", "Code expired")
        if code.client.client_id != client.client_id:
            raise Refus("invalid_grant", "Code of another client")
        if code.params["redirect_uri"] != params["redirect_uri"]:
            raise Refus("invalid_grant", "Incorrect redirect_uri")
        verificateur = params.get("code_verifier", "")
        if not _VERIFICATEUR.fullmatch(verificateur):
            raise Refus("invalid_grant", "PKCE code verifier missing or malformed")
        defi = b64(hashlib.sha256(verificateur.encode()).digest())
        if not hmac.compare_digest(defi, code.params["code_challenge"]):
            raise Refus("invalid_grant", "PKCE verification failed")

    # Refresh

    def _of_refresh(
        self, client: Client, params: dict[str, str], empreinte: bytes, royaume: str
    ) -> Octroi:
        presente = required(params, "refresh_token")
        jeton = self.fond.memoire.find(presente)
        if jeton is None or jeton.genre != "Refresh" or jeton.octroi.royaume != royaume:
            raise Refus("invalid_grant", "Invalid refresh token")
        if jeton.octroi.client.client_id != client.client_id:
            raise Refus("invalid_grant", "Refresh token of another client")
        if jeton.use:
            jeton.octroi.revoque = True
            raise Refus("invalid_grant", "Stale token: the grant is revoked")
        if self.fond.memoire.find_alive(presente) is None:
            raise Refus("invalid_grant", "Token is not active")
        if jeton.octroi.empreinte and jeton.octroi.empreinte != empreinte:
            raise Refus("invalid_grant", "Client certificate missing, or not the same")
        return self._narrowed(jeton, params)

    def _narrowed(self, jeton: Jeton, params: dict[str, str]) -> Octroi:
        demande = params.get("scope", jeton.octroi.scope).split()
        if set(demande) - set(jeton.octroi.scope.split()):
            raise Refus("invalid_scope", "wider than what was given")
        return jeton.octroi

    # Exchange

    def _of_exchange(self, client: Client, params: dict[str, str], empreinte: bytes) -> Octroi:
        presente = required(params, "subject_token")
        if required(params, "subject_token_type") not in _TYPES_DE_SUJET:
            raise Refus("invalid_request", "subject_token_type")
        if params.get("subject_issuer", "psc") != "psc":
            raise Refus("invalid_request", "subject_issuer")
        if "actor_token" in params and "actor_token_type" not in params:
            raise Refus("invalid_request", "actor_token_type")
        scope = params.get("scope", "openid email profile")
        if not _SCOPE.fullmatch(scope) or (set(scope.split()) & set(SCOPES)) - _COMMUNS:
            raise Refus("invalid_scope", "scope of Pro Santé Connect, not of the API")
        sujet = self.fond.memoire.find_alive(presente)
        if sujet is None or sujet.genre != "Bearer" or sujet.octroi.royaume != PSC:
            # RFC 8693 §2.2.2: whatever is wrong with the subject token.
            raise Refus("invalid_request", "subject_token is invalid or expired")
        if sujet.octroi.client.client_id != client.client_id:
            raise Refus("invalid_request", "subject_token of another client")
        return self._exchanged(client, sujet.octroi.session, scope, empreinte)

    def _exchanged(self, client: Client, session: Session, scope: str, empreinte: bytes) -> Octroi:
        """Return a grant of the API: it outlives the session it came from."""
        instant = self.fond.memoire.horloge.now()
        copie = Session(session.personne, session.moyen, instant, instant, sid=session.sid)
        return Octroi(client, copie, scope, None, empreinte, royaume=API)
