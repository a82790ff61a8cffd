"""The only HTTP door to the national services.

Explicit timeouts, one deadline for the whole reply, a maximum size, no compression, no redirect, no
proxy from the environment, TLS verified. `Unavailable` or `OutcomeUnknown` is decided from one
fact: had the request left?
"""

import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpcore
import httpx
from django.db import connections

from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Unavailable
from teleservices.tls import Materiel, build_context, fingerprint


@dataclass(frozen=True)
class Requete:
    """One request, a POST unless told. `corps` may hold patient data: never in a representation.

    `lecture_s` bounds the whole reply, not each of its bytes.
    """

    url: str
    corps: bytes = field(repr=False)
    entetes: dict[str, str]
    lecture_s: float
    connexion_s: float = 3.0
    taille_max_octets: int = 2_000_000
    methode: Literal["GET", "POST", "DELETE"] = "POST"


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
    """A reply, whatever its HTTP status. `date` is the header « Date », as it came."""

    statut: int
    type_contenu: str
    corps: bytes = field(repr=False)
    duree_ms: int
    debut: float
    date: str = ""


class Transport(Protocol):
    """What a client needs: send and get a reply, or one of the network errors."""

    def send(self, requete: Requete) -> Retour:
        """Send and return the reply.

        Raises NotReady (no address or certificate), Unavailable (surely not received),
        OutcomeUnknown (may have been), InvalidReply (too big, compressed).
        """


class _Montre:
    """When the reply under way must be over, on the monotonic clock."""

    fin = 0.0

    def left(self, delai: float | None, retard: type[Exception]) -> float:
        """Return the seconds one wait may last."""
        reste = self.fin - time.monotonic()
        if reste <= 0:
            raise retard
        return reste if delai is None else min(delai, reste)


class _Flux(httpcore.NetworkStream):
    """A connection whose every wait shares one deadline: a slow drip is cut like a silence."""

    def __init__(self, flux: httpcore.NetworkStream, montre: _Montre) -> None:
        self._flux = flux
        self._montre = montre

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._flux.read(max_bytes, self._montre.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._flux.write(buffer, self._montre.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._flux.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Flux(self._flux.start_tls(ssl_context, server_hostname, timeout), self._montre)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._flux.get_extra_info(info)


class _Reseau(httpcore.SyncBackend):
    """Opens connections that obey the deadline."""

    def __init__(self, montre: _Montre) -> None:
        self._montre = montre

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        flux = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Flux(flux, self._montre)


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
        """Send over TLS; see `Transport.send`. TransactionOuverte inside a transaction."""
        check_no_transaction()
        if not requete.url.startswith("https://"):
            raise NotReady("adresse_absente", "L'adresse du service n'est pas réglée.")
        client = self._client()
        debut, horloge = time.time(), time.monotonic()
        self._local.montre.fin = horloge + requete.connexion_s + requete.lecture_s
        try:
            with client.stream(
                requete.methode,
                requete.url,
                content=requete.corps,
                headers={"Accept-Encoding": "identity", **requete.entetes},
                timeout=httpx.Timeout(requete.lecture_s, connect=requete.connexion_s),
            ) as reponse:
                corps = _read_bounded(reponse, requete.taille_max_octets)
                return Retour(
                    reponse.status_code,
                    reponse.headers.get("content-type", ""),
                    corps,
                    round((time.monotonic() - horloge) * 1000),
                    debut,
                    reponse.headers.get("date", ""),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise Unavailable("reseau_injoignable", "Le service ne répond pas.") from exc
        except httpx.TimeoutException as exc:
            raise OutcomeUnknown(
                "reseau_delai", "Le service n'a pas répondu dans le délai."
            ) from exc
        except httpx.TransportError as exc:
            if is_certificate_refused(exc):
                raise Unavailable("tls_refuse", "Le service refuse notre certificat.") from exc
            raise OutcomeUnknown("reseau_coupe", "La connexion a été coupée.") from exc

    def _client(self) -> httpx.Client:
        """Return this thread's client; NotReady when a certificate cannot be read."""
        try:
            empreinte = fingerprint(self.materiel)
            if getattr(self._local, "empreinte", None) != empreinte:
                contexte = build_context(self.materiel)
                self.close()
                self._local.montre = _Montre()
                self._local.client = _build_client(contexte, self._local.montre)
                self._local.empreinte = empreinte
        except OSError as exc:
            raise NotReady(
                "certificat_absent", "Un certificat est illisible. Prévenez le titulaire."
            ) from exc
        client: httpx.Client = self._local.client
        return client

    def close(self) -> None:
        """Close the connections of this thread."""
        client: httpx.Client | None = getattr(self._local, "client", None)
        self._local.empreinte = None
        if client is not None:
            client.close()


def _build_client(contexte: ssl.SSLContext, montre: _Montre) -> httpx.Client:
    transport = httpx.HTTPTransport(verify=contexte, trust_env=False)
    # httpx has no public way to give its pool a network; the pool itself takes one.
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001
        ssl_context=contexte,
        max_keepalive_connections=4,
        keepalive_expiry=20,
        network_backend=_Reseau(montre),
    )
    return httpx.Client(transport=transport, trust_env=False, follow_redirects=False)


def _read_bounded(reponse: httpx.Response, maximum: int) -> bytes:
    """Return the body as it came; nothing is ever inflated."""
    if reponse.headers.get("content-encoding", "identity") != "identity":
        raise InvalidReply("reponse_compressee", "La réponse du service est illisible.")
    morceaux: list[bytes] = []
    total = 0
    for morceau in reponse.iter_raw():
        total += len(morceau)
        if total > maximum:
            raise InvalidReply("reponse_trop_grosse", "La réponse du service est illisible.")
        morceaux.append(morceau)
    return b"".join(morceaux)


def is_certificate_refused(exc: BaseException) -> bool:
    """Tell whether the peer refused our certificate by a TLS alert.

    Under TLS 1.3 the alert comes after our handshake ended: the request left, and was surely not
    read. Any other TLS error says nothing of the kind.
    """
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            raison = cause.reason or ""
            return "ALERT" in raison and ("CERTIFICATE" in raison or "UNKNOWN_CA" in raison)
        cause = cause.__cause__ or cause.__context__
    return False
