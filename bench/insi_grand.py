"""The INSi simulator with the people of several seeds: a base as big as an officine's.

`python -m bench.insi_grand 6 …` : six seeds, then the options of `simulators.insi`.
"""

import runpy
import sys

from simulators.insi import service
from simulators.population import build_population
from simulators.population.personnes import Personne


def build_people(graines: int) -> tuple[Personne, ...]:
    """Return the people of as many seeds; a matricule drawn twice belongs to the first."""
    gens: dict[str, Personne] = {}
    for graine in range(1, graines + 1):
        for personne in build_population(graine):
            gens.setdefault(personne.ins.matricule, personne)
    return tuple(gens.values())


if __name__ == "__main__":
    gens = build_people(int(sys.argv.pop(1)))
    setattr(service, "build_population", lambda _graine: gens)  # noqa: B010 - not a name it gives
    runpy.run_module("simulators.insi", run_name="__main__")
