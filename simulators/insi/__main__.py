"""`python -m simulators.insi`."""

from simulators.commun.serveur import main
from simulators.insi.service import ServiceInsi, declare_options

if __name__ == "__main__":
    main(
        lambda options, hasard: ServiceInsi(hasard, options),
        mutuel=lambda options: not options.assertion,
        declare=declare_options,
    )
