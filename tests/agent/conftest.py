"""The agent process of the tests, and one apart for what bans, stops or kills it."""

import re
import shutil
import sys
import time
from contextlib import contextmanager

import pytest

from tests.agent.poste import CARTES, RACINE, Poste, carte, executer

INTERDITS = {
    str(valeur)
    for fichier in CARTES.glob("*.json")
    for genre in [carte(fichier.stem)]
    for porteur in [*(genre.get("vitale") or {}).get("beneficiaires", []), genre.get("cps") or {}]
    for nom, valeur in porteur.items()
    if nom in {"nom", "prenom", "nom_usuel", "nom_patronymique", "nir_certifie"} and valeur
}


def check_journal(poste):
    """Facts only: no trace, no name, no long number, no token (agent.md §8, case 98)."""
    fichiers = list(poste.dossier.glob("journaux/agent-*.jsonl"))
    assert fichiers, "the agent wrote no log file"
    assert not [f for f in fichiers if f.stat().st_mode & 0o077]
    lus = [f.read_text(encoding="utf-8") for f in (poste.journal, *fichiers)]
    journal = "\n".join(lus)
    assert "Traceback" not in journal
    assert not re.search(
        r"[0-9]{13}|eyJ|9417|1234", re.sub(r'"ref": "\w+"|"ts":"[^"]+"', "", journal)
    )
    assert not [mot for mot in INTERDITS if re.search(rf"\b{mot}\b", journal)]


@contextmanager
def running(lance):
    """A workstation whose agent runs; what it wrote is looked at once it has stopped."""
    lance.start()
    yield lance
    lance.stop()
    check_journal(lance)


@pytest.fixture(scope="session")
def agent_commun(tmp_path_factory, tls):
    """One process for the tests that leave it as they found it."""
    with running(Poste(tmp_path_factory.mktemp("agent"), tls)) as lance:
        yield lance


@pytest.fixture
def poste(agent_commun):
    """A running agent: readers plugged and empty, codes never tried, nobody connected."""
    for lecteur in ("vitale", "cps", "apcv"):
        agent_commun.geste("plug", reader=lecteur)
        agent_commun.geste("remove", reader=lecteur)
    (agent_commun.dossier / "essais.json").unlink(missing_ok=True)
    agent_commun.trames.clear()
    fin = time.monotonic() + 5
    while agent_commun.geste("state")["state"]["connections"]:
        assert time.monotonic() < fin
        time.sleep(0.01)
    return agent_commun


@pytest.fixture
def poste_neuf(tmp_path, tls):
    """An agent process for one test."""
    with running(Poste(tmp_path, tls)) as lance:
        yield lance


@pytest.fixture(scope="session")
def roue(tmp_path_factory):
    """The agent's own wheel, built from a copy of its sources, without network."""
    dossier = tmp_path_factory.mktemp("roue")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(RACINE / "agent", dossier / "sources", ignore=ignore)
    executer(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"),
        *("--no-build-isolation", "--wheel-dir", dossier, dossier / "sources"),
    )
    (faite,) = dossier.glob("agent_poste-*.whl")
    return faite
