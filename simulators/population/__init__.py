"""The people that the simulated national services know: all fictitious, shared by all of them."""

from functools import cache

from simulators.population.generees import GRAINE, generated
from simulators.population.officielles import family, published, special
from simulators.population.personnes import Personne


@cache
def build_population(graine: int = GRAINE) -> tuple[Personne, ...]:
    """Return everyone: published identities, cases of the specification, generated people."""
    return (*published(), *family(), *special(), *generated(graine))
