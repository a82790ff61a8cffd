"""The provider in memory, at the hour of the machine, before the whole installation."""

import time

from tests.psc.fournisseur import Fournisseur


class FournisseurVivant(Fournisseur):
    """One client for every call, as an installation has one provider."""

    def __init__(self):
        super().__init__()
        self.heure = time.time()
        self.commun = self.client()

    def said(self, nom):
        """How many requests of one operation came."""
        return len(self.sent(nom))
