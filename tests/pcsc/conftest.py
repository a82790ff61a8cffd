"""The two sets of hardware of the contract."""

import pytest

from tests.agent.conftest import agent_commun, poste  # noqa: F401 - fixtures
from tests.pcsc.contrat import MaterielScripte


@pytest.fixture(params=["scripte"])
def materiel(request):
    return MaterielScripte(request.getfixturevalue("poste"))
