"""`python -m simulators.vitale`."""

from simulators.commun.serveur import main
from simulators.vitale.service import ServiceVitale, declare_options

if __name__ == "__main__":
    main(
        lambda options, hasard: ServiceVitale(hasard, options),
        mutuel=lambda _options: True,
        declare=declare_options,
    )
