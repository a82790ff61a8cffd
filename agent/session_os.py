"""What happens to the session of the person: locked, unlocked, the machine asleep (§5.7, §5.11)."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Callable

TOUR_S = 2.0
# Time that passed for the wall and not for the process: the machine slept.
SOMMEIL_S = 5.0


def slept_s() -> float:
    """Return how long this machine has slept since it started (0 where nothing tells)."""
    horloge = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(horloge) - time.monotonic() if horloge is not None else 0.0


async def is_locked() -> bool | None:
    """Ask logind whether this session is locked or behind another; None where it does not know."""
    session, outil = os.environ.get("XDG_SESSION_ID"), shutil.which("loginctl")
    if not session or outil is None:
        return None
    with contextlib.suppress(OSError):
        enfant = await asyncio.create_subprocess_exec(
            *(outil, "show-session", session, "-p", "LockedHint", "-p", "Active"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        sortie, _ = await enfant.communicate()
        if enfant.returncode == 0:
            return read_session(sortie.decode(errors="replace"))
    return None


def read_session(texte: str) -> bool | None:
    """Return whether `loginctl show-session` says locked, or not in front; None when it is mute."""
    lus = dict(ligne.split("=", 1) for ligne in texte.splitlines() if "=" in ligne)
    if not lus.keys() & {"LockedHint", "Active"}:
        return None
    return lus.get("LockedHint") == "yes" or lus.get("Active") == "no"


async def watch(on_lock: Callable[[bool], None], on_wake: Callable[[], None]) -> None:
    """Tell what happens to the session, every two seconds; for ever."""
    verrou, dormi = False, slept_s()
    while True:
        await asyncio.sleep(TOUR_S)
        avant, dormi = dormi, slept_s()
        if dormi - avant > SOMMEIL_S:
            on_wake()
        lu = await is_locked()
        if lu is not None and lu != verrou:
            verrou = lu
            on_lock(lu)
