"""An installation that has Pro Santé Connect on: before a provider in memory, or two real ones."""

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
    import psc.urls  # noqa: F401 - whoever takes the client by its name takes the true one
    from psc.services import acces
    from tests.psc.fournisseur_vivant import FournisseurVivant

    vivant = FournisseurVivant()
    monkeypatch.setattr(acces, "psc_client", lambda: vivant.commun)
    return vivant


@pytest.fixture(scope="module")
def fournisseurs(tls, tmp_path_factory):
    """Both providers, and the door where they say that a session is over."""
    from tests.psc.pairs import Fournisseurs
    from tests.simulators.test_psc_deconnexion import Ecoute

    ecoute = Ecoute()
    fournisseurs = Fournisseurs(tls, tmp_path_factory.mktemp("pairs"), ecoute)
    yield fournisseurs
    fournisseurs.stop()
    ecoute.close()


@pytest.fixture(params=["simulateur", "independant"])
def pair(request, fournisseurs, partage):
    """A provider gone back to its start."""
    pair = fournisseurs.get(request.param, partage)
    pair.begin()
    yield pair
    pair.end()
