"""The seam with PC/SC: the calls we make, the system's and an absent one (agent.md §5.9)."""

import contextlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

# Numbers of the PC/SC interface (winscard.h), the same on the three systems.
UNAWARE, CHANGED, UNKNOWN = 0x0, 0x2, 0x4
EMPTY, PRESENT, EXCLUSIVE, MUTE = 0x10, 0x20, 0x80, 0x200
MODE_EXCLUSIF, MODE_PARTAGE, MODE_DIRECT = 1, 2, 3
PROTOCOLE_AUCUN, PROTOCOLES = 0, 3
LAISSER, REINITIALISER, COUPER = 0, 1, 2
NUMERO_DE_SERIE = 0x00010103
# The pseudo-reader whose state changes when a reader comes or goes.
BRANCHEMENTS = "\\\\?PnP?\\Notification"

INTERNE, ANNULE, DELAI, SANS_LECTEUR = 0x80100001, 0x80100002, 0x8010000A, 0x8010002E
SANS_SERVICE = 0x8010001D


class ErreurScard(Exception):
    """A call refused: its 32-bit code, never what was exchanged."""

    def __init__(self, code: int) -> None:
        super().__init__(f"0x{code:08X}")
        self.code = code


@dataclass(frozen=True)
class EtatLecteur:
    """What the service says of a reader. The high half of `etat` counts its cards in and out."""

    nom: str
    etat: int = UNAWARE
    atr: bytes = b""

    @property
    def compteur(self) -> int:
        """How many times a card came or left, as the service counts."""
        return self.etat >> 16 & 0xFFFF

    @property
    def presente(self) -> bool:
        """Whether a card is in."""
        return bool(self.etat & PRESENT)

    @property
    def muette(self) -> bool:
        """Whether the card in does not answer: wrong way round, dirty, dead."""
        return self.presente and (bool(self.etat & MUTE) or not self.atr)


class Scard(Protocol):
    """The calls of PC/SC. Each may raise ErreurScard; blocking ones run in threads of ours."""

    motif: str

    def establish(self) -> int:
        """Open a context with the service."""

    def release(self, contexte: int) -> None:
        """Close a context."""

    def cancel(self, contexte: int) -> None:
        """Wake who waits in `wait` on this context, from another thread."""

    def readers(self, contexte: int) -> list[str]:
        """Return the names of the readers; none is not a fault."""

    def wait(
        self, contexte: int, delai_ms: int, connus: list[EtatLecteur]
    ) -> list[EtatLecteur] | None:
        """Return the states once one differs from `connus`; None when nothing moved in time."""

    def connect(self, contexte: int, lecteur: str, mode: int, protocoles: int) -> tuple[int, int]:
        """Open the card of a reader; return (handle, protocol)."""

    def reconnect(self, poignee: int, mode: int, protocoles: int, acte: int) -> int:
        """Take a connection again after a reset; return the protocol."""

    def begin(self, poignee: int) -> None:
        """Have the card for us alone; waits while another program has it."""

    def end(self, poignee: int, acte: int) -> None:
        """Give the card back."""

    def disconnect(self, poignee: int, acte: int) -> None:
        """Close the card: leave it, reset it, or cut its power."""

    def transmit(self, poignee: int, protocole: int, apdu: bytes) -> bytes:
        """Return the card's answer, status word included; shorter when the card is gone."""

    def serial(self, contexte: int, lecteur: str) -> str:
        """Return the reader's serial number, empty when it does not say."""


class ScardAbsent:
    """No PC/SC on this workstation: every call says that the service does not answer."""

    def __init__(self, motif: str) -> None:
        self.motif = motif

    def __getattr__(self, _nom: str) -> Any:  # noqa: ANN401 - stands for any call
        def refuse(*_args: object) -> None:
            raise ErreurScard(SANS_SERVICE)

        return refuse


class ScardSysteme:
    """PC/SC through pyscard's low-level calls: its own threads end with the service (§5.9)."""

    motif = ""

    def __init__(self, scard: ModuleType) -> None:
        self._s: Any = scard

    def _ask(self, code: int, valeur: Any = None) -> Any:  # noqa: ANN401 - what pyscard gives
        if code & 0xFFFFFFFF:
            raise ErreurScard(code & 0xFFFFFFFF)
        return valeur

    def establish(self) -> int:
        """Open a context with the service."""
        return int(self._ask(*self._s.SCardEstablishContext(self._s.SCARD_SCOPE_USER)))

    def release(self, contexte: int) -> None:
        """Close a context."""
        self._ask(self._s.SCardReleaseContext(contexte))

    def cancel(self, contexte: int) -> None:
        """Wake who waits on this context."""
        self._ask(self._s.SCardCancel(contexte))

    def readers(self, contexte: int) -> list[str]:
        """Return the names of the readers."""
        code, noms = self._s.SCardListReaders(contexte, [])
        if code & 0xFFFFFFFF == SANS_LECTEUR:
            return []
        return [str(nom) for nom in self._ask(code, noms)]

    def wait(
        self, contexte: int, delai_ms: int, connus: list[EtatLecteur]
    ) -> list[EtatLecteur] | None:
        """Return the states once one differs."""
        demande = [(e.nom, e.etat) for e in connus]
        code, etats = self._s.SCardGetStatusChange(contexte, delai_ms, demande)
        if code & 0xFFFFFFFF == DELAI:
            return None
        return [
            EtatLecteur(nom, etat & 0xFFFFFFFF, bytes(atr))
            for nom, etat, atr in self._ask(code, etats)
        ]

    def connect(self, contexte: int, lecteur: str, mode: int, protocoles: int) -> tuple[int, int]:
        """Open the card of a reader."""
        code, poignee, protocole = self._s.SCardConnect(contexte, lecteur, mode, protocoles)
        self._ask(code)
        return int(poignee), int(protocole)

    def reconnect(self, poignee: int, mode: int, protocoles: int, acte: int) -> int:
        """Take a connection again."""
        return int(self._ask(*self._s.SCardReconnect(poignee, mode, protocoles, acte)))

    def begin(self, poignee: int) -> None:
        """Have the card for us alone."""
        self._ask(self._s.SCardBeginTransaction(poignee))

    def end(self, poignee: int, acte: int) -> None:
        """Give the card back."""
        self._ask(self._s.SCardEndTransaction(poignee, acte))

    def disconnect(self, poignee: int, acte: int) -> None:
        """Close the card."""
        self._ask(self._s.SCardDisconnect(poignee, acte))

    def transmit(self, poignee: int, protocole: int, apdu: bytes) -> bytes:
        """Return the card's answer."""
        try:
            code, reponse = self._s.SCardTransmit(poignee, protocole, list(apdu))
        except SystemError as exc:
            # A handle that was never opened: pyscard has no code for it (§5.9).
            raise ErreurScard(INTERNE) from exc
        return bytes(octet & 0xFF for octet in self._ask(code, reponse))

    def serial(self, contexte: int, lecteur: str) -> str:
        """Return the reader's serial number."""
        try:
            poignee, _protocole = self.connect(contexte, lecteur, MODE_DIRECT, PROTOCOLE_AUCUN)
        except ErreurScard:
            return ""
        try:
            brut = bytes(self._ask(*self._s.SCardGetAttrib(poignee, NUMERO_DE_SERIE)))
        except ErreurScard:
            brut = b""
        finally:
            with contextlib.suppress(ErreurScard):
                self.disconnect(poignee, LAISSER)
        texte = brut.rstrip(b"\0").decode("ascii", "replace").strip()
        return texte if texte.isprintable() else ""


def load() -> Scard:
    """Return the system's PC/SC, or what says that it is not there."""
    try:
        from smartcard import scard
    except ImportError:
        absent: Scard = ScardAbsent("pyscard")
        return absent
    return ScardSysteme(scard)
