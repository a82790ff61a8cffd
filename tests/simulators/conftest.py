"""The simulator of Pro Santé Connect, one process a module, and who talks to it."""

import pytest

from tests.simulators.client_nu import Simulateur
from tests.simulators.client_psc import FIN, RETOUR, SUJET, Lie, Navigateur

DECLARES = {"retours": [RETOUR], "apres_deconnexion": [FIN]}


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("psc", tmp_path_factory.mktemp("psc"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def service(psc, tls):
    """A service that has a secret; the simulator went back to its start."""
    psc.post("/oublier")
    psc.post("/clients", client_id="service-secret", secret="secret-de-test", **DECLARES)
    lie = Lie(psc, tls, "service-secret", secret="secret-de-test")
    yield lie
    lie.close()


@pytest.fixture
def confiance(service, psc, tls):
    """A service of the espace de confiance: mutual TLS, no secret."""
    psc.post(
        "/clients", client_id="service-edc", methode="tls_client_auth", sujet=SUJET, **DECLARES
    )
    lie = Lie(psc, tls, "service-edc", certificat="psc-edc", methode="none")
    yield lie
    lie.close()


@pytest.fixture
def navigateur(tls):
    """A browser without any cookie."""
    navigateur = Navigateur(tls)
    yield navigateur
    navigateur.close()


@pytest.fixture
def autre_navigateur(tls):
    """Someone else's browser."""
    navigateur = Navigateur(tls)
    yield navigateur
    navigateur.close()
