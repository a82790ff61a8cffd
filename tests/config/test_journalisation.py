"""Nothing of the patient in a log line, whichever way it came in."""

import logging

import pytest
from django.db import DatabaseError, transaction

from config.journalisation import LigneSansTrait, build_logging


def _format(message, *args, exc=None):
    record = logging.LogRecord("x", logging.ERROR, "f.py", 1, message, args, exc)
    return LigneSansTrait("%(message)s").format(record)


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
def test_a_number_of_a_person_never_reaches_a_line(nombre):
    assert _format(f"lu {nombre}.") == "lu [nombre]."
    assert _format("lu %s.", nombre) == "lu [nombre]."


@pytest.mark.parametrize(
    "anodin",
    ["envoi=1234 operation=insi.vitale", "2026-11-25 00:05:40,123 INFO", "port 28173 ready in 12"],
)
def test_dates_and_ids_are_left(anodin):
    assert _format(anodin) == anodin


def _raise(message):
    raise ValueError(message)


@pytest.mark.exigence("SEC-08")
def test_the_traceback_is_cleaned_too():
    with pytest.raises(ValueError, match="NIR") as leve:
        _raise("le NIR 2751263220749 est faux")
    texte = _format("panne", exc=(leve.type, leve.value, leve.tb))
    assert "ValueError: le NIR [nombre] est faux" in texte


@pytest.mark.exigence("SEC-08")
def test_the_row_that_the_database_quotes_is_erased():
    with pytest.raises(ValueError, match="null") as leve:
        _raise("null value\nDETAIL:  Failing row contains (1, PAT-TROIS,\nDOMINIQUE).\nHINT: x")
    texte = _format("panne", exc=(leve.type, leve.value, leve.tb))
    assert texte.endswith("ValueError: null value\nDETAIL: [effacé]\nHINT: x")


@pytest.mark.exigence("SEC-08")
def test_under_row_level_security_the_database_quotes_no_row(halle):
    patient = halle.patient()
    patient.sexe = None
    with pytest.raises(DatabaseError) as leve, transaction.atomic():
        patient.save(update_fields=["sexe"])
    assert "sexe" in str(leve.value)
    assert patient.nom_naissance not in str(leve.value)


def test_the_handler_of_the_product_writes_through_it_and_chatty_libraries_are_held():
    reglage = build_logging()
    assert reglage["formatters"]["ligne"]["()"] == "config.journalisation.LigneSansTrait"
    assert [h["formatter"] for h in reglage["handlers"].values()] == ["ligne"]
    assert reglage["loggers"]["httpx"]["level"] == "WARNING"
