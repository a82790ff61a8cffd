"""Data folders that outlive a test: a second start is warm, as at the counter."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.lanceur.lancement import Lancement


@pytest.fixture(scope="session")
def donnees():
    """The data of one checkout, started again by several tests (never two at once)."""
    dossier = Path(tempfile.mkdtemp(prefix="lanceur-"))
    dossier.chmod(0o755)
    yield dossier / "comptoir"
    shutil.rmtree(dossier)


@pytest.fixture
def lancement(donnees):
    """A launcher that is ready."""
    with Lancement(donnees) as lancement:
        lancement.adresse = lancement.attendre_pret()
        yield lancement
