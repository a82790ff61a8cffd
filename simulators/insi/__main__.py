"""`python -m simulators.insi`."""

from simulators.commun.serveur import main
from simulators.insi.service import ServiceInsi

if __name__ == "__main__":
    main(lambda options, hasard: ServiceInsi(hasard, calme=options.calme), mutuel=True)
