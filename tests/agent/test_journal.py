"""The log on disk: typed fields only, fourteen days, twenty mebibytes, nobody else's to read."""

import json
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import journal
from agent.journal import Fichiers

pytestmark = pytest.mark.exigence("AGT-09")


@pytest.fixture
def fichiers(tmp_path):
    """A log folder whose day is moved at will."""

    class Jours(Fichiers):
        jour = datetime(2026, 11, 25, tzinfo=UTC)

        def today(self):
            return self.jour

    return Jours(tmp_path / "journaux", taille_max=8000)


def ecrire(fichiers, texte="x"):
    fichiers.emit(logging.LogRecord("agent", logging.INFO, "", 0, texte, None, None))


def noms(fichiers):
    return sorted(f.name for f in fichiers.dossier.iterdir())


def test_each_day_has_its_file_that_only_this_user_reads(fichiers):
    ecrire(fichiers, "a")
    ecrire(fichiers, "b")
    fichiers.jour += timedelta(days=1)
    ecrire(fichiers, "c")
    assert noms(fichiers) == ["agent-2026-11-25.jsonl", "agent-2026-11-26.jsonl"]
    premier = fichiers.dossier / "agent-2026-11-25.jsonl"
    assert premier.read_text() == "a\nb\n"
    assert premier.stat().st_mode & 0o777 == 0o600
    assert fichiers.dossier.stat().st_mode & 0o777 == 0o700


def test_after_fourteen_days_a_file_is_removed(fichiers):
    for _ in range(20):
        ecrire(fichiers)
        fichiers.jour += timedelta(days=1)
    assert len(noms(fichiers)) == journal.JOURS
    assert noms(fichiers)[0] == "agent-2026-12-01.jsonl"


def test_the_whole_never_passes_its_size_whatever_is_written(fichiers):
    for _ in range(40):
        for _ in range(30):
            ecrire(fichiers, "y" * 99)
            assert sum(f.stat().st_size for f in fichiers.dossier.iterdir()) <= 8000 + 100
        fichiers.jour += timedelta(days=1)


def test_a_disk_that_refuses_stops_nothing(fichiers):
    fichiers.dossier.parent.mkdir(exist_ok=True)
    fichiers.dossier.write_text("a file where the folder should be")
    ecrire(fichiers)
    fichiers.dossier.unlink()
    ecrire(fichiers, "after")
    assert (fichiers.dossier / "agent-2026-11-25.jsonl").read_text() == "after\n"


@pytest.mark.cas("agent-98")
@given(st.one_of(st.text(), st.integers(), st.from_regex(r"[12][0-9]{12,14}", fullmatch=True)))
def test_no_value_writes_a_text_nor_a_long_number(valeur):
    propre = str(journal.tidy(valeur))
    assert re.fullmatch(r"\?|[A-Za-z0-9_.:\-]{1,64}", propre)
    assert not re.search("[0-9]{13}", propre)


@pytest.mark.cas("agent-98")
def test_a_line_is_json_whatever_it_is_given(caplog):
    with caplog.at_level(logging.INFO, "agent"):
        journal.logger.propagate = True
        journal.note("verbe", verbe='x\n"},{', code="E_OK", ms=3, autre="2790351215189")
    lu = json.loads("{" + caplog.records[-1].getMessage() + "}")
    assert lu == {"event": "verbe", "verbe": "?", "code": "E_OK", "ms": 3, "autre": "?"}
