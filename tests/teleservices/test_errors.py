"""The taxonomy: five classes, a stable code, a sentence, and nothing of the patient."""

import inspect

import pytest

from teleservices import errors
from teleservices.errors import TeleserviceError
from teleservices.registre import attach_evidence
from tests.teleservices.atelier import reponse


def test_there_are_five_next_steps():
    filles = {c for c in TeleserviceError.__subclasses__() if c.__module__ == errors.__name__}
    assert {c.__name__ for c in filles} == {
        "NotReady",
        "Unavailable",
        "OutcomeUnknown",
        "Rejected",
        "InvalidReply",
    }
    documentees = inspect.getdoc(errors)
    assert all(c.__name__ in documentees for c in filles)


def test_an_error_shows_its_code_alone():
    erreur = TeleserviceError("EPU-001", "Phrase pour PAT-TROIS.", retry_after_s=3)
    assert str(erreur) == "EPU-001"
    assert "PAT-TROIS" not in repr(erreur)
    assert (erreur.message_fr, erreur.retry_after_s) == ("Phrase pour PAT-TROIS.", 3)


def test_code_and_sentence_are_both_required():
    with pytest.raises(TypeError):
        TeleserviceError("EPU-001")


def test_the_exchange_goes_with_the_error():
    erreur = TeleserviceError("x", "y")
    assert erreur.reponse is None
    echange = reponse().echange
    assert attach_evidence(erreur, echange) is erreur
    assert erreur.reponse.echange is echange
