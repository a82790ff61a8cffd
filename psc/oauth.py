"""Between Authlib, which writes the forms, and our transport, which sends them.

Authlib's neutral client is given a session of ours (ADR 0032). What it would do badly is done here
before it sees anything: its table of headers is one for the whole process and receives the client's
secret (copied first); an error whose description has an accent becomes a ValueError (read by us);
redirects, sizes, deadlines are the transport's.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from psc.errors import error_of
from psc.rules.userinfo import TAILLE_MAX_OCTETS, UserinfoIllisible, read_json
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    TeleserviceError,
    Unavailable,
)
from teleservices.transport import Requete, Retour, Transport

FORMULAIRE = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class ErreurOAuth(Exception):
    """The service answered by an error of the protocol; `code` is one of a known list, or empty."""

    def __init__(self, code: str, statut: int) -> None:
        super().__init__(code)
        self.code = code
        self.statut = statut


class Authentification(Protocol):
    """How a request says which client sends it."""

    def prepare(
        self, method: str, uri: str, headers: dict[str, str], body: str
    ) -> tuple[str, dict[str, str], str]:
        """Return the address, headers and body with the client's authentication."""


@dataclass(frozen=True)
class Delais:
    """Seconds to connect, and to have the whole reply."""

    connexion_s: float = 3.0
    lecture_s: float = 8.0


@dataclass(frozen=True)
class ReponseHttp:
    """A reply below 400, as Authlib reads one."""

    status_code: int
    content: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return the object of the body; « psc_illisible » for anything else."""
        return read_object(self.content)

    def raise_for_status(self) -> None:
        """Do nothing: what is not below 400 was raised already."""


def read_object(octets: bytes) -> dict[str, Any]:
    """Return the JSON object of a reply; « psc_illisible » for anything else."""
    try:
        return read_json(octets)
    except UserinfoIllisible as exc:
        raise error_of("psc_illisible") from exc


class SessionHttp:
    """What Authlib sends through; `note_date` learns what time it is at the other end."""

    def __init__(
        self, transport: Transport, delais: Delais, note_date: Callable[[float, str], None]
    ) -> None:
        self._transport = transport
        self._delais = delais
        self._note_date = note_date

    def post(
        self,
        url: str,
        data: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        auth: Authentification | None = None,
    ) -> ReponseHttp:
        """Send a form. Raises ErreurOAuth, or one of the taxonomy with our sentences."""
        entetes = dict(FORMULAIRE)
        del headers  # Authlib's shared table: never filled with a secret, never read
        corps = urlencode(data)
        if auth is not None:
            url, entetes, corps = auth.prepare("POST", url, entetes, corps)
        return self._send(url, entetes, corps.encode())

    def get(self, url: str, jeton: str = "") -> Retour:
        """Ask for a document, or what a token opens; the reply may have any status below 500."""
        entetes = {"Accept": "application/json, application/jwt"}
        if jeton:
            entetes["Authorization"] = f"Bearer {jeton}"
        return self._exchange(Requete(url, b"", entetes, **self._limits(), methode="GET"))

    def _send(self, url: str, entetes: dict[str, str], corps: bytes) -> ReponseHttp:
        retour = self._exchange(Requete(url, corps, entetes, **self._limits()))
        code = _error_code(retour)
        if retour.statut >= 400 or code:
            raise ErreurOAuth(code, retour.statut)
        return ReponseHttp(retour.statut, retour.corps)

    def _limits(self) -> dict[str, Any]:
        return {
            "lecture_s": self._delais.lecture_s,
            "connexion_s": self._delais.connexion_s,
            "taille_max_octets": TAILLE_MAX_OCTETS,
        }

    def _exchange(self, requete: Requete) -> Retour:
        try:
            retour = self._transport.send(requete)
        except NotReady:
            raise
        except (Unavailable, OutcomeUnknown, InvalidReply) as exc:
            raise _in_our_words(exc) from exc
        self._note_date(retour.debut + retour.duree_ms / 1000, retour.date)
        if 300 <= retour.statut < 400:
            raise error_of("psc_redirection")
        if retour.statut >= 500 or retour.statut == 429:
            raise error_of("psc_indisponible")
        return retour


def _in_our_words(exc: TeleserviceError) -> TeleserviceError:
    if exc.code == "tls_refuse":
        return error_of("client_refuse")
    if isinstance(exc, Unavailable):
        return error_of("psc_indisponible")
    return error_of("psc_illisible" if isinstance(exc, InvalidReply) else "psc_sans_reponse")


def _error_code(retour: Retour) -> str:
    """Return the member « error » of a reply, empty when there is none that can be read."""
    try:
        code = json.loads(retour.corps).get("error", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return code if isinstance(code, str) else ""


def write_basic(
    client: Any,  # noqa: ANN401 - Authlib's own, untyped
    _methode: str,
    url: str,
    entetes: dict[str, str],
    corps: str,
) -> tuple[str, dict[str, str], str]:
    """Return a request with its client in « Basic », each part form-encoded (RFC 6749 §2.3.1).

    Authlib leaves the encoding to its caller: a secret with a colon or an accent would not pass.
    """
    paire = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret or '')}"
    entetes["Authorization"] = f"Basic {b64encode(paire.encode()).decode()}"
    return url, entetes, corps


def clock_offset(recu_le: float, date: str) -> float | None:
    """Return by how many seconds our clock is ahead of a « Date » header, None without one.

    Source: psc.md §5.3.
    """
    try:
        return recu_le - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
