"""The only HTTP door to the national services.

Explicit timeouts, a maximum reply size, no redirect, no proxy from the environment, TLS verified.
`Unavailable` or `OutcomeUnknown` is decided from one fact: had the request left?
"""

import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

import httpx
from django.db import connections

from teleservices.errors import InvalidReply, OutcomeUnknown, Unavailable
from teleservices.tls import Materiel, build_context, fingerprint


@dataclass(frozen=True)
class Requete:
    """One POST. `corps` may hold patient data: it stays out of any representation."""

    url: str
    corps: bytes = field(repr=False)
    entetes: dict[str, str]
    lecture_s: float
    connexion_s: float = 3.0
    taille_max_octets: int = 2_000_000


@dataclass(frozen=True)
class Echange:
    """What went out and what came back, for the journal."""

    message_id: str
    requete: bytes = field(repr=False)
    reponse: bytes | None = field(repr=False)
    http: int | None
    duree_ms: int
    debut: float


@dataclass(frozen=True)
class Retour:
    """A reply, whatever its HTTP status."""

    statut: int
    type_contenu: str
    corps: bytes = field(repr=False)
    duree_ms: int
    debut: float


class Transport(Protocol):
    """What a client needs: send and get a reply, or one of the two network errors."""

    def send(self, requete: Requete) -> Retour:
        """POST and return the reply.

        Raises Unavailable (surely not received), OutcomeUnknown (may have been), InvalidReply
        (too big).
        """


class TransactionOuverte(RuntimeError):
    """A call was tried inside a transaction: a mistake of ours, nothing was sent."""


def check_no_transaction() -> None:
    """Raise TransactionOuverte when this thread holds a transaction, on any database.

    A slow service would keep its locks; a rollback would forget what was sent. The transaction
    that a test case wraps around itself does not count. Source: style.md §8.
    """
    for connexion in connections.all(initialized_only=True):
        blocs = connexion.atomic_blocks
        if any(not getattr(bloc, "_from_testcase", False) for bloc in blocs):
            raise TransactionOuverte("no network call inside a transaction")


class HttpsTransport:
    """httpx, one keep-alive client per thread and per certificate."""

    def __init__(self, materiel: Materiel) -> None:
        self.materiel = materiel
        self._local = threading.local()

    def send(self, requete: Requete) -> Retour:
        """POST over TLS; see `Transport.send`. TransactionOuverte inside a transaction."""
        check_no_transaction()
        delais = httpx.Timeout(
            requete.lecture_s, connect=requete.connexion_s, pool=requete.connexion_s
        )
        debut, horloge = time.time(), time.monotonic()
        try:
            with self._client().stream(
                "POST", requete.url, content=requete.corps, headers=requete.entetes, timeout=delais
            ) as reponse:
                corps = _read_bounded(reponse, requete.taille_max_octets)
                duree_ms = round((time.monotonic() - horloge) * 1000)
                return Retour(
                    reponse.status_code,
                    reponse.headers.get("content-type", ""),
                    corps,
                    duree_ms,
                    debut,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            raise Unavailable("reseau_injoignable", "Le service ne répond pas.") from exc
        except httpx.TimeoutException as exc:
            raise OutcomeUnknown(
                "reseau_delai", "Le service n'a pas répondu dans le délai."
            ) from exc
        except httpx.TransportError as exc:
            raise OutcomeUnknown("reseau_coupe", "La connexion a été coupée.") from exc

    def _client(self) -> httpx.Client:
        empreinte = fingerprint(self.materiel)
        if getattr(self._local, "empreinte", None) != empreinte:
            self._local.client = httpx.Client(
                verify=build_context(self.materiel),
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=20),
            )
            self._local.empreinte = empreinte
        client: httpx.Client = self._local.client
        return client


def _read_bounded(reponse: httpx.Response, maximum: int) -> bytes:
    morceaux: list[bytes] = []
    total = 0
    for morceau in reponse.iter_bytes():
        total += len(morceau)
        if total > maximum:
            raise InvalidReply("reponse_trop_grosse", "La réponse du service est illisible.")
        morceaux.append(morceau)
    return b"".join(morceaux)


def is_tls_error(exc: BaseException) -> bool:
    """Tell whether a network error comes from TLS (certificate refused, expired, wrong name)."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
