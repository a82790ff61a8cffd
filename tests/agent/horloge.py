"""An event loop whose clock the test moves: sixty seconds pass without waiting for them."""

import asyncio
import functools
import inspect
from concurrent.futures import ThreadPoolExecutor


class Boucle(asyncio.SelectorEventLoop):
    """A loop of the standard library, its time ahead by `avance` seconds."""

    avance = 0.0

    def time(self):
        return super().time() + self.avance

    async def pass_s(self, secondes):
        """Let this time pass for every timer, and what they wake run."""
        self.avance += secondes
        for _ in range(10):
            await asyncio.sleep(0)


def a_l_heure(test):
    """Run a coroutine test, given its loop if it wants one (`boucle`), in a thread of its own."""

    parametres = list(inspect.signature(test).parameters.values())
    voulue = bool(parametres) and parametres[0].name == "boucle"

    def jouer(*args, **kwargs):
        boucle = Boucle()
        donnes = (boucle, *args) if voulue else args
        asyncio.set_event_loop(boucle)
        try:
            boucle.run_until_complete(asyncio.wait_for(test(*donnes, **kwargs), 30_000))
        finally:
            asyncio.set_event_loop(None)
            boucle.close()

    @functools.wraps(test)
    def joue(*args, **kwargs):
        with ThreadPoolExecutor(1) as fil:
            return fil.submit(jouer, *args, **kwargs).result()

    # pytest must not look for a fixture of that name.
    joue.__signature__ = inspect.Signature(parametres[voulue:])
    return joue
