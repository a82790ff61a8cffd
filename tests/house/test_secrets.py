"""Marked secrets go through every view, every sending, every failure: no sink ever holds one.

Sinks: the log as production writes it, redirections and what htmx is told, the page of an error,
mails to administrators, and all of Valkey (bells of Celery, keys, channels).
"""

import base64
import io
import logging
import logging.config
import re
import uuid

import pytest
import redis
from django.conf import settings as reglages
from django.core import mail
from django.db import DataError, connection
from django.utils import timezone

from config.celery import app
from config.journalisation import build_logging
from pharmacy.demonstration.donnees import HALLE
from pharmacy.models import Patient
from teleservices import registre
from teleservices.models import Envoi
from teleservices.tasks import traiter
from tests.conftest import RACINE
from tests.house.test_vues import APPELS, VUES, Scene

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-08")]
MATRICULE = "279035121518989"
SECRETS = (
    *("PAT-TROIS", "DOMINIQUE", "ROUSSEAU", MATRICULE, MATRICULE[:13], "MARQUE-COMMENTAIRE"),
    *(op.mot_de_passe for op in HALLE.operateurs),
    *(f" {op.pin}" for op in HALLE.operateurs),
)
ENTETES = ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url")


def found(texte):
    """The secrets that a text holds, as they are or as an address writes them."""
    return [s for s in SECRETS if s in texte or s.replace(" ", "%20") in texte]


@pytest.fixture
def journal():
    """What production would have written, from its most talkative to its gravest."""
    configuration, sortie = build_logging(), io.StringIO()
    configurateur = logging.config.DictConfigurator(configuration)
    handler = logging.StreamHandler(sortie)
    handler.setFormatter(
        configurateur.configure_formatter(dict(configuration["formatters"]["ligne"]))
    )
    for nom in configuration["handlers"]["sortie"]["filters"]:
        handler.addFilter(configurateur.configure_filter(dict(configuration["filters"][nom])))
    # The loggers that do not pass what they say to the root.
    branches = [logging.getLogger(n) for n in ("", "django", "django.server", "celery.app.trace")]
    seuls = [b for b in branches if b is logging.root or not b.propagate]
    for branche in seuls:
        branche.addHandler(handler)
    yield sortie
    for branche in seuls:
        branche.removeHandler(handler)


@pytest.fixture
def valkey():
    """Valkey, emptied: what is in it afterwards is ours."""
    client = redis.Redis.from_url(reglages.VALKEY_URL)
    client.flushdb()
    ecoute = client.pubsub()
    ecoute.psubscribe("*")
    yield client, ecoute
    ecoute.close()
    client.flushdb()
    client.close()


def _all(client, ecoute):
    """All that Valkey holds or carried, messages of Celery opened."""
    morceaux = []
    while message := ecoute.get_message(timeout=0.05):
        morceaux += [message["channel"], message["data"]]
    for cle in client.scan_iter("*"):
        lire = {
            b"string": lambda c: [client.get(c)],
            b"list": lambda c: client.lrange(c, 0, -1),
            b"hash": lambda c: [v for paire in client.hgetall(c).items() for v in paire],
            b"set": lambda c: list(client.smembers(c)),
            b"zset": lambda c: client.zrange(c, 0, -1),
        }[client.type(cle)]
        morceaux += [cle, *lire(cle)]
    texte = "\n".join(m.decode("latin-1") for m in morceaux if isinstance(m, bytes))
    corps = re.findall(r'"body": "([A-Za-z0-9+/=]+)"', texte)
    return texte + "\n".join(base64.b64decode(c).decode("latin-1") for c in corps)


def _silent(journal, reponse=None):
    assert found(journal.getvalue()) == []
    assert mail.outbox == []
    if reponse is not None:
        assert found(" ".join(reponse.get(nom, "") for nom in ENTETES)) == []


# Nobody answers there in these tests: the page says so, 503.
SANS_SERVICE = {"psc_depart"}
JOUABLES = [(nom, methode) for nom, methode in APPELS if nom != "flux"]


@pytest.mark.parametrize(("nom", "methode"), JOUABLES)
def test_a_view_that_works_tells_no_sink(
    halle, journal, valkey, django_capture_on_commit_callbacks, nom, methode
):
    scene = Scene(halle, VUES[nom].etape)
    client = halle.client(VUES[nom].code)
    client.raise_request_exception = False
    with django_capture_on_commit_callbacks(execute=True):
        reponse = scene.call(client, nom, methode)
    assert reponse.status_code < 500 or nom in SANS_SERVICE
    _silent(journal, reponse)
    assert found(_all(*valkey)) == []


@pytest.mark.parametrize(("nom", "methode"), JOUABLES)
def test_a_view_that_fails_tells_no_sink(halle, journal, nom, methode):
    """The database refuses the line of the journal, and quotes a row as it can."""
    scene = Scene(halle, VUES[nom].etape)
    client = halle.client(VUES[nom].code)
    client.raise_request_exception = False
    rompus = []

    def refuse(execute, sql, params, many, context):
        if "pharmacy_audit" in str(sql):
            rompus.append(sql)
            raise DataError(f"DETAIL: Failing row ({', '.join(SECRETS)}).")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        reponse = scene.call(client, nom, methode)
    _silent(journal, reponse)
    if reponse.status_code == 500:
        assert rompus
        assert found(reponse.text) == []
        assert "DataError" in journal.getvalue()


def test_a_view_that_fails_does_fail(halle, journal):
    """Else the test above would prove nothing."""
    client = halle.client("A01")
    client.raise_request_exception = False

    def refuse(execute, sql, params, many, context):
        if "pharmacy_audit" in str(sql):
            raise DataError(SECRETS[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        reponse = client.get(f"/patients/{halle.patient().pk}/")
    assert reponse.status_code == 500
    assert "DataError" in journal.getvalue()


@pytest.mark.parametrize("operation", sorted(registre._handlers))
def test_a_worker_that_fails_tells_no_sink(halle, journal, operation):
    """Whatever the operation, on a content that nobody can read and that names a person."""
    envoi = Envoi.objects.create(
        officine=halle.officine,
        service="insi",
        operation=operation,
        cle=str(uuid.uuid4()),
        sujet="patient:0",
        corps=f"{{{', '.join(SECRETS)}".encode(),
        operateur=halle.operateurs["A01"],
        poste=halle.postes[0],
        pas_avant=timezone.now(),
    )
    traiter.apply(args=(halle.officine.pk, envoi.pk))
    envoi.refresh_from_db()
    assert envoi.tentatives or envoi.etat != "a_envoyer" or envoi.dernier_code
    _silent(journal)
    assert found(f"{envoi.dernier_code} {envoi.dernier_message} {envoi.sujet} {envoi.cle}") == []


def test_the_secrets_are_in_what_is_played(halle):
    """A sweep for words that nobody has would always be clean."""
    patient = Patient.objects.get(officine=halle.officine, nom_naissance="PAT-TROIS")
    assert (patient.ins_matricule, patient.premier_prenom) == (MATRICULE, "DOMINIQUE")
    assert found(f"/patients/?q={MATRICULE}")
    assert not found("/patients/12/")


def test_nobody_is_written_to_when_something_breaks():
    """Django would mail a whole request to administrators: there are none, nor its handler."""
    assert not reglages.ADMINS
    assert "AdminEmailHandler" not in str(build_logging())
    assert app.conf.task_ignore_result is True


@pytest.mark.exigence("SEC-13")
@pytest.mark.parametrize("quoi", ["CLES_CHIFFREMENT", "CLE_EMPREINTE", "CLES_SCEAU", "SECRET_KEY"])
def test_no_key_is_in_the_repository_nor_in_the_database(halle, quoi):
    """The keys of this installation, searched in every file of ours and every text of a row."""
    valeur = getattr(reglages, quoi)
    cles = [valeur] if isinstance(valeur, str) else valeur
    assert cles
    ecrits = [
        fichier
        for dossier in ("config", "pharmacy", "ins", "psc", "teleservices", "docker", "docs")
        for fichier in (RACINE / dossier).rglob("*")
        if fichier.is_file()
        and "__pycache__" not in fichier.parts
        and any(cle.encode() in fichier.read_bytes() for cle in cles if len(cle) > 20)
    ]
    assert ecrits == []
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for (table,) in curseur.fetchall():
            curseur.execute(
                f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0',  # noqa: S608
                [cles[0]],
            )
            assert curseur.fetchone() == (0,), table
