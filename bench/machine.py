"""What the kernel says of each process: memory, idle CPU; and how long a start takes."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.lanceur.noyau import postgres_in
from config.lanceur.pile import Options, Pile

_TIC = os.sysconf("SC_CLK_TCK")


@contextmanager
def started_stack() -> Iterator[tuple[Pile, dict[str, float]]]:
    """Start once on nothing, stop, start again: the second one is lent, with both durations."""
    donnees = Path(tempfile.mkdtemp(prefix="comptoir-banc-"))
    donnees.chmod(0o711)
    options = Options(durable=True, calme=True)
    durees = {}
    try:
        debut = time.perf_counter()
        pile = Pile(donnees, options)
        try:
            pile.start_all()
            durees["premier démarrage (base à faire)"] = time.perf_counter() - debut
        finally:
            pile.stop()
        debut = time.perf_counter()
        pile = Pile(donnees, options)
        try:
            pile.start_all()
            durees["démarrage suivant"] = time.perf_counter() - debut
            yield pile, durees
        finally:
            pile.stop()
    finally:
        shutil.rmtree(donnees, ignore_errors=True)


def _family(pile: Pile, nom: str) -> list[int]:
    pid = pile.enfants[nom].pid
    if nom == "postgres" and pile.postgres is not None:
        return postgres_in(pile.postgres.data) or [pid]
    return [pid]


def _memory_ko(pid: int) -> int:
    """Proportional share: what is shared between processes is counted once in all."""
    for ligne in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if ligne.startswith("Pss:"):
            return int(ligne.split()[1])
    return 0


def _cpu_s(pid: int) -> float:
    champs = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(champs[11]) + int(champs[12])) / _TIC


def read_cpu_ms(pile: Pile, *noms: str) -> dict[str, float]:
    """Return the processor time spent so far by each of these processes, to the nanosecond."""
    return {nom: sum(_clock_ms(p) for p in _family(pile, nom)) for nom in noms}


def _clock_ms(pid: int) -> float:
    """Read the CPU clock of a process (clock_getcpuclockid, as the kernel numbers it)."""
    try:
        return time.clock_gettime((~pid << 3) | 2) * 1000
    except OSError:  # a backend that just ended
        return 0.0


def read_processes(pile: Pile, duree_s: float) -> dict[str, tuple[float, float]]:
    """Return (MiB, CPU in % of one core at rest) of each process, PostgreSQL with its backends."""
    avant = {nom: {p: _cpu_s(p) for p in _family(pile, nom)} for nom in pile.enfants}
    time.sleep(duree_s)
    lus = {}
    for nom in pile.enfants:
        famille = _family(pile, nom)
        cpu = sum(_cpu_s(p) - avant[nom].get(p, 0.0) for p in famille)
        lus[nom] = (sum(_memory_ko(p) for p in famille) / 1024, 100 * cpu / duree_s)
    return lus
