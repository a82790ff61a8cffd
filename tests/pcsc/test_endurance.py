"""Cards in and out, again and again: nothing of the agent grows (agent.md §8, case 100).

Sixty cycles here; `make endurance` plays six hundred at least, for five minutes at least, with each
driver. Neither is the twenty-four hours of the specification: slopes are measured, and a slow leak
may hide in them.
"""

import os
import sys
import time
from pathlib import Path
from statistics import linear_regression

import pytest

from tests.agent.poste import seul
from tests.pcsc.contrat import VITALE, fichier
from tests.pcsc.test_contrat import inserer, lire, ouvrir, retirer

CYCLES = int(os.environ.get("COMPTOIR_ENDURANCE", "60"))
DUREE_S = float(os.environ.get("COMPTOIR_ENDURANCE_S", "0"))
PAR_PAGE = 10
MEMOIRE_MAX_KIO = 60 * 1024
# What one cycle may keep, measured after the caches filled: under this, noise of the allocator.
PENTE_KIO = 4.0


def usage(pid):
    """What the process holds now, from the kernel: descriptors, threads, memory in KiB."""
    statut = dict(
        ligne.split(":", 1) for ligne in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    descripteurs = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return descripteurs, int(statut["Threads"]), int(statut["VmRSS"].split()[0])


@seul
async def cycles(materiel, nombre):
    """Insert, read, remove, as a counter does; a page for each ten."""
    lue = fichier("vitale-01")
    async with ouvrir(materiel) as page:
        for _ in range(nombre):
            await inserer(page, materiel, lue)
            assert (await lire(page, materiel))["ok"]
            await retirer(page, materiel)
            await materiel.vide(page, VITALE)


def tell(nom, duree_s, releves):
    """Say what was measured, for who plays it by `make endurance`; slopes by card."""
    instants, descripteurs, fils, memoire = zip(*releves, strict=True)
    parts = [f"\n{nom} : {instants[-1] + PAR_PAGE} cartes en {duree_s:.0f} s"]
    for quoi, lus in (("descripteurs", descripteurs), ("fils", fils), ("mémoire (Kio)", memoire)):
        pente = linear_regression(instants, lus).slope
        parts.append(f"{quoi} {lus[0]} -> {lus[-1]}, pente {pente:+.4f}")
    sys.stdout.write(" ; ".join(parts) + "\n")


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-100")
def test_nothing_grows_from_one_card_to_the_next(materiel, request):
    pid = materiel.poste.process.pid
    releves, debut = [], time.monotonic()
    while len(releves) < CYCLES // PAR_PAGE or time.monotonic() - debut < DUREE_S:
        cycles(materiel, PAR_PAGE)
        releves.append((len(releves) * PAR_PAGE, *usage(pid)))
    chauds = releves[1:]
    tell(request.node.callspec.id, time.monotonic() - debut, chauds)
    assert len({fils for _, _, fils, _ in chauds}) == 1, releves
    assert max(d for _, d, _, _ in chauds) - min(d for _, d, _, _ in chauds) <= 1, releves
    instants, _, _, memoire = zip(*chauds, strict=True)
    assert max(memoire) < MEMOIRE_MAX_KIO, releves
    assert linear_regression(instants, memoire).slope < PENTE_KIO, releves
