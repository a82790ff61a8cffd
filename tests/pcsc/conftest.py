"""A workstation on the bench: its readers are those of a real pcscd (`banc`, tests/conftest.py)."""

import pytest

from tests.agent.conftest import agent_commun, poste, running  # noqa: F401 - fixtures
from tests.agent.poste import Poste
from tests.pcsc.contrat import MaterielPcsc, MaterielScripte


class PosteReel(Poste):
    """A workstation whose agent reads the readers of the bench."""

    def pilote(self):
        return ["--pilote", "pcsc", "--vitale", "pcsc_min", "--cps", "apdu"]


@pytest.fixture(scope="session")
def agent_reel(tmp_path_factory, tls, banc_ouvert):
    """One agent process on the bench, for the tests that leave it as they found it."""
    with running(PosteReel(tmp_path_factory.mktemp("agent-pcsc"), tls)) as lance:
        yield lance


@pytest.fixture
def poste_reel(banc, agent_reel):
    """The agent on the bench, its four slots empty."""
    agent_reel.trames.clear()
    return agent_reel


@pytest.fixture(params=["scripte", "pcscd"])
def materiel(request, tmp_path):
    """The hardware of the contract: cards in memory, or cards behind the real service."""
    if request.param == "scripte":
        return MaterielScripte(request.getfixturevalue("poste"))
    return MaterielPcsc(
        request.getfixturevalue("poste_reel"), request.getfixturevalue("banc"), tmp_path
    )
