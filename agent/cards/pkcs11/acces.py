"""Acts on the card of the library, from the agent's loop (see `cps.usage.Acces`)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from agent.cards.base import Carte
from agent.cards.cps.usage import Cps
from agent.cards.pkcs11.ouvrier import CpsPkcs11, Ouvrier
from agent.protocol.messages import ErreurAgent

T = TypeVar("T")


class AccesPkcs11:
    """Acts in the worker's process, one at a time. `nommer` gives a reader's name in the system."""

    def __init__(
        self, chemin: str | None, nommer: Callable[[str], str] = lambda lecteur: lecteur
    ) -> None:
        self._ouvrier = None if chemin is None else Ouvrier(chemin)
        self._nommer = nommer
        self._fil = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")

    @property
    def nom(self) -> str | None:
        """« pkcs11 »; None when the library is absent, or was found not to load."""
        return None if self._ouvrier is None else "pkcs11"

    async def use(self, carte: Carte, acte: Callable[[Cps], T], *, code: bool = False) -> T:
        """Play an act. Cancelled: the worker is killed, for it may never answer.

        Raises E_CPS_LIB_MISSING without a library; the vitale and the scanner do not need it.
        """
        del code
        ouvrier = self._ouvrier
        if ouvrier is None:
            raise ErreurAgent("E_CPS_LIB_MISSING")
        cps = CpsPkcs11(ouvrier, self._nommer(carte.lecteur))
        boucle = asyncio.get_running_loop()
        try:
            return await boucle.run_in_executor(self._fil, acte, cps)
        except asyncio.CancelledError:
            ouvrier.kill()
            raise
        except ErreurAgent as erreur:
            if erreur.code == "E_CPS_LIB_MISSING":
                self._ouvrier = None
            raise

    def leave(self) -> None:
        """End the worker: the code is forgotten with it."""
        if self._ouvrier is not None:
            self._ouvrier.kill()

    def forget_card(self) -> None:
        """End the worker: its list of slots may be wrong from now on (§1.4, known defects)."""
        self.leave()
