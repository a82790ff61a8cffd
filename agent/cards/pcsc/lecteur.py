"""One thread a reader: a card is opened, used, and closed there, never on the agent's loop (§5.9).

An act is a function of a `Canal`. It runs between SCardBeginTransaction and SCardEndTransaction,
from its first exchange again when another program resets the card, once. Who no longer waits
calls `abandon`: the thread ends by itself after the exchange in progress, and another takes the
reader.
"""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.erreurs import (
    HORS_SERVICE,
    NON_TRANSMIS,
    OCCUPE,
    POIGNEE_MORTE,
    REINITIALISEE,
    translate,
)
from agent.cards.pcsc.scard import ErreurScard, EtatLecteur, Scard
from agent.protocol.messages import ErreurAgent

# Three tries within 1.5 s at a card another program has for itself.
ESSAIS_OCCUPE, PAUSE_OCCUPE_S = 3, 0.5
REJEUX = 3
SUITES_MAX = 64
PERDUS = frozenset({NON_TRANSMIS, 0x8010002F})


class Reinitialisee(Exception):
    """Another program reset the card: what was selected or read before is void."""


class CanalPcsc:
    """One opened card (see `agent.cards.base.Canal`)."""

    def __init__(
        self, scard: Scard, ouverture: tuple[int, int], atr: bytes, abandon: threading.Event
    ) -> None:
        self.poignee, self._protocole = ouverture
        self._scard = scard
        self.atr = atr
        self._abandon = abandon

    def transmit(self, apdu: bytes, *, rejouable: bool = False) -> tuple[bytes, int]:
        """Return (data, status word) of a command. Raises ErreurAgent."""
        for _ in range(1 + REJEUX if rejouable else 1):
            reponse = self._follow(apdu)
            if reponse is not None:
                return reponse
        raise ErreurAgent("E_CARD_REMOVED")

    def _follow(self, apdu: bytes) -> tuple[bytes, int] | None:
        """Play one command to its end: `61xx` is fetched, `6Cxx` asked again with that length."""
        lu = self._exchange(apdu)
        if lu is not None and lu[1] >> 8 == 0x6C:
            lu = self._exchange(with_length(apdu, lu[1] & 0xFF))
        donnees = b""
        for _ in range(SUITES_MAX):
            if lu is None or lu[1] >> 8 != 0x61:
                return None if lu is None else (donnees + lu[0], lu[1])
            donnees += lu[0]
            lu = self._exchange(bytes([apdu[0] & 0xEF, 0xC0, 0, 0, lu[1] & 0xFF]))
        raise ErreurAgent("E_CARD_PROTOCOL", sw="6100")

    def _exchange(self, apdu: bytes) -> tuple[bytes, int] | None:
        """Return one answer, or None when it was lost: fewer than two bytes, whatever the code."""
        if self._abandon.is_set():
            raise ErreurAgent("E_CANCELLED")
        try:
            brut = self._scard.transmit(self.poignee, self._protocole, apdu)
        except ErreurScard as erreur:
            if erreur.code == REINITIALISEE:
                raise Reinitialisee from erreur
            if erreur.code in PERDUS:
                return None
            raise translate(erreur.code) from erreur
        return (brut[:-2], int.from_bytes(brut[-2:])) if len(brut) >= 2 else None

    def reopen(self, protocole: int) -> None:
        """Note that the same handle works again, after a reset."""
        self._protocole = protocole


def with_length(apdu: bytes, longueur: int) -> bytes:
    """Return a command that asks for this many bytes. Source: ISO 7816-4 §5.1, short forms."""
    sans_attente = len(apdu) == 4 or (len(apdu) > 5 and len(apdu) == 5 + apdu[4])
    return (apdu if sans_attente else apdu[:-1]) + bytes([longueur])


@dataclass
class Travail:
    """One act on the card of a reader. `compteur`: the card it is for, as the service counts.

    `garder` leaves the card open for the next act (a code was given); `relancable` may be played
    again from its first exchange; `reset` closes a Vitale, a CPS is left as it is.
    """

    acte: Callable[[CanalPcsc], Any]
    compteur: int
    garder: bool = False
    relancable: bool = True
    reset: bool = False
    exclusif: bool = False
    futur: "Future[Any]" = field(default_factory=Future)


class Ouvrier:
    """The thread of a reader."""

    def __init__(self, scard: Scard, nom: str) -> None:
        self.nom = nom
        self._scard = scard
        self._file: SimpleQueue[Travail | Callable[[], None] | None] = SimpleQueue()
        self._abandon = threading.Event()
        self._contexte: int | None = None
        self._canal: CanalPcsc | None = None
        self._compteur = -1
        self._fil = threading.Thread(target=self._run, name="pcsc-lecteur", daemon=True)
        self._fil.start()

    # Called from the agent's loop

    def ask(self, travail: Travail) -> "Future[Any]":
        """Queue an act; its result, or its ErreurAgent, comes in the future."""
        self._file.put(travail)
        return travail.futur

    def release(self) -> "Future[Any]":
        """Close the card and the context, so that another program has the reader."""
        return self._call(self._drop)

    def forget(self) -> "Future[Any]":
        """Reset the card, kept open or not: it forgets the code given to it."""
        return self._call(self._forget)

    def revive(self) -> "Future[Any]":
        """Return the state of the slot; one that says « empty » is shaken first.

        A card put back before the service looked leaves it so for ever (agent.md §6.5, point 13).
        """
        return self._call(self._revive)

    def abandon(self) -> None:
        """End after the exchange in progress; nobody waits any more."""
        self._abandon.set()
        self._file.put(None)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, perhaps in an exchange that never ends."""
        return self._fil.is_alive()

    # The thread

    def _call(self, fonction: Callable[[], object]) -> "Future[Any]":
        futur: Future[Any] = Future()

        def joue() -> None:
            try:
                futur.set_result(fonction())
            except ErreurScard as erreur:
                futur.set_exception(translate(erreur.code))

        self._file.put(joue)
        return futur

    def _run(self) -> None:
        while (demande := self._file.get()) is not None:
            if not isinstance(demande, Travail):
                demande()
            elif demande.futur.set_running_or_notify_cancel():
                try:
                    demande.futur.set_result(self._do(demande))
                except ErreurScard as erreur:
                    demande.futur.set_exception(translate(erreur.code))
                except Exception as exc:  # noqa: BLE001 - handed to who waits for the act
                    demande.futur.set_exception(exc)
        self._drop()

    def _do(self, travail: Travail) -> Any:  # noqa: ANN401 - what the act returns
        gardee = self._canal
        canal = self._open(travail)
        tenir = False
        try:
            try:
                resultat = self._play(canal, travail)
            except Reinitialisee as exc:
                if not travail.relancable:
                    raise ErreurAgent("E_CARD_PROTOCOL", reason="reinitialisee") from exc
                self._retake(canal)
                resultat = self._play(canal, travail)
            tenir = travail.garder or canal is gardee
        except Reinitialisee as exc:
            raise ErreurAgent("E_CARD_PROTOCOL", reason="reinitialisee") from exc
        else:
            return resultat
        finally:
            if not tenir:
                self._close(pcsc.REINITIALISER if travail.reset else pcsc.LAISSER)

    def _retake(self, canal: CanalPcsc) -> None:
        """Take the card again after the reset of another program."""
        canal.reopen(
            self._scard.reconnect(canal.poignee, pcsc.MODE_PARTAGE, pcsc.PROTOCOLES, pcsc.LAISSER)
        )

    def _play(self, canal: CanalPcsc, travail: Travail) -> Any:  # noqa: ANN401 - the act's
        try:
            self._scard.begin(canal.poignee)
        except ErreurScard as erreur:
            if erreur.code != REINITIALISEE:
                raise
            # Reset while it was kept open: nothing was sent yet, so any act may begin.
            self._retake(canal)
            self._scard.begin(canal.poignee)
        try:
            return travail.acte(canal)
        finally:
            with contextlib.suppress(ErreurScard):
                self._scard.end(canal.poignee, pcsc.LAISSER)

    def _open(self, travail: Travail) -> CanalPcsc:
        """Return the card, opened; E_CARD_CHANGED when it is not the one the act is for."""
        if self._canal is not None:
            if self._compteur == travail.compteur:
                return self._canal
            self._close(pcsc.LAISSER)
        try:
            ouverture, etat = self._connect(travail)
        except ErreurScard as erreur:
            if erreur.code not in HORS_SERVICE | {POIGNEE_MORTE}:
                raise
            # The service restarted since: its contexts died with it.
            self._drop()
            ouverture, etat = self._connect(travail)
        self._canal = CanalPcsc(self._scard, ouverture, etat.atr, self._abandon)
        self._compteur = etat.compteur
        if etat.compteur != travail.compteur:
            self._close(pcsc.LAISSER)
            raise ErreurAgent("E_CARD_CHANGED")
        return self._canal

    def _connect(self, travail: Travail) -> tuple[tuple[int, int], EtatLecteur]:
        ouverture = self._connect_patiently(travail)
        try:
            return ouverture, self._look()
        except ErreurScard:
            with contextlib.suppress(ErreurScard):
                self._scard.disconnect(ouverture[0], pcsc.LAISSER)
            raise

    def _look(self) -> EtatLecteur:
        """Return what the service says of this reader now."""
        etats = self._scard.wait(self._context(), 0, [EtatLecteur(self.nom)])
        return etats[0] if etats else EtatLecteur(self.nom)

    def _connect_patiently(self, travail: Travail) -> tuple[int, int]:
        mode = pcsc.MODE_EXCLUSIF if travail.exclusif else pcsc.MODE_PARTAGE
        for reste in reversed(range(ESSAIS_OCCUPE)):
            try:
                return self._scard.connect(self._context(), self.nom, mode, pcsc.PROTOCOLES)
            except ErreurScard as erreur:
                if erreur.code != OCCUPE or not reste:
                    raise
            if self._abandon.wait(PAUSE_OCCUPE_S):
                break
        raise ErreurAgent("E_CANCELLED")

    def _context(self) -> int:
        if self._contexte is None:
            self._contexte = self._scard.establish()
        return self._contexte

    def _revive(self) -> EtatLecteur:
        self._close(pcsc.LAISSER)
        etat = self._look()
        if etat.presente:
            return etat
        with contextlib.suppress(ErreurScard):
            self._shake()
        return self._look()

    def _shake(self) -> None:
        poignee, _protocole = self._scard.connect(
            self._context(), self.nom, pcsc.MODE_DIRECT, pcsc.PROTOCOLE_AUCUN
        )
        try:
            self._scard.reconnect(poignee, pcsc.MODE_PARTAGE, pcsc.PROTOCOLES, pcsc.COUPER)
        finally:
            with contextlib.suppress(ErreurScard):
                self._scard.disconnect(poignee, pcsc.LAISSER)

    def _close(self, acte: int) -> None:
        canal, self._canal = self._canal, None
        if canal is not None:
            with contextlib.suppress(ErreurScard):
                self._scard.disconnect(canal.poignee, acte)

    def _forget(self) -> None:
        if self._canal is not None:
            self._close(pcsc.REINITIALISER)
            return
        # An act that was cancelled or failed has closed it, and left the code given.
        poignee, _protocole = self._scard.connect(
            self._context(), self.nom, pcsc.MODE_PARTAGE, pcsc.PROTOCOLES
        )
        self._scard.disconnect(poignee, pcsc.REINITIALISER)

    def _drop(self) -> None:
        # What is open between two acts was given a code: nobody else finds it so.
        self._close(pcsc.REINITIALISER)
        contexte, self._contexte = self._contexte, None
        if contexte is not None:
            with contextlib.suppress(ErreurScard):
                self._scard.release(contexte)
