"""Declared services (psc.md §1.3): how each one proves itself, where a browser may be sent."""

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import unquote_plus

from simulators.commun.types import Certificat, Requete
from simulators.psc.oauth import Refus

SECRET = "secret"  # noqa: S105 - the name of a regime
MTLS = "tls_client_auth"
AUTORITE = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"
SUJET_EDC = "CN=COMPTOIR-PSC,OU=1752026005,O=COMPTOIR TEST,C=FR"
_ABREGES = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "countryName": "C",
}


@dataclass(frozen=True)
class Client:
    """One declared service.

    `lie` binds its tokens to its certificate (RFC 8705 §3); `userinfo_signe` asks for a signed
    UserInfo.
    """

    client_id: str
    methode: str = SECRET
    secret: str = field(default="", repr=False)
    sujet: str = ""
    retours: tuple[str, ...] = ()
    apres_deconnexion: tuple[str, ...] = ()
    deconnexion_serveur: str = ""
    ciba: bool = True
    lie: bool = True
    userinfo_signe: bool = False

    def shown(self) -> dict[str, Any]:
        """Return what the control API says of it: everything but the secret."""
        valeurs = asdict(self)
        del valeurs["secret"]
        return valeurs


def from_json(corps: dict[str, Any]) -> Client:
    """Read a declaration; ValueError when a member is unknown or the regime is."""
    permis = {champ.name for champ in fields(Client)}
    if set(corps) - permis or not corps.get("client_id"):
        raise ValueError("client : membres inconnus, ou sans client_id")
    if corps.get("methode", SECRET) not in {SECRET, MTLS}:
        raise ValueError(f"methode : {SECRET} ou {MTLS}")
    listes: dict[str, Any] = {
        c: tuple(map(str, corps[c])) for c in ("retours", "apres_deconnexion") if c in corps
    }
    membres = dict(corps)
    membres.update(listes)
    return Client(**membres)


def subject_of(certificat: Certificat) -> str:
    """Return the subject as RFC 4514 writes it: the most particular name first."""
    return ",".join(f"{_ABREGES.get(nom, nom)}={v}" for nom, v in reversed(certificat.sujet))


class Registre:
    """The declared services."""

    def __init__(self, depart: Iterable[Client]) -> None:
        self.depart = tuple(depart)
        self.clients: dict[str, Client] = {}
        self.forget()

    def forget(self) -> None:
        """Go back to the services of the start."""
        self.clients = {client.client_id: client for client in self.depart}

    def authenticate(self, requete: Requete, params: dict[str, str]) -> Client:
        """Return the service that proved itself; Refus `invalid_client`, `invalid_request`."""
        if "client_assertion" in params or "client_assertion_type" in params:
            # Advertised, and refused in practice (psc.md §1.2).
            raise Refus("invalid_client", "client assertions are not accepted")
        autorisation = requete.entetes.get("authorization", "")
        if autorisation and "client_secret" in params:
            raise Refus("invalid_request", "two ways of authenticating at once")
        if autorisation:
            identifiant, secret = _basic(autorisation)
            if params.get("client_id", identifiant) != identifiant:
                raise Refus("invalid_request", "two client_id")
        else:
            identifiant, secret = params.get("client_id", ""), params.get("client_secret", "")
        client = self.clients.get(identifiant)
        if client is None:
            raise Refus("invalid_client", "unknown client")
        return self._check(client, secret, requete.certificat)

    def _check(self, client: Client, secret: str, certificat: Certificat) -> Client:
        if client.methode == SECRET:
            if not client.secret or not hmac.compare_digest(
                client.secret.encode(), secret.encode()
            ):
                raise Refus("invalid_client", "invalid client credentials")
            return client
        if secret:
            raise Refus("invalid_client", "this client has no secret")
        if not certificat.der:
            raise Refus("invalid_client", "no client certificate")
        if dict(certificat.emetteur).get("commonName") != AUTORITE:
            raise Refus("invalid_client", "certificate of another authority")
        if subject_of(certificat) != client.sujet:
            raise Refus("invalid_client", "certificate of another subject")
        return client


def _basic(entete: str) -> tuple[str, str]:
    """Read `Authorization: Basic`; both halves are form-encoded (RFC 6749 §2.3.1)."""
    lu = re.fullmatch(r"(?i:basic) +([A-Za-z0-9+/]+=*)", entete)
    try:
        clair = base64.b64decode(lu.group(1)).decode() if lu else ""
    except ValueError:
        clair = ""
    identifiant, separe, secret = clair.partition(":")
    if not separe:
        raise Refus("invalid_client", "Authorization cannot be read", 401)
    return unquote_plus(identifiant), unquote_plus(secret)
