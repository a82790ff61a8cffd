"""What the base and a service exchange."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Protocol, runtime_checkable

SOAP_TYPE = "application/soap+xml; charset=utf-8"


@dataclass(frozen=True)
class Certificat:
    """The certificate a client showed: names of the subject and the issuer, DER; empty without."""

    cn: str = ""
    ou: str = ""
    sujet: tuple[tuple[str, str], ...] = ()
    emetteur: tuple[tuple[str, str], ...] = ()
    der: bytes = b""


@dataclass(frozen=True)
class Requete:
    """What a service receives.

    `bizarre` asks for an odd but legal answer, `variante` for one kind of it; `doublon` says that
    the network delivered the same message a second time; `faute` asks for this fault. `entetes` has
    lower-case names; `porte` is « portail » when it came by the second door of the service.
    """

    chemin: str
    type_contenu: str
    corps: bytes
    certificat_cn: str
    certificat_ou: str = ""
    methode: str = "POST"
    bizarre: bool = False
    variante: str = ""
    doublon: bool = False
    faute: str = ""
    entetes: Mapping[str, str] = field(default_factory=dict)
    certificat: Certificat = field(default_factory=Certificat)
    porte: str = ""

    def media(self) -> tuple[str, str, str]:
        """Return (media type, charset, action) of the content type, the first two in lower case."""
        entete = Message()
        entete["Content-Type"] = self.type_contenu
        charset, action = (entete.get_param(nom, "") for nom in ("charset", "action"))
        return entete.get_content_type(), str(charset or "").lower(), str(action or "")

    def action_name(self) -> str:
        """Return the last word of the SOAP action."""
        return self.media()[2].rsplit(":", 1)[-1]


@dataclass
class Reponse:
    """What a service answers, and the facts of its journal."""

    statut: int
    corps: bytes
    resultat: str
    operation: str = ""
    message_id: str = ""
    faits: dict[str, Any] = field(default_factory=dict)
    type_contenu: str = SOAP_TYPE
    entetes: tuple[tuple[str, str], ...] = ()


class Service(Protocol):
    """One simulated service."""

    nom: str

    def connait(self, methode: str, chemin: str) -> bool:
        """Tell whether something answers to this method at this path."""

    def operation(self, requete: Requete) -> str:
        """Return the operation asked, for the moods."""

    def traiter(self, requete: Requete) -> Reponse:
        """Answer from the request and the service's own state."""

    def hors_sujet(self, operation: str) -> bytes:
        """Return a well-formed answer of another operation (mood « absurde »)."""

    def oublier(self) -> None:
        """Go back to the start data."""

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """Answer a control request of this service's own; KeyError when unknown.

        `corps` is the JSON object of a POST, the parameters of the address of a GET.
        """

    def identites(self) -> int:
        """Return how many things it knows (shown by the tray)."""


@runtime_checkable
class DeuxPortes(Protocol):
    """A service with a second door, for browsers, that must know where it answers."""

    portail_http: bool

    def install(self, port: int, portail_port: int) -> None:
        """Take note of both ports, before anyone is served."""


class Hasard:
    """Legal variations: drawn at random, or none of them with `--calme`."""

    def __init__(self, hasard: random.Random, *, calme: bool) -> None:
        self.hasard = hasard
        self.calme = calme

    def often(self, probabilite: float) -> bool:
        """Tell whether to vary this time; never when calm."""
        return not self.calme and self.hasard.random() < probabilite
