"""Refusals, parameters and answers, as RFC 6749 and its family write them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulators.commun.types import Reponse, Requete

JSON_TYPE = "application/json"
FORMULAIRE = "application/x-www-form-urlencoded"
SANS_CACHE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_STATUTS = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "server_error": 500,
    "temporarily_unavailable": 503,
}


class Refus(Exception):
    """Refused by this OAuth error code; the description is in French or in English, never both."""

    def __init__(self, code: str, description: str = "", statut: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.statut = statut or _STATUTS.get(code, 400)


class RefusPorteur(Refus):
    """A protected resource refuses (RFC 6750 §3): the reason goes in WWW-Authenticate too.

    Without a code, the request brought no token at all.
    """


class PageErreur(Exception):
    """Nothing may be sent back to the client's address: the person reads this instead."""

    def __init__(self, raison: str, texte: str) -> None:
        super().__init__(raison)
        self.raison = raison
        self.texte = texte


def parse(texte: str) -> dict[str, str]:
    """Return the parameters; Refus when one comes twice (RFC 6749 §3.1); empty is omitted."""
    try:
        paires = parse_qsl(texte, keep_blank_values=True, errors="strict", max_num_fields=60)
    except ValueError as exc:
        raise Refus("invalid_request", "parameters cannot be read") from exc
    if len({nom for nom, _ in paires}) != len(paires):
        raise Refus("invalid_request", "a parameter is repeated")
    return {nom: valeur for nom, valeur in paires if valeur}


def form(requete: Requete) -> dict[str, str]:
    """Return the parameters of a POST; Refus when it is no form, or when the address has some."""
    if requete.media()[0] != FORMULAIRE:
        raise Refus("invalid_request", f"the body must be {FORMULAIRE}")
    if urlsplit(requete.chemin).query:
        raise Refus("invalid_request", "parameters must not be in the address")
    try:
        return parse(requete.corps.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise Refus("invalid_request", "the body is not UTF-8") from exc


def inject(requete: Requete) -> None:
    """Refuse when the mood, or the header of a test, asks for that."""
    if requete.faute:
        raise Refus(requete.faute)


def required(params: Mapping[str, str], nom: str) -> str:
    """Return a parameter; Refus without it."""
    if nom not in params:
        raise Refus("invalid_request", f"missing parameter: {nom}")
    return params[nom]


def add_query(adresse: str, paires: list[tuple[str, str]]) -> str:
    """Return the address with these parameters after its own."""
    morceaux = urlsplit(adresse)
    requete = "&".join(partie for partie in (morceaux.query, urlencode(paires)) if partie)
    return urlunsplit(morceaux._replace(query=requete))


def json_reply(objet: object, operation: str, resultat: str = "200", statut: int = 200) -> Reponse:
    """Answer JSON that no one keeps."""
    corps = json.dumps(objet, ensure_ascii=False).encode()
    return Reponse(statut, corps, resultat, operation, type_contenu=JSON_TYPE, entetes=SANS_CACHE)


def refusal(refus: Refus, operation: str, requete: Requete) -> Reponse:
    """Answer a refusal: RFC 6749 §5.2, and RFC 6750 §3 for a protected resource."""
    objet = {"error": refus.code, "error_description": refus.description}
    objet = {nom: valeur for nom, valeur in objet.items() if valeur}
    reponse = json_reply(objet, operation, refus.code or "sans_jeton", refus.statut)
    defi = ""
    if isinstance(refus, RefusPorteur):
        details = [f'{nom}="{valeur}"' for nom, valeur in objet.items()]
        defi = "Bearer " + ", ".join(['realm="esante-wallet"', *details])
    elif refus.statut == 401 and requete.entetes.get("authorization", "").lower()[:6] == "basic ":
        defi = 'Basic realm="esante-wallet"'
    if defi:
        reponse.entetes = (*reponse.entetes, ("WWW-Authenticate", defi))
    reponse.faits = {"description": refus.description} if refus.description else {}
    return reponse


# Never in the journal of facts: what opens something.
_TUS = {
    *("client_secret", "code", "code_verifier", "refresh_token", "access_token", "token"),
    *("subject_token", "actor_token", "id_token_hint", "auth_req_id"),
}


def facts(params: Mapping[str, str], client_id: str = "") -> dict[str, Any]:
    """Return what the journal says of a request."""
    dits = {nom: "…" if nom in _TUS else valeur[:300] for nom, valeur in params.items()}
    return {"client_id": client_id or params.get("client_id", ""), "parametres": dits}


def redirect(adresse: str, operation: str, resultat: str, faits: dict[str, Any]) -> Reponse:
    """Send the browser elsewhere."""
    entetes = (("Location", adresse), ("Referrer-Policy", "no-referrer"), *SANS_CACHE)
    return Reponse(
        303, b"", resultat, operation, faits=faits, type_contenu="text/plain", entetes=entetes
    )
