"""What reaches the logs: kinds and places, never the text of an exception or a long number."""

import io
import logging
import logging.config
import time
from datetime import UTC, datetime, timedelta

import pytest
from celery import shared_task
from django.db import DatabaseError, DataError, connection, transaction

from config.journalisation import build_logging

pytestmark = pytest.mark.exigence("SEC-09")
SECRET = "PAT-TROIS"


@pytest.fixture
def journal():
    """A logger written as in production, and what it wrote."""
    reglages = build_logging()
    sortie = io.StringIO()
    logger = logging.getLogger("essai.journal")
    handler = logging.StreamHandler(sortie)
    configurateur = logging.config.DictConfigurator(reglages)
    handler.setFormatter(configurateur.configure_formatter(reglages["formatters"]["ligne"]))
    for nom in reglages["handlers"]["sortie"]["filters"]:
        handler.addFilter(configurateur.configure_filter(reglages["filters"][nom]))
    for branche in (logger, logging.getLogger("celery.app.trace")):
        branche.addHandler(handler)
    yield logger, sortie
    for branche in (logger, logging.getLogger("celery.app.trace")):
        branche.removeHandler(handler)


def lever(*, cause):
    """Raise an error whose text, and whose cause's text, hold a patient."""
    try:
        int(SECRET)
    except ValueError as exc:
        raise KeyError(SECRET) from (exc if cause else None)


@pytest.mark.parametrize("cause", [True, False])
def test_an_exception_is_shown_by_kind_and_place(journal, cause):
    logger, sortie = journal
    with pytest.raises(KeyError, match=SECRET) as pris:
        lever(cause=cause)
    logger.error("panne envoi=%s", 7, exc_info=pris.value)
    ecrit = sortie.getvalue()
    assert SECRET not in ecrit
    assert ("builtins.ValueError" in ecrit) is cause
    assert ecrit.rstrip().endswith("builtins.KeyError")
    assert "test_journalisation.py" in ecrit
    assert "panne envoi=7" in ecrit


@pytest.mark.django_db
def test_the_values_the_database_quotes_are_not_written(journal):
    logger, sortie = journal
    with pytest.raises(DataError, match=SECRET) as pris, connection.cursor() as curseur:
        curseur.execute("SELECT %s::text::integer", [SECRET])
    logger.error("panne", exc_info=pris.value)
    assert "DataError" in sortie.getvalue()
    assert SECRET not in sortie.getvalue()


def test_a_task_that_fails_does_not_say_with_what(journal):
    @shared_task(name="essai.panne")
    def panne():
        raise ValueError(SECRET)

    panne.apply()
    ecrit = journal[1].getvalue()
    assert "essai.panne" in ecrit
    assert "ValueError" in ecrit
    assert SECRET not in ecrit


@pytest.mark.exigence("SEC-08")
@pytest.mark.cas("ins-91")
@pytest.mark.parametrize(
    "nombre",
    [
        "2751263220749",
        "275126322074974",
        "297022A020778",
        "1 60 01 2b 020 777 13",
        "2 75 12 63 220 749 74",
        "10100000032",
        "3400930000120",
    ],
)
def test_a_number_of_a_person_never_reaches_a_line(journal, nombre):
    logger, sortie = journal
    logger.warning("lu %s.", nombre)
    logger.warning(f"lu {nombre}.")  # noqa: G004 - what a careless line would do
    assert sortie.getvalue().count("lu [nombre].") == 2


@pytest.mark.parametrize("anodin", ["envoi=1234 operation=insi.vitale", "port 28173 ready in 12"])
def test_dates_and_ids_are_left(journal, anodin):
    logger, sortie = journal
    logger.warning(anodin)
    assert sortie.getvalue().rstrip().endswith(anodin)


@pytest.mark.exigence("SEC-08")
def test_under_row_level_security_the_database_quotes_no_row(halle):
    patient = halle.patient()
    patient.sexe = None
    with pytest.raises(DatabaseError) as leve, transaction.atomic():
        patient.save(update_fields=["sexe"])
    assert "sexe" in str(leve.value)
    assert patient.nom_naissance not in str(leve.value)


def test_a_long_number_is_replaced(journal):
    logger, sortie = journal
    logger.warning("lu %s et %s", "279035121518989", 12345678)
    assert "lu [nombre] et 12345678" in sortie.getvalue()


@pytest.mark.exigence("SEC-10")
@pytest.mark.parametrize("fin", ["\n", "\r", "\r\n", "\u2028", "\x85", "\x1b[2J", "\0"])
def test_what_is_quoted_cannot_start_another_line(journal, fin):
    logger, sortie = journal
    logger.warning("Not Found: %s", f"/x{fin}2026-11-25T00:00:00.000Z CRITICAL faux")
    ecrit = sortie.getvalue()
    assert len(ecrit.splitlines()) == 1
    assert fin not in ecrit.rstrip("\n")
    assert "CRITICAL faux" in ecrit


@pytest.mark.exigence("SEC-10")
def test_an_instant_is_in_utc_to_the_millisecond_whatever_the_zone_of_the_machine(
    journal, monkeypatch
):
    logger, sortie = journal
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        avant = datetime.now(UTC)
        logger.warning("a")
    finally:
        monkeypatch.undo()
        time.tzset()
    (instant, niveau, nom, _) = sortie.getvalue().split()
    assert instant.endswith("Z")
    assert abs(datetime.fromisoformat(instant) - avant) < timedelta(seconds=5)
    assert (niveau, nom) == ("WARNING", "essai.journal")


@pytest.mark.exigence("SEC-08")
@pytest.mark.parametrize(
    ("ligne", "secret"),
    [
        ("POST token access_token=ab12cd34ef", "ab12cd34ef"),
        ('{"refresh_token": "ab12cd34ef", "n": 1}', "ab12cd34ef"),
        ("Authorization: Bearer ab12cd34ef", "ab12cd34ef"),
        ("Authorization: Basic ab12cd34ef==", "ab12cd34ef"),
        ("lu bearer ab12cd34ef", "ab12cd34ef"),
        ("GET /psc/retour?code=ab12cd34ef56gh78ij&x=1", "ab12cd34ef56gh78ij"),
        ("client_secret=ab12cd34ef&x", "ab12cd34ef"),
        ("code_verifier='ab12cd34ef'", "ab12cd34ef"),
        ("id eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtb2kifQ.c2ln fin", "eyJzdWIiOiJtb2kifQ"),
        ("saisie mot_de_passe=lapin pin=719302", "lapin"),
        ("Cookie: comptoir_session=ab12cd34ef", "ab12cd34ef"),
    ],
)
def test_what_gives_access_never_reaches_a_line(journal, ligne, secret):
    logger, sortie = journal
    logger.warning("%s", ligne)
    assert secret not in sortie.getvalue()
    assert "[secret]" in sortie.getvalue() or "[jeton]" in sortie.getvalue()


@pytest.mark.parametrize("anodin", ["refus code=INS-017", "envoi etat=parti code=55 state=ok"])
def test_a_code_of_ours_is_left(journal, anodin):
    logger, sortie = journal
    logger.warning(anodin)
    assert sortie.getvalue().rstrip().endswith(anodin)


def test_all_goes_to_standard_error_and_nowhere_else():
    reglages = build_logging()
    assert list(reglages["handlers"]) == ["sortie"]
    assert reglages["handlers"]["sortie"]["class"] == "logging.StreamHandler"
    assert reglages["root"]["handlers"] == ["sortie"]
