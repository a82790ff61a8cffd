"""The whole schema, tried by schemathesis on the ASGI application, in this process, every check on.

Each address is called with its examples, with the edges of its schema, then with what chance draws:
what the schema allows must be taken, what it forbids refused, and every answer must be as it says.
"""

import asyncio
import secrets

import hypothesis
import pytest
import schemathesis
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection

from config.asgi import application
from config.openapi import build_schema
from pharmacy import api, api_integration, api_postes
from pharmacy.rules.portees import PORTEES
from tests.pharmacy.outil import Outil
from tests.pharmacy.page_agent import Agent

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-06")]
BASE = "http://127.0.0.1"
ESSAIS = 20
GRAINE = secrets.randbits(32)


async def _play(scope, corps):
    """One request on the real application; (status, headers, body) of its answer."""
    dits, recus = [{"type": "http.request", "body": corps, "more_body": False}], []

    async def receive():
        # Who asked stays there until it is answered.
        return dits.pop() if dits else await asyncio.get_running_loop().create_future()

    async def send(message):
        recus.append(message)

    await application(scope, receive, send)
    debut = recus[0]
    return debut["status"], debut["headers"], b"".join(m.get("body", b"") for m in recus[1:])


def pont(environ, start_response):
    """The application for a caller that waits in this thread: the test's transaction is its own."""
    entetes = [
        (nom[5:].replace("_", "-").lower().encode("latin1"), valeur.encode("latin1"))
        for nom, valeur in environ.items()
        if nom.startswith("HTTP_")
    ]
    for nom in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(nom):
            entetes.append((nom.replace("_", "-").lower().encode(), environ[nom].encode("latin1")))
    chemin = environ["PATH_INFO"].encode("latin1")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": "http",
        "path": chemin.decode("utf-8", "replace"),
        "raw_path": chemin,
        "query_string": environ.get("QUERY_STRING", "").encode("latin1"),
        "root_path": "",
        "headers": entetes,
        "client": ("127.0.0.1", 4),
        "server": ("127.0.0.1", 80),
    }
    statut, rendus, corps = async_to_sync(_play)(scope, environ["wsgi.input"].read())
    start_response(f"{statut} .", [(n.decode("latin1"), v.decode("latin1")) for n, v in rendus])
    return [corps]


def _schema():
    config = SchemathesisConfig.from_dict(
        {
            "seed": GRAINE,
            "generation": {"max-examples": ESSAIS, "database": "none"},
            "phases": {"stateful": {"enabled": False}},
        }
    )
    schema = schemathesis.openapi.from_dict(build_schema(), config=config)
    schema.app = pont
    return schema


SCHEMA = _schema()


@pytest.fixture
def une_connexion():
    """A request gives its connection back when it ends: here it is the test's own, as it stays."""
    signaux = (request_started, request_finished)
    for signal in signaux:
        signal.disconnect(close_old_connections)
    yield
    for signal in signaux:
        signal.connect(close_old_connections)


@pytest.fixture
def preuves(une_connexion, halle, tmp_path, monkeypatch):
    """What opens each address: the session of a titulaire and its page, a key of every scope."""
    for module, nom in ((api_integration, "PAR_MINUTE"), (api_integration, "ECHECS_PAR_MINUTE")):
        monkeypatch.setattr(module, nom, 10**9)
    for debit in (api.Rafale, api_postes.ParAdresse):
        monkeypatch.setattr(debit, "rate", "1000000000/min")
    agent = Agent(halle, tmp_path / "halle")
    cle = agent.client.cookies[settings.SESSION_COOKIE_NAME].value
    session = SessionStore(cle)
    session["_csrftoken"] = secrets.token_hex(16)
    session.save()
    return {
        "session": {
            "headers": {"X-CSRFToken": session["_csrftoken"]},
            "cookies": {nom: morceau.value for nom, morceau in agent.client.cookies.items()},
        },
        "cle": {"headers": {"Authorization": f"Bearer {Outil(halle, *PORTEES).secret}"}},
    }


def preuve_of(preuves, operation):
    noms = {nom for choix in operation.definition.raw["security"] for nom in choix}
    return preuves["cle" if "cle" in noms else "session"] if noms & {"cle", "session"} else {}


def is_lost(case):
    """Tell whether what a request should be refused for does not leave: a name without a value.

    HTTP has no null and no empty list: the library writes nothing for them.
    """
    connus = {p.name for p in case.operation.query}
    ajoutes = [v for nom, v in dict(case.query or {}).items() if nom not in connus]
    return bool(ajoutes) and all(v is None or v in ([], {}, ()) for v in ajoutes)


@SCHEMA.parametrize()
@hypothesis.settings(suppress_health_check=list(hypothesis.HealthCheck), deadline=None)
def test_every_address_does_what_its_schema_says(case, preuves):
    print(f"graine {GRAINE}, requête {case.query!r}")  # noqa: T201 - shown when it fails
    case.call_and_validate(
        base_url=BASE,
        excluded_checks=[negative_data_rejection] if is_lost(case) else [],
        **preuve_of(preuves, case.operation),
    )
