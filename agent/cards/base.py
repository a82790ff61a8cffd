"""What the agent asks of a card driver, whatever stands behind it (agent.md §2.4)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Carte:
    """A card in a reader. `insertion_id` changes at every insertion; no identity here."""

    lecteur: str
    genre: str
    insertion_id: str
    atr: str = ""
    generation: str = ""
    simulee: bool = False


@dataclass
class EtatPin:
    """Where the holder's code stands."""

    etat: str
    essais: int


@dataclass
class FenetrePin:
    """The agent's own window: what it shows, and where the digits go.

    The digits live in a bytearray wiped after use; they never leave the agent.
    """

    porteur: str
    purpose: str
    libelle: str
    essais: int
    lecteur: str
    reponse: "asyncio.Future[bytearray | None]" = field(repr=False)


class Canal(Protocol):
    """One opened card, used from a worker thread: APDU out, answer in."""

    atr: bytes

    def transmit(self, apdu: bytes, *, rejouable: bool = False) -> tuple[bytes, int]:
        """Return (data, status word); 61xx and 6Cxx are followed. Raises ErreurAgent.

        A dropped exchange is replayed, three times at most, only when `rejouable` (SELECT, READ
        BINARY, GET DATA): never a code nor a signature (agent.md §5.9).
        """


Emettre = Callable[[str, dict[str, Any]], None]
DemanderPin = Callable[[FenetrePin], None]


class Pilote(Protocol):
    """One driver for all readers of the workstation."""

    nom: str

    @property
    def simule(self) -> bool:
        """Whether what this workstation reads may be simulated."""

    def lecteurs(self) -> list[dict[str, Any]]:
        """Return the readers and what they hold (metadata only)."""

    def carte(self, genre: str, lecteur: str = "") -> Carte:
        """Return the card of a kind, in this reader if one is named.

        ErreurAgent when absent, mute, or ambiguous.
        """

    async def ceder(self, lecteur: str, duree_s: float) -> None:
        """Leave a reader to another program for a while. Raises ErreurAgent."""

    def reprendre(self, lecteur: str) -> None:
        """Take a lent reader back. Raises ErreurAgent."""

    def affecter(self, lecteur: str, usage: str) -> None:
        """Say what a reader serves: vitale, cps, nfc, ignore. Raises ErreurAgent."""

    async def lire_vitale(self, carte: Carte) -> dict[str, Any]:
        """Return the normalised Vitale object."""

    async def lire_apcv(self, carte: Carte) -> dict[str, Any]:
        """Return what a phone laid on the reader gives: an opaque string, never looked into."""

    async def lire_cps(self, carte: Carte) -> dict[str, Any]:
        """Return the public part of a CPS."""

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands."""

    def pin_lock(self) -> None:
        """Forget that the code was given."""

    async def signer(
        self,
        carte: Carte,
        cle: str,
        empreintes: list[bytes],
        demande: tuple[str, str],
        cert_sha256: str,
    ) -> tuple[list[bytes], bytes]:
        """Return (signatures, certificate); `demande` is (purpose, label) for the window."""
