"""The agent's few calls to its own server: https, or http on this very machine; no redirection."""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

TAILLE_MAX = 256 * 1024
DELAI_S = 3.0
LOCAUX = {"127.0.0.1", "localhost", "::1"}


class WebRefuse(Exception):
    """The server was not reached, or did not answer in JSON; the text is a short code."""


def check_address(adresse: str) -> str:
    """Return the address of a server, tidied; ValueError when no secret may travel to it.

    In clear only to this machine: the `simulateur` environment (agent.md §5.4).
    """
    lue = urlsplit(adresse.strip().rstrip("/"))
    if lue.path or lue.query or lue.username or not lue.hostname:
        raise ValueError("adresse")
    if lue.scheme != "https" and not (lue.scheme == "http" and lue.hostname in LOCAUX):
        raise ValueError("https")
    return f"{lue.scheme}://{lue.netloc}"


def call(
    adresse: str, chemin: str, corps: dict[str, Any] | None = None, **entetes: str
) -> tuple[int, Any]:
    """Return (status, decoded JSON) of a GET, or of a POST when there is a body. Raises WebRefuse.

    Blocking: call it from a thread.
    """
    try:
        lue = urlsplit(check_address(adresse))
        prise: http.client.HTTPConnection
        if lue.scheme == "https":
            contexte = ssl.create_default_context()
            prise = http.client.HTTPSConnection(lue.netloc, timeout=DELAI_S, context=contexte)
        else:
            prise = http.client.HTTPConnection(lue.netloc, timeout=DELAI_S)
        try:
            octets = None if corps is None else json.dumps(corps).encode()
            prise.request(
                "GET" if corps is None else "POST",
                chemin,
                octets,
                {"Content-Type": "application/json", "Accept": "application/json", **entetes},
            )
            reponse = prise.getresponse()
            lus = reponse.read(TAILLE_MAX + 1)
        finally:
            prise.close()
        if len(lus) > TAILLE_MAX:
            raise WebRefuse("trop_long")
        return reponse.status, json.loads(lus or b"null")
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as exc:
        raise WebRefuse(type(exc).__name__) from exc
