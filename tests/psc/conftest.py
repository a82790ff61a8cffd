"""An installation that has Pro Santé Connect on, before a provider in memory."""

import pytest


@pytest.fixture
def psc_actif(settings):
    """Pro Santé Connect is set and on; nothing answers."""
    from tests.psc.forge import CLIENT, EMETTEUR
    from tests.psc.fournisseur import HOTES, RETOUR, SECRET

    settings.PSC_ACTIF = True
    settings.PSC_EMETTEUR = EMETTEUR
    settings.PSC_HOTES = sorted(HOTES)
    settings.PSC_CLIENT_ID = CLIENT
    settings.PSC_CLIENT_SECRET = SECRET
    settings.PSC_AUTHENTIFICATION = "client_secret_basic"
    settings.PSC_REDIRECTION = RETOUR
    settings.PSC_APRES_DECONNEXION = "https://officine.exemple.test/psc/bye"
    settings.PSC_DECONNEXION_RECUE = True
    return settings


@pytest.fixture
def fournisseur(psc_actif, monkeypatch):
    """The provider that this installation talks to."""
    from psc.services import acces
    from tests.psc.fournisseur_vivant import FournisseurVivant

    vivant = FournisseurVivant()
    monkeypatch.setattr(acces, "psc_client", lambda: vivant.commun)
    return vivant
