"""`python -m simulators.psc`."""

from simulators.commun.serveur import main
from simulators.psc.options import declare_options
from simulators.psc.service import ServicePsc

if __name__ == "__main__":
    main(
        lambda options, hasard: ServicePsc(hasard, options),
        mutuel=lambda _options: True,
        declare=declare_options,
        facultatif=True,
    )
