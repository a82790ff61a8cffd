"""What the agent asks of a card driver, whatever stands behind it (agent.md §2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from agent.cards.code_porteur import CodePorteur


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
    pave: bool = False


@dataclass(frozen=True)
class ASigner:
    """What the server asks a card to sign; `purpose` and `libelle` are read in the window."""

    cle: str
    alg: str
    empreintes: list[bytes] = field(repr=False)
    purpose: str
    libelle: str
    cert_sha256: str


class Canal(Protocol):
    """One opened card, used from a worker thread: APDU out, answer in."""

    atr: bytes

    def transmit(self, apdu: bytes, *, rejouable: bool = False) -> tuple[bytes, int]:
        """Return (data, status word); 61xx and 6Cxx are followed. Raises ErreurAgent.

        A dropped exchange is replayed, three times at most, only when `rejouable` (SELECT, READ
        BINARY, GET DATA): never a code nor a signature (agent.md §5.9).
        """


Emettre = Callable[[str, dict[str, Any]], None]


class Pilote(Protocol):
    """One driver for all readers of the workstation."""

    nom: str
    codes: CodePorteur

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

    async def lire_situations(self, carte: Carte) -> dict[str, Any]:
        """Return the situations d'exercice, the code asked for if it must be."""

    def nom_cps(self) -> str | None:
        """Return the name of what reads a CPS here; None when its library is missing."""

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands, as last known."""

    async def lire_pin(self) -> EtatPin:
        """Return where the holder's code stands, its counter read from the card."""

    def pin_lock(self) -> None:
        """Forget that the code was given."""

    async def signer(self, carte: Carte, demande: ASigner) -> tuple[list[bytes], bytes]:
        """Return (signatures, certificate), each signature verified with it."""
