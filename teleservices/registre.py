"""Handlers of the outbox: one per operation, filled by the apps in `ready()`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pharmacy.models import Operateur
from teleservices.errors import TeleserviceError
from teleservices.models import Envoi
from teleservices.transport import Echange


@dataclass(frozen=True)
class Reponse:
    """What a handler's call brought back: the parsed reply, and the exchange that proves it."""

    contenu: Any
    echange: Echange
    accuse: str = ""


def attach_evidence(erreur: TeleserviceError, echange: Echange) -> TeleserviceError:
    """Return the error with the exchange that led to it, for the journal."""
    erreur.reponse = Reponse(None, echange)
    return erreur


class Handler(Protocol):
    """One operation of one service. `prepare` reads, `call` talks, `settle` writes."""

    operation: str
    service: str
    file: str
    lecture: bool
    replayable: bool

    def prepare(self, envoi: Envoi) -> Any:  # noqa: ANN401 - each handler has its own request
        """Return the request; raise NotReady when something is missing. Reads only."""

    def call(self, demande: Any) -> Reponse:  # noqa: ANN401
        """Talk to the service with no transaction open; raise a TeleserviceError."""

    def ask(self, demande: Any) -> Reponse | None:  # noqa: ANN401
        """Ask what became of an uncertain sending: its receipt, or None if it never arrived."""

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Write the result, inside the settling transaction."""

    def fail(self, envoi: Envoi) -> None:
        """Write what a refusal, a wait or a doubt changes, inside the settling transaction."""


_handlers: dict[str, Handler] = {}
Reecriture = Callable[[Envoi, Operateur], bytes | None]
_reecritures: dict[str, Reecriture] = {}


def register(handler: Handler) -> None:
    """Add a handler; called from `AppConfig.ready()`."""
    _handlers[handler.operation] = handler


def register_signed_body(service: str, reecrire: Reecriture) -> None:
    """Say how a frozen body names another signatory (`AppConfig.ready()` only)."""
    _reecritures[service] = reecrire


def body_signed_by(envoi: Envoi, signataire: Operateur) -> bytes | None:
    """Return the body of a row as this signatory sends it; the same where it names nobody."""
    reecrire = _reecritures.get(envoi.service)
    if reecrire is not None:
        return reecrire(envoi, signataire)
    return bytes(envoi.corps) if envoi.corps is not None else None


def handler_get(operation: str) -> Handler:
    """Return the handler of an operation; KeyError when unknown."""
    return _handlers[operation]


def handler_list() -> list[Handler]:
    """Return every handler."""
    return list(_handlers.values())
