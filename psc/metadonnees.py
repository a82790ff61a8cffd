"""The discovery document: endpoints of the pinned issuer, each on a host that we allow.

Endpoint lists are never copied by hand: those of the ANS's own connector mix environments (psc.md
§1.2). The issuer and the hosts are settings, the rest is read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from psc.documents import refuse_document
from psc.rules.userinfo import UserinfoIllisible, read_json

CHEMIN = "/.well-known/wallet-openid-configuration"
_ADRESSES = {
    "autorisation": "authorization_endpoint",
    "jetons": "token_endpoint",
    "userinfo": "userinfo_endpoint",
    "jwks": "jwks_uri",
    "introspection": "introspection_endpoint",
    "revocation": "revocation_endpoint",
    "deconnexion": "end_session_endpoint",
    "ciba": "backchannel_authentication_endpoint",
}
_OBLIGATOIRES = frozenset({"autorisation", "jetons", "userinfo", "jwks"})


@dataclass(frozen=True)
class Metadonnees:
    """Where each operation is; an address is empty when the service does not offer it."""

    emetteur: str
    autorisation: str
    jetons: str
    userinfo: str
    jwks: str
    introspection: str = ""
    revocation: str = ""
    deconnexion: str = ""
    ciba: str = ""
    iss_au_retour: bool = False


def parse_discovery(octets: bytes, emetteur: str, hotes: Collection[str]) -> Metadonnees:
    """Return the endpoints. Raises « psc_document »: another issuer, another host, no https.

    `hotes` are host names, with their port when it is not 443. Source: psc.md §1.2, §5.3.
    """
    try:
        lu = read_json(octets)
    except UserinfoIllisible as exc:
        raise refuse_document() from exc
    if lu.get("issuer") != emetteur:
        raise refuse_document()
    adresses = {champ: _address(lu, champ, membre, hotes) for champ, membre in _ADRESSES.items()}
    annonce = lu.get("authorization_response_iss_parameter_supported") is True
    return Metadonnees(emetteur, **adresses, iss_au_retour=annonce)


def _address(lu: dict[str, Any], champ: str, membre: str, hotes: Collection[str]) -> str:
    adresse = lu.get(membre, "")
    if adresse == "" and champ not in _OBLIGATOIRES:
        return ""
    if not isinstance(adresse, str):
        raise refuse_document()
    if not is_allowed(adresse, hotes) and not (champ == "autorisation" and _here(adresse, hotes)):
        raise refuse_document()
    return adresse


def _here(adresse: str, hotes: Collection[str]) -> bool:
    """Tell whether a page is of this machine, named whole (`http://127.0.0.1:port`) in the hosts.

    Only the page a browser is sent to, which may not know a test authority; psc.E002 refuses such a
    host outside `simulateur`.
    """
    debut = "http://"
    return (
        adresse.startswith(f"{debut}127.0.0.1:")
        and f"{debut}{urlsplit(adresse).netloc}" in hotes
        and is_allowed(adresse.replace(debut, "https://", 1), [urlsplit(adresse).netloc])
    )


def is_allowed(adresse: str, hotes: Collection[str]) -> bool:
    """Tell whether an address is https, on an allowed host, with nothing hidden in it."""
    try:
        parties = urlsplit(adresse)
    except ValueError:
        return False
    return (
        parties.scheme == "https"
        and parties.netloc.lower() in hotes
        and not parties.fragment
        and adresse.isprintable()
        and " " not in adresse
    )
