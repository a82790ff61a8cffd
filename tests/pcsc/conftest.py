"""The bench of virtual cards around a real pcscd, once for all the tests of this folder.

Every test here carries `pcsc`. Where the bench cannot run the fixture fails with its sentence: it
does not skip.
"""

import os

import pytest

from simulators.pcsc.banc import Banc
from tests.agent.conftest import agent_commun, check_journal, poste  # noqa: F401 - fixtures
from tests.agent.poste import Poste
from tests.conftest import RACINE
from tests.pcsc.attente import wait_for
from tests.pcsc.contrat import MaterielPcsc, MaterielScripte
from tests.pcsc.pcsc_nu import LECTEURS, Pcsc

ICI = RACINE / "tests" / "pcsc"


def pytest_collection_modifyitems(items):
    for item in items:
        if ICI in item.path.parents:
            item.add_marker(pytest.mark.pcsc)


@pytest.fixture(scope="session")
def banc_ouvert():
    """The bench; clients of this process, and those it starts, reach its pcscd and no other."""
    with Banc() as banc:
        avant = os.environ.get("PCSCLITE_CSOCK_NAME")
        os.environ["PCSCLITE_CSOCK_NAME"] = banc.adresse
        yield banc
        if avant is None:
            del os.environ["PCSCLITE_CSOCK_NAME"]
        else:
            os.environ["PCSCLITE_CSOCK_NAME"] = avant


@pytest.fixture
def banc(banc_ouvert):
    """The bench with empty slots, seen empty by the service, full tries and pcscd running."""
    _clear(banc_ouvert)
    yield banc_ouvert
    _clear(banc_ouvert)


def _clear(banc):
    banc.pcscd("start")
    for logement in range(len(banc.cards())):
        banc.remove(logement)
    banc.say("reset")
    with Pcsc() as pcsc:
        for lecteur in LECTEURS:
            wait_for(lambda nom=lecteur: not pcsc.present(nom), f"{lecteur} vide")


class PosteReel(Poste):
    """A workstation whose agent reads the readers of the bench."""

    def pilote(self):
        return ["--pilote", "pcsc", "--vitale", "pcsc_min", "--cps", "apdu"]


@pytest.fixture(scope="session")
def agent_reel(tmp_path_factory, tls, banc_ouvert):
    """One agent process on the bench, for the tests that leave it as they found it."""
    lance = PosteReel(tmp_path_factory.mktemp("agent-pcsc"), tls)
    lance.start()
    yield lance
    lance.stop()
    check_journal(lance)


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
