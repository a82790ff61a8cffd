"""The two sets of hardware of the contract: cards in memory, cards behind a real pcscd."""

import pytest

from simulators.pcsc.banc import Banc
from tests.agent.conftest import agent_commun, check_journal, poste  # noqa: F401 - fixtures
from tests.agent.poste import Poste
from tests.pcsc.contrat import MaterielPcsc, MaterielScripte


class PosteReel(Poste):
    """A workstation whose agent reads the readers of the bench."""

    def pilote(self):
        return ["--pilote", "pcsc", "--vitale", "pcsc_min"]


@pytest.fixture(scope="session")
def agent_reel(tmp_path_factory, tls, banc):
    """One agent process on the bench, for the tests that leave it as they found it."""
    with pytest.MonkeyPatch.context() as env:
        env.setenv("PCSCLITE_CSOCK_NAME", banc.adresse)
        lance = PosteReel(tmp_path_factory.mktemp("agent-pcsc"), tls)
        lance.start()
    yield lance
    lance.stop()
    check_journal(lance)


@pytest.fixture
def poste_reel(agent_reel, banc):
    """The agent on the bench, its four slots empty."""
    for logement in range(4):
        banc.remove(logement)
    agent_reel.trames.clear()
    return agent_reel


@pytest.fixture(params=["scripte", pytest.param("pcscd", marks=pytest.mark.pcsc)])
def materiel(request, tmp_path):
    if request.param == "scripte":
        return MaterielScripte(request.getfixturevalue("poste"))
    return MaterielPcsc(
        request.getfixturevalue("poste_reel"), request.getfixturevalue("banc"), tmp_path
    )


@pytest.fixture(scope="session")
def banc(tls):
    with Banc(tls) as b:
        yield b
