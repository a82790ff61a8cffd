"""What is kept of an exchange: encrypted, in its officine alone, and never in a log."""

import logging

import pytest
from django.db import ProgrammingError, connection, transaction

from pharmacy.isolation.contexte import officine_context
from teleservices import moteur
from teleservices.models import AssertionActeur, Envoi, Trace
from tests.teleservices.atelier import deposer, due, reponse

pytestmark = pytest.mark.django_db
SECRET = "PAT-TROIS 279035121518989"


@pytest.fixture
def envoi(halle, essai):
    """A row settled by an exchange that holds a patient."""
    essai.suites = [reponse(requete=SECRET.encode(), recue=SECRET.encode())]
    envoi = deposer(halle, essai)
    due(envoi)
    moteur.process(envoi.pk)
    return envoi


@pytest.mark.exigence("SEC-09")
def test_messages_are_encrypted_at_rest(halle, envoi):
    trace = Trace.objects.get(envoi=envoi)
    assert bytes(trace.requete) == bytes(trace.reponse) == SECRET.encode()
    Envoi.objects.filter(pk=envoi.pk).update(corps=SECRET.encode())
    with connection.cursor() as curseur:
        for requete in (
            "SELECT t::text FROM teleservices_trace t",
            "SELECT encode(requete, 'escape') || encode(reponse, 'escape') FROM teleservices_trace",
            "SELECT encode(corps, 'escape') FROM teleservices_envoi",
        ):
            curseur.execute(requete)
            lus = [texte for (texte,) in curseur.fetchall()]
            assert lus
            assert not any("PAT-TROIS" in texte or "27903" in texte for texte in lus)


def test_a_trace_says_when_how_long_and_what_came_of_it(halle, envoi):
    trace = Trace.objects.get(envoi=envoi)
    assert (trace.message_id, trace.http, trace.duree_ms) == ("m-1", 200, 12)
    assert (trace.resultat, trace.environnement) == ("ok", "simulateur")
    assert len(trace.empreinte_requete) == 64


# The second wall


@pytest.mark.exigence("SEC-06")
def test_rows_of_another_officine_do_not_exist(port, envoi):
    for modele in (Envoi, Trace):
        assert modele.objects.exists()
    with officine_context(port.officine.pk):
        for modele in (Envoi, Trace, AssertionActeur):
            assert not modele.objects.exists()
        assert Envoi.objects.filter(pk=envoi.pk).update(accuse="volé") == 0
        assert Trace.objects.all().delete()[0] == 0


@pytest.mark.exigence("SEC-06")
def test_without_an_officine_nothing_is_read(envoi):
    with connection.cursor() as curseur:
        curseur.execute("SELECT set_config('comptoir.officine', '', true)")
        curseur.execute(
            "SELECT (SELECT count(*) FROM teleservices_envoi),"
            " (SELECT count(*) FROM teleservices_trace)"
        )
        assert curseur.fetchone() == (0, 0)


@pytest.mark.exigence("SEC-06")
@pytest.mark.parametrize("modele", [Envoi, Trace])
def test_a_row_cannot_be_written_into_another_officine(port, envoi, modele):
    ligne = modele.objects.first()
    ligne.pk = None
    if modele is Envoi:
        ligne.cle = "autre"
    with (
        officine_context(port.officine.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        ligne.save(force_insert=True)


# Logs


@pytest.mark.exigence("SEC-09")
def test_an_exchange_writes_nothing_of_the_patient_in_the_logs(halle, essai, caplog):
    with caplog.at_level(logging.DEBUG):
        essai.suites = [reponse(requete=SECRET.encode(), recue=SECRET.encode())]
        envoi = deposer(halle, essai)
        due(envoi)
        moteur.process(envoi.pk)
    nos = [r for r in caplog.records if not r.name.startswith("django.db")]
    assert not any("PAT-TROIS" in r.getMessage() for r in nos)


def test_rows_and_traces_show_nothing_of_the_patient(halle, envoi):
    trace = Trace.objects.get(envoi=envoi)
    assert "PAT-TROIS" not in repr(envoi) + repr(trace) + str(envoi) + str(trace)
