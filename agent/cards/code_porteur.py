"""The code porteur: its window as a state machine, how long it holds (agent.md §5.10).

Nothing is drawn here. What draws (a window, the tray of the demonstration) observes `vue` and
calls `send`, `confirm` or `cancel`; what knows the card is a `CarteCode`. One window at a time,
five requests wait; the digits live in one bytearray, wiped whatever happens; no try is spent
without keystrokes made for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from agent import operation
from agent.cards.base import Emettre, EtatPin
from agent.protocol.messages import ErreurAgent

FENETRE_S = 60
ATTENTE_MAX = 5
VALIDITE_MIN, VALIDITE_MAX = 15, 60
LONGUEURS = range(4, 9)


class Etape(StrEnum):
    """Where the window stands."""

    SAISIE = "saisie"
    CONFIRMATION = "confirmation"
    VERIFICATION = "verification"
    LECTEUR = "lecteur"


@dataclass(frozen=True)
class Question:
    """What the person reads before typing: whose card, for what, in which reader.

    `insertion` is the card's, not shown: a code given to a card holds for no other.
    """

    porteur: str
    id_nat: str
    purpose: str
    libelle: str
    lecteur: str
    insertion: str = ""


@dataclass(frozen=True)
class Vue:
    """What the window shows. `faux`: the code just given was wrong, the field is empty again.

    `echeance` is a time of the event loop; `pave`: the digits go on the reader's own keys.
    """

    question: Question
    essais: int
    etape: Etape
    echeance: float
    origine: str = ""
    faux: bool = False

    @property
    def pave(self) -> bool:
        """Whether the window only says « Saisissez le code sur le lecteur »."""
        return self.etape is Etape.LECTEUR


class CarteCode(Protocol):
    """The card behind the window."""

    async def etat(self) -> EtatPin:
        """Return the state read from the card, its counter above all."""

    async def presenter(self, code: bytearray | None) -> EtatPin:
        """Give the code (None: typed on the reader). Raises E_CPS_PIN_WRONG or _LOCKED."""


def wipe(code: bytearray) -> None:
    """Overwrite the digits."""
    for rang in range(len(code)):
        code[rang] = 0


def is_code(code: bytes | bytearray) -> bool:
    """Tell whether these are four to eight ASCII digits. Source: agent.md §1.3, « PIN »."""
    return len(code) in LONGUEURS and all(0x30 <= octet <= 0x39 for octet in code)


class CodePorteur:
    """The one window of the workstation, and the code given to the card in the reader."""

    def __init__(self, emettre: Emettre, *, minutes: int = VALIDITE_MIN) -> None:
        if not 0 <= minutes <= VALIDITE_MAX:
            raise ValueError("minutes")
        self._emettre = emettre
        self._validite_s = minutes * 60
        self._verrou = asyncio.Lock()
        self._en_attente = 0
        self._vue: Vue | None = None
        self._code: bytearray | None = None
        self._reponse: asyncio.Future[None] | None = None
        self._minuterie: asyncio.TimerHandle | None = None
        self._presente: str | None = None
        self.au_changement: list[Callable[[Vue | None], None]] = []
        self.a_l_oubli: list[Callable[[], None]] = []

    # For what draws the window

    @property
    def vue(self) -> Vue | None:
        """What the window shows now; None when it is closed."""
        return self._vue

    def send(self, code: bytearray) -> bool:
        """Give digits typed by a person; False when none are asked. `code` is wiped here.

        Raises ValueError for what is not four to eight digits: no try is spent.
        """
        try:
            if not is_code(code):
                raise ValueError("chiffres")
            if self._vue is None or self._vue.etape is not Etape.SAISIE:
                return False
            self._code = bytearray(code)
        finally:
            wipe(code)
        if self._vue.essais == 1:
            self._show(replace(self._vue, etape=Etape.CONFIRMATION))
        else:
            self._answer(None)
        return True

    def confirm(self) -> bool:
        """Spend the last try, as asked a second time; False when nothing waits for it."""
        if self._vue is None or self._vue.etape is not Etape.CONFIRMATION:
            return False
        self._answer(None)
        return True

    def cancel(self) -> bool:
        """Close the window, as Escape does; False when it is not open."""
        return self._answer(ErreurAgent("E_CPS_PIN_CANCELLED"))

    def refuse(self, erreur: ErreurAgent) -> bool:
        """Close the request for what draws the window, which cannot; False when none is open."""
        return self._answer(erreur)

    # For the drivers

    def is_given(self, insertion: str = "") -> bool:
        """Tell whether the code was given to this card and still holds."""
        return self._presente == insertion

    async def obtain(self, question: Question, carte: CarteCode) -> None:
        """Return once the code is given to the card, asking for it if it must be.

        Raises E_BUSY, E_CPS_PIN_LOCKED, _CANCELLED, _TIMEOUT, E_CARD_REMOVED.
        """
        if self.is_given(question.insertion):
            return
        if self._en_attente > ATTENTE_MAX:
            raise ErreurAgent("E_BUSY")
        self._en_attente += 1
        try:
            async with self._verrou:
                if not self.is_given(question.insertion):
                    await self._ask(question, carte)
        finally:
            self._en_attente -= 1

    def touch(self) -> None:
        """Count the validity again from a signature."""
        if self._presente is not None:
            self._hold()

    def limit(self, minutes: int) -> None:
        """Have a code hold so long from its last signature; one that holds now counts again.

        ValueError beyond an hour.
        """
        if not 0 <= minutes <= VALIDITE_MAX:
            raise ValueError("minutes")
        if minutes * 60 == self._validite_s:
            return
        self._validite_s = minutes * 60
        if not minutes:
            self.lock()
        else:
            self.touch()

    def end(self) -> None:
        """Close an operation: with a validity of zero minutes, the code served for it alone."""
        if not self._validite_s:
            self.lock()

    def lock(self) -> None:
        """Forget that the code was given: removal, locked session, `cps.lock`, time passed."""
        if self._minuterie is not None:
            self._minuterie.cancel()
            self._minuterie = None
        if self._presente is not None:
            self._presente = None
            for oublier in list(self.a_l_oubli):
                oublier()

    def card_removed(self, insertion: str = "") -> None:
        """Close the window of this card and forget its code: no try is spent."""
        if self.is_given(insertion):
            self.lock()
        if self._vue is not None and self._vue.question.insertion == insertion:
            self._answer(ErreurAgent("E_CARD_REMOVED"))

    # The window

    async def _ask(self, question: Question, carte: CarteCode) -> None:
        etat = await carte.etat()
        if etat.essais == 0:
            raise ErreurAgent("E_CPS_PIN_LOCKED", tries_left=0)
        boucle = asyncio.get_running_loop()
        demandeur = operation.current()
        self._reponse = boucle.create_future()
        operation.prompt(ouverte=True, purpose=question.purpose)
        self._show(
            Vue(
                question,
                etat.essais,
                Etape.LECTEUR if etat.pave else Etape.SAISIE,
                boucle.time() + FENETRE_S,
                demandeur.origine if demandeur else "",
            )
        )
        try:
            while not await self._try(carte, pave=etat.pave):
                pass
        finally:
            self._forget_digits()
            self._reponse = None
            self._show(None)
            operation.prompt(ouverte=False, purpose=question.purpose)
        self._presente = question.insertion
        self._hold()

    async def _try(self, carte: CarteCode, *, pave: bool) -> bool:
        """Play one answer of the window; True when the card accepted the code."""
        if not pave:
            await self._wait_digits()
        assert self._vue is not None  # noqa: S101 - opened by `_ask`, closed by it
        code, self._code = self._code, None
        vue = self._vue
        if not pave:
            self._show(replace(vue, etape=Etape.VERIFICATION, faux=False))
        try:
            etat = await (self._wait_reader(carte) if pave else carte.presenter(code))
        except ErreurAgent as erreur:
            if erreur.code == "E_CPS_PIN_LOCKED":
                self._emettre("cps.pin", {"state": "bloquee", "tries_left": 0})
            if erreur.code != "E_CPS_PIN_WRONG":
                raise
            etat = await carte.etat()
            self._emettre("cps.pin", {"state": etat.etat, "tries_left": etat.essais})
            self._renew(vue, etat)
            return False
        finally:
            if code is not None:
                wipe(code)
        self._emettre("cps.pin", {"state": "presentee", "tries_left": etat.essais})
        return True

    def _renew(self, vue: Vue, etat: EtatPin) -> None:
        """Empty the field after a wrong code; the counter shown is the card's."""
        if etat.essais == 0:
            raise ErreurAgent("E_CPS_PIN_LOCKED", tries_left=0)
        etape = Etape.LECTEUR if vue.pave else Etape.SAISIE
        self._show(replace(vue, essais=etat.essais, etape=etape, faux=True))

    def _left(self, vue: Vue) -> float:
        return vue.echeance - asyncio.get_running_loop().time()

    async def _wait_digits(self) -> None:
        """Wait for a gesture: the digits are then in `_code`. What closes the window is raised.

        A card that left while the one before was judged has already answered.
        """
        assert self._vue is not None  # noqa: S101 - opened by `_ask`
        assert self._reponse is not None  # noqa: S101 - made by `_ask`
        try:
            await asyncio.wait_for(self._reponse, self._left(self._vue))
        except TimeoutError as exc:
            raise ErreurAgent("E_CPS_PIN_TIMEOUT") from exc
        self._reponse = asyncio.get_running_loop().create_future()

    async def _wait_reader(self, carte: CarteCode) -> EtatPin:
        """Wait for digits typed on the reader's keys, or for what closes the window first."""
        assert self._vue is not None  # noqa: S101 - opened by `_ask`
        assert self._reponse is not None  # noqa: S101 - made by `_ask`
        lecture = asyncio.ensure_future(carte.presenter(None))
        attentes: set[asyncio.Future[Any]] = {lecture, self._reponse}
        try:
            finies, _ = await asyncio.wait(
                attentes, timeout=self._left(self._vue), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not lecture.done():
                lecture.cancel()
        if lecture in finies:
            return lecture.result()
        if self._reponse in finies:
            self._reponse.result()
        raise ErreurAgent("E_CPS_PIN_TIMEOUT")

    def _answer(self, erreur: ErreurAgent | None) -> bool:
        if self._reponse is None or self._reponse.done():
            return False
        if erreur is None:
            self._reponse.set_result(None)
        else:
            self._forget_digits()
            self._reponse.set_exception(erreur)
            # Nobody may be waiting for it any more; that is no defect to report.
            self._reponse.exception()
        return True

    def _forget_digits(self) -> None:
        if self._code is not None:
            wipe(self._code)
            self._code = None

    def _show(self, vue: Vue | None) -> None:
        self._vue = vue
        for observer in list(self.au_changement):
            observer(vue)

    def _hold(self) -> None:
        if self._minuterie is not None:
            self._minuterie.cancel()
            self._minuterie = None
        if self._validite_s:
            boucle = asyncio.get_running_loop()
            self._minuterie = boucle.call_later(self._validite_s, self.lock)
