"""`python -m simulators.ordonnance`."""

from simulators.commun.serveur import main
from simulators.ordonnance.service import ServiceEpu

if __name__ == "__main__":
    main(
        lambda options, hasard: ServiceEpu(hasard, options.tls, calme=options.calme),
        mutuel=lambda _options: False,
    )
