"""The CPS in a PC/SC reader: each act in the reader's thread (see `cps.usage.Acces`)."""

from collections.abc import Callable
from typing import TypeVar

from agent.cards.base import Carte
from agent.cards.cps.usage import Cps
from agent.cards.cps.volets import CpsApdu
from agent.cards.pcsc.lecteurs import Lecteurs

T = TypeVar("T")


class AccesPcsc:
    """Acts by APDU. A card that was given its code stays open until it must forget it."""

    nom = "apdu"

    def __init__(self, lecteurs: Lecteurs) -> None:
        self._lecteurs = lecteurs

    async def use(self, carte: Carte, acte: Callable[[Cps], T], *, code: bool = False) -> T:
        """Play an act; what gives the code or needs it is not begun again after a reset."""
        return await self._lecteurs.use(
            carte, lambda canal: acte(CpsApdu(canal)), garder=code, relancable=not code
        )

    def leave(self) -> None:
        """Reset the card kept open: it forgets the code."""
        self._lecteurs.forget_code()

    def forget_card(self) -> None:
        """Do nothing: the readers closed it."""
