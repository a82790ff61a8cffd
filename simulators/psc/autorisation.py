"""Authorization: what is asked, who signs in, where the browser goes back (psc.md §1.4)."""

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from simulators.commun.types import Reponse, Requete
from simulators.psc import pages
from simulators.psc.clients import Client
from simulators.psc.etat import CODE_S, DEMANDE_S, Code, Session
from simulators.psc.fond import BASE, PORTAIL, SCOPES, Fond
from simulators.psc.oauth import (
    PageErreur,
    Refus,
    add_query,
    facts,
    form,
    inject,
    json_reply,
    parse,
    redirect,
    required,
)

CHOIX = f"{PORTAIL}/choix"
TEMOIN, ESSAI = "KEYCLOAK_IDENTITY", "AUTH_SESSION_ID"
_URN_PAR = "urn:ietf:params:oauth:request_uri:"
_PAR_S = 60
_DEFI = re.compile(r"[A-Za-z0-9_-]{43}")
# 128 bits, the least that psc.md §1.4 allows, are 22 characters of base64url.
_HASARD = re.compile(r"[\x21-\x7e]{22,512}")
_PROMPTS = {"none", "login", "consent", "select_account"}


@dataclass
class Demande:
    """A browser that looks at the choice page; `essai` is the cookie of that browser."""

    client: Client
    params: dict[str, str]
    essai: str
    fin: float


def cookies_of(requete: Requete) -> dict[str, str]:
    """Return the cookies of a request, none when they cannot be read."""
    try:
        lus = SimpleCookie(requete.entetes.get("cookie", ""))
    except CookieError:
        return {}
    return {nom: morceau.value for nom, morceau in lus.items()}


def check_scope(params: dict[str, str]) -> None:
    """Refuse a scope that misses openid or scope_all, or names what does not exist."""
    demandes = required(params, "scope").split()
    if not {"openid", "scope_all"} <= set(demandes) or set(demandes) - set(SCOPES):
        raise Refus("invalid_scope", "scope must be openid scope_all")


def check_level(params: dict[str, str]) -> None:
    """Refuse another level than the only one accepted (psc.md §1.4)."""
    if required(params, "acr_values") != "eidas1":
        raise Refus("invalid_request", "acr_values must be eidas1")


def _check_freshness(params: dict[str, str]) -> None:
    prompts = set(params.get("prompt", "").split())
    if prompts - _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise Refus("invalid_request", "prompt")
    if not re.fullmatch(r"[0-9]{0,9}", params.get("max_age", "")):
        raise Refus("invalid_request", "max_age")


class Autorisation:
    """The wallet: it shows the choice page, and gives codes."""

    def __init__(self, fond: Fond) -> None:
        self.fond = fond
        self.demandes: dict[str, Demande] = {}
        self.poussees: dict[str, tuple[str, dict[str, str], float]] = {}

    def forget(self) -> None:
        """Forget the pages that are open."""
        self.demandes.clear()
        self.poussees.clear()

    # Request

    def authorize(self, requete: Requete) -> Reponse:
        """Answer an authorization request: a page, a code, or an error of RFC 6749 §4.1.2.1."""
        try:
            brut = urlsplit(requete.chemin).query
            params = form(requete) if requete.methode == "POST" else parse(brut)
        except Refus as exc:
            raise PageErreur(
                "requete_illisible", "La demande de connexion est mal formée."
            ) from exc
        params = self._pushed(params)
        client = self._client(params)
        try:
            inject(requete)
            self._check(client, params)
            return self._go_on(requete, client, params)
        except Refus as refus:
            return self._back_refused(params, refus)

    def _client(self, params: dict[str, str]) -> Client:
        client = self.fond.registre.clients.get(params.get("client_id", ""))
        if client is None:
            raise PageErreur("client_inconnu", "Ce service n'est pas déclaré.")
        if params.get("redirect_uri") not in client.retours:
            raise PageErreur("redirect_uri", "L'adresse de retour n'est pas une adresse déclarée.")
        return client

    def _check(self, client: Client, params: dict[str, str]) -> None:
        if "request" in params:
            raise Refus("request_not_supported")
        if "request_uri" in params:
            raise Refus("request_uri_not_supported")
        if required(params, "response_type") != "code":
            raise Refus("unsupported_response_type")
        if params.get("response_mode", "query") != "query":
            raise Refus("invalid_request", "response_mode must be query")
        check_scope(params)
        check_level(params)
        self._check_chance(client, params)
        if params.get("code_challenge_method") != "S256":
            raise Refus("invalid_request", "code_challenge_method must be S256")
        if not _DEFI.fullmatch(required(params, "code_challenge")):
            raise Refus("invalid_request", "code_challenge is not a SHA-256 in base64url")
        _check_freshness(params)

    def _check_chance(self, client: Client, params: dict[str, str]) -> None:
        for nom in ("state", "nonce"):
            if not _HASARD.fullmatch(required(params, nom)):
                raise Refus("invalid_request", f"{nom} must hold 128 bits of chance")
        if (client.client_id, params["nonce"]) in self.fond.memoire.nonces:
            raise Refus("invalid_request", "nonce was already used")

    def _go_on(self, requete: Requete, client: Client, params: dict[str, str]) -> Reponse:
        voulues = self.fond.anomalies.take("autorisation")
        session = self.fond.memoire.by_cookie(cookies_of(requete).get(TEMOIN, ""))
        if session is not None and ("prompt_ignore" in voulues or self._is_enough(session, params)):
            session.vu = self.fond.memoire.horloge.now()
            return self._back(client, params, session)
        if "none" in params.get("prompt", "").split():
            raise Refus("login_required")
        return self._ask(client, params)

    def _is_enough(self, session: Session, params: dict[str, str]) -> bool:
        """Tell whether the session of the browser answers without asking anyone."""
        if set(params.get("prompt", "").split()) & {"login", "consent", "select_account"}:
            return False
        if "max_age" not in params:
            return True
        limite = int(params["max_age"])
        age = self.fond.memoire.horloge.now() - session.authentifie
        return limite > 0 and age <= limite

    def _ask(self, client: Client, params: dict[str, str]) -> Reponse:
        numero, essai = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        fin = self.fond.memoire.horloge.now() + DEMANDE_S
        self.demandes = {n: d for n, d in self.demandes.items() if d.fin > fin - DEMANDE_S}
        self.demandes[numero] = Demande(client, params, essai, fin)
        cookie = self.cookie(ESSAI, essai)
        gens = self.fond.personnes.values()
        reponse = pages.choice(CHOIX, numero, client.client_id, gens, (cookie,))
        reponse.faits = facts(params)
        return reponse

    def cookie(self, nom: str, valeur: str) -> str:
        """Return a cookie of this host; an empty value takes it away."""
        sur = "; Secure" if self.fond.portail.startswith("https") else ""
        fin = "" if valeur else "; Max-Age=0"
        return f"{nom}={valeur}; Path={BASE}/; HttpOnly; SameSite=Lax{sur}{fin}"

    # Choice

    def choose(self, requete: Requete) -> Reponse:
        """Sign in who was chosen, or go back with access_denied."""
        try:
            params = form(requete)
        except Refus as exc:
            raise PageErreur("requete_illisible", "La page envoyée est mal formée.") from exc
        demande = self.demandes.get(params.get("demande", ""))
        essai = cookies_of(requete).get(ESSAI, "")
        if demande is None or demande.fin <= self.fond.memoire.horloge.now():
            raise PageErreur("demande_perimee", "Cette page de connexion a expiré.")
        if not hmac.compare_digest(demande.essai.encode(), essai.encode()):
            raise PageErreur("autre_navigateur", "Cette page vient d'un autre navigateur.")
        del self.demandes[params["demande"]]
        if "annuler" in params:
            refus = Refus("access_denied", "The user refused")
            return self._back_refused(demande.params, refus)
        return self._sign_in(requete, demande, params)

    def _sign_in(self, requete: Requete, demande: Demande, params: dict[str, str]) -> Reponse:
        cle, _, moyen = params.get("choix", "").partition(" ")
        personne = self.fond.personnes.get(cle)
        if personne is None or moyen not in personne.moyens:
            raise PageErreur("choix_inconnu", "Cette personne ou ce moyen n'existe pas.")
        memoire = self.fond.memoire
        ancienne = memoire.by_cookie(cookies_of(requete).get(TEMOIN, ""))
        session = memoire.open_session(personne, moyen, ancienne)
        reponse = self._back(demande.client, demande.params, session)
        cookies = [self.cookie(ESSAI, "")]
        if "garder" in params:
            session.temoin = session.temoin or secrets.token_urlsafe(24)
            cookies.append(self.cookie(TEMOIN, session.temoin))
        reponse.entetes = (*reponse.entetes, *(("Set-Cookie", c) for c in cookies))
        return reponse

    # Back to the service

    def _back(self, client: Client, params: dict[str, str], session: Session) -> Reponse:
        memoire = self.fond.memoire
        code = f"{uuid.uuid4()}.{session.sid}.{uuid.uuid4()}"
        fin = memoire.horloge.now() + CODE_S
        memoire.keep_code(code, Code(client, session, params, fin))
        memoire.nonces.add((client.client_id, params["nonce"]))
        session.clients[client.client_id] = None
        paires = [
            ("state", params["state"]),
            ("session_state", session.sid),
            ("iss", self.fond.emetteur),
            ("code", code),
        ]
        return self._send(params, paires, "code")

    def _back_refused(self, params: dict[str, str], refus: Refus) -> Reponse:
        paires = [
            ("error", refus.code),
            ("error_description", refus.description),
            ("state", params.get("state", "")),
            ("iss", self.fond.emetteur),
        ]
        return self._send(params, [(n, v) for n, v in paires if v], refus.code)

    def _send(
        self, params: dict[str, str], paires: list[tuple[str, str]], resultat: str
    ) -> Reponse:
        voulues = self.fond.anomalies.take("retour")
        adresse = add_query(params["redirect_uri"], _alter(paires, voulues))
        return redirect(adresse, "autorisation", resultat, facts(params))

    # Pushed requests (RFC 9126)

    def push(self, requete: Requete) -> Reponse:
        """Keep an authorization request for a minute; it is checked now."""
        params = form(requete)
        client = self.fond.registre.authenticate(requete, params)
        params = {n: v for n, v in params.items() if n != "client_secret"}
        params["client_id"] = client.client_id
        if required(params, "redirect_uri") not in client.retours:
            raise Refus("invalid_request", "redirect_uri is not a declared one")
        self._check(client, params)
        adresse = _URN_PAR + secrets.token_urlsafe(24)
        fin = self.fond.memoire.horloge.now() + _PAR_S
        self.poussees[adresse] = (client.client_id, params, fin)
        return json_reply({"request_uri": adresse, "expires_in": _PAR_S}, "par", "201", 201)

    def _pushed(self, params: dict[str, str]) -> dict[str, str]:
        """Return the request that was pushed, good once; the parameters themselves otherwise."""
        if not params.get("request_uri", "").startswith(_URN_PAR):
            return params
        client_id, gardes, fin = self.poussees.pop(params["request_uri"], ("", {}, 0.0))
        if client_id != params.get("client_id") or fin <= self.fond.memoire.horloge.now():
            raise PageErreur("request_uri", "Cette demande de connexion a expiré.")
        return gardes


def _alter(paires: list[tuple[str, str]], voulues: frozenset[str]) -> list[tuple[str, str]]:
    """Return the parameters of the way back, wrong where it is asked for."""
    retires = {"sans_session_state": "session_state", "iss_absent": "iss", "state_absent": "state"}
    paires = [(n, v) for n, v in paires if n not in {retires.get(x) for x in voulues}]
    changes = {"iss_autre": ("iss", "https://autre.invalid"), "state_altere": ("state", "x" * 43)}
    for nom, (champ, valeur) in changes.items():
        if nom in voulues:
            paires = [(n, valeur if n == champ else v) for n, v in paires]
    doubles = {"state_double": "state", "code_double": "code"}
    for nom, champ in doubles.items():
        if nom in voulues:
            paires += [p for p in paires if p[0] == champ]
    erreurs = {
        "erreur_balisage": ("access_denied", "<script>alert(document.domain)</script>"),
        "erreur_temporaire": ("temporarily_unavailable", "maintenance"),
    }
    for nom, (code, texte) in erreurs.items():
        if nom in voulues:
            paires = [p for p in paires if p[0] in {"state", "iss"}]
            paires += [("error", code), ("error_description", texte)]
    return paires
