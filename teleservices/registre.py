"""Handlers of the outbox: one per operation, filled by the apps in `ready()`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pharmacy.models import Operateur
from teleservices.errors import InvalidReply, OutcomeUnknown, TeleserviceError
from teleservices.models import Envoi
from teleservices.transport import Echange, Requete, Retour, Transport


@dataclass(frozen=True)
class Reponse:
    """What a handler's call brought back: the parsed reply, and the exchange that proves it.

    `avant` holds the exchanges that led there, when one question took several. `reprendre_s`: the
    service is still working on it, the same row asks again after that many seconds.
    """

    contenu: Any
    echange: Echange
    accuse: str = ""
    avant: tuple[Echange, ...] = ()
    reprendre_s: float | None = None


def attach_evidence(
    erreur: TeleserviceError, echange: Echange, avant: tuple[Echange, ...] = ()
) -> TeleserviceError:
    """Return the error with the exchanges that led to it, for the journal."""
    erreur.reponse = Reponse(None, echange, avant=avant)
    return erreur


def _whole(octets: bytes) -> bytes:
    return octets


def send_kept(
    transport: Transport,
    requete: Requete,
    message_id: str,
    effacer: Callable[[bytes], bytes] = _whole,
) -> tuple[Retour, Echange]:
    """Send; return the reply and the exchange. What left and had no answer is evidence as well.

    `effacer` takes out of a message the secret that no journal may keep. Raises what
    `Transport.send` raises.
    """
    debut, horloge = time.time(), time.monotonic()
    envoye = effacer(requete.corps)
    try:
        retour = transport.send(requete)
    except (OutcomeUnknown, InvalidReply) as erreur:
        duree_ms = round((time.monotonic() - horloge) * 1000)
        sans_reponse = Echange(message_id, envoye, None, None, duree_ms, debut)
        raise attach_evidence(erreur, sans_reponse) from erreur.__cause__
    return retour, Echange(
        message_id, envoye, effacer(retour.corps), retour.statut, retour.duree_ms, retour.debut
    )


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
_reprises: dict[str, tuple[int, ...]] = {}
_discretes: set[str] = set()
Reecriture = Callable[[Envoi, Operateur], bytes | None]
_reecritures: dict[str, Reecriture] = {}


def register(
    handler: Handler, reprises_s: tuple[int, ...] | None = None, *, discret: bool = False
) -> None:
    """Add a handler; called from `AppConfig.ready()`.

    `reprises_s`: seconds before each further try of a reading whose page says other delays.
    `discret`: rows that come by the hundred and are followed on a page of their own; the header of
    the counters counts them only when they need a person, and is not told when they move.
    """
    _handlers[handler.operation] = handler
    if reprises_s is not None:
        _reprises[handler.operation] = reprises_s
    if discret:
        _discretes.add(handler.operation)


def discreet_operations() -> frozenset[str]:
    """Return the operations whose rows the header of the counters does not follow."""
    return frozenset(_discretes)


def is_followed(envoi: Envoi) -> bool:
    """Tell whether the header of the counters follows a row: a sending, not one of a batch."""
    return not envoi.lecture and envoi.operation not in _discretes


def reprises_of(operation: str) -> tuple[int, ...] | None:
    """Return the delays that an operation declared, None for those of every reading."""
    return _reprises.get(operation)


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
