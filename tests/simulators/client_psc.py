"""A relying party nobody here wrote: Authlib and joserfc, and a browser that keeps its cookies.

What they accept and send is a second reading of the specifications. Nothing of the product.
"""

import base64
import json
import re
import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.oauth2.client import OAuth2Client
from bs4 import BeautifulSoup

from tests.simulators.client_nu import Simulateur

RETOUR = "http://127.0.0.1:9/psc/callback"
FIN = "http://127.0.0.1:9/psc/bye"
SUJET = "CN=COMPTOIR-PSC,OU=1752026005,O=COMPTOIR TEST,C=FR"
CIBA = "urn:openid:params:grant-type:ciba"
ECHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JETON_ACCES = "urn:ietf:params:oauth:token-type:access_token"


def trust(tls: Path, certificat: str = "") -> ssl.SSLContext:
    """Return a context that knows the test servers, and may show a certificate."""
    contexte = ssl.create_default_context(cafile=str(tls / "ac-serveurs.pem"))
    if certificat:
        contexte.load_cert_chain(tls / f"{certificat}.pem", tls / f"{certificat}.key")
    return contexte


def peek(jeton: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (header, claims) of a token, unverified."""

    def segment(texte: str) -> dict[str, Any]:
        lu: dict[str, Any] = json.loads(base64.urlsafe_b64decode(texte + "=" * (-len(texte) % 4)))
        return lu

    entete, charge, _ = jeton.split(".")
    return segment(entete), segment(charge)


class _Fil:
    """What Authlib calls to send: it prepares, httpx sends."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def post(self, url: str, data: Any = None, headers: Any = None, auth: Any = None) -> Any:
        corps = urlencode(data)
        if auth is not None:
            url, headers, corps = auth.prepare("POST", url, dict(headers), corps)
        return self.http.post(url, content=corps, headers=headers)


class Lie(OpenIDMixin):
    """One declared service: its regime, its certificate, what it knows of the provider."""

    def __init__(self, simulateur: Simulateur, tls: Path, client_id: str, **faits: Any) -> None:
        self.simulateur = simulateur
        self.client_id = client_id
        self.http = httpx.Client(
            verify=trust(tls, faits.get("certificat", "")), trust_env=False, timeout=20
        )
        self.oauth = OAuth2Client(
            _Fil(self.http),
            client_id,
            faits.get("secret"),
            token_endpoint_auth_method=faits.get("methode"),
            scope="openid scope_all",
            redirect_uri=RETOUR,
            code_challenge_method="S256",
        )
        self.oauth._http_post = self._post
        self.server_metadata: dict[str, Any] = {}

    def _post(self, url: str, body: str, auth: Any = None, headers: Any = None) -> Any:
        return self.oauth.session.post(url, dict(parse_qsl(body)), headers, auth)

    def load_server_metadata(self) -> dict[str, Any]:
        """Read discovery where the ANS puts it, once."""
        if not self.server_metadata:
            adresse = self.simulateur.get("/adresses")["decouverte"]
            self.server_metadata = self.http.get(adresse).raise_for_status().json()
        return self.server_metadata

    def _get_session(self) -> Any:
        fil = self.http

        class Session:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_exc: object) -> None:
                return None

            def request(self, methode: str, url: str, withhold_token: bool = False) -> Any:
                assert withhold_token
                return fil.request(methode, url)

        return Session()

    def point(self, nom: str) -> str:
        """Return an endpoint."""
        adresse: str = self.load_server_metadata()[f"{nom}_endpoint"]
        return adresse

    def begin(self, **change: Any) -> "Essai":
        """Return an attempt: its address, its secrets. `change` adds parameters, None omits."""
        essai = Essai(*(secrets.token_urlsafe(32) for _ in range(3)), "")
        params = {"nonce": essai.nonce, "acr_values": "eidas1", "state": essai.state, **change}
        params = {nom: valeur for nom, valeur in params.items() if valeur is not None}
        essai.adresse, _ = self.oauth.create_authorization_url(
            self.point("authorization"), code_verifier=essai.verificateur, **params
        )
        return essai

    def finish(self, essai: "Essai", retour: str) -> dict[str, Any]:
        """Exchange the code of a callback; Authlib raises OAuth2Error."""
        jetons: dict[str, Any] = self.oauth.fetch_token(
            self.point("token"),
            authorization_response=retour,
            state=essai.state,
            code_verifier=essai.verificateur,
        )
        return jetons

    def userinfo_reply(self, jeton: str, **options: Any) -> httpx.Response:
        """Call UserInfo and return the bare answer."""
        entetes = {"Authorization": f"Bearer {jeton}"}
        return self.http.get(self.point("userinfo"), headers=entetes, **options)

    def send(self, nom: str, **params: str) -> httpx.Response:
        """POST a form to an endpoint, authenticated as this service does."""
        return self.send_to(self.point(nom), **params)

    def send_to(self, url: str, **params: str) -> httpx.Response:
        """POST a form to an address, authenticated as this service does."""
        auth = self.oauth.client_auth(self.oauth.token_endpoint_auth_method)
        entetes = {"Content-Type": "application/x-www-form-urlencoded"}
        reponse: httpx.Response = self.oauth.session.post(url, params, entetes, auth)
        return reponse

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


@dataclass
class Essai:
    """One attempt to sign in."""

    state: str
    nonce: str
    verificateur: str
    adresse: str

    def replace(self, **change: str) -> str:
        """Return the address with other values."""
        morceaux = urlsplit(self.adresse)
        params = {**dict(parse_qsl(morceaux.query)), **change}
        return morceaux._replace(query=urlencode(params)).geturl()


class Navigateur:
    """A browser: it keeps cookies, follows nothing by itself, clicks what is on the page."""

    def __init__(self, tls: Path) -> None:
        self.http = httpx.Client(verify=trust(tls), trust_env=False, timeout=20)

    def open(self, adresse: str) -> httpx.Response:
        """Open an address."""
        return self.http.get(adresse)

    def choose(self, page: httpx.Response, choix: str, *, garder: bool = True) -> httpx.Response:
        """Click on someone: « alice CARD »."""
        champs = {"choix": choix, **({"garder": "oui"} if garder else {})}
        return self.submit(page, **champs)

    def submit(self, page: httpx.Response, **champs: str) -> httpx.Response:
        """Send the form of a page with its hidden fields and these."""
        lue = BeautifulSoup(page.text, "html.parser")
        formulaire = lue.form
        assert formulaire is not None, page.text
        caches = {
            str(c["name"]): str(c["value"])
            for c in formulaire.find_all("input", {"type": "hidden"})
        }
        url = page.url.join(str(formulaire["action"]))
        return self.http.post(url, data={**caches, **champs})

    def sign_in(self, essai: Essai, choix: str = "alice CARD", *, garder: bool = True) -> str:
        """Go through the page and return the callback address."""
        page = self.open(essai.adresse)
        assert page.status_code == 200, page.text
        return target(self.choose(page, choix, garder=garder))

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def target(reponse: httpx.Response) -> str:
    """Return where the browser is sent."""
    assert reponse.status_code == 303, reponse.text
    return reponse.headers["location"]


def query(adresse: str) -> dict[str, str]:
    """Return the parameters of a callback; each comes once."""
    paires = parse_qsl(urlsplit(adresse).query, keep_blank_values=True)
    assert len(dict(paires)) == len(paires), adresse
    return dict(paires)


def title(page: httpx.Response) -> str:
    """Return the heading of a page."""
    trouve = re.search(r"<h1>(.*?)</h1>", page.text)
    assert trouve, page.text
    return trouve.group(1)
