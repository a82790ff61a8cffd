"""The relay: a page and the agent of its poste, through the server and nobody else's hands."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from asgiref.sync import async_to_sync, sync_to_async
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as reglages
from django.contrib.sessions.backends.db import SessionStore

from agent import jws
from pharmacy import parametres, relais_asgi
from pharmacy.models import Poste
from pharmacy.postes import enrolement, relais
from pharmacy.postes.services import enrol_local

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("AGT-09")]


class Bout:
    """One end of a websocket: what the server says is read, what it hears is given."""

    def __init__(self, chemin, entetes=()):
        self.scope = {
            "type": "websocket",
            "path": chemin,
            "root_path": "",
            "query_string": b"",
            "scheme": "ws",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 5),
            "headers": [(n.encode(), v.encode()) for n, v in entetes],
            "subprotocols": ["officine.agent.v1"],
        }
        self.vers, self.de = asyncio.Queue(), asyncio.Queue()

    async def __aenter__(self):
        self.vers.put_nowait({"type": "websocket.connect"})
        self.tache = asyncio.ensure_future(
            relais_asgi.relay(self.scope, self.vers.get, self.de.put)
        )
        return self

    async def __aexit__(self, *_exc):
        self.vers.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([self.tache], timeout=5)
        assert self.tache.done()
        self.tache.result()

    def dire(self, texte):
        self.vers.put_nowait({"type": "websocket.receive", "text": texte})

    async def lire(self):
        """The next message; what broke the server instead is raised here."""
        lecture = asyncio.ensure_future(self.de.get())
        attente = {lecture, self.tache}
        await asyncio.wait(attente, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if not lecture.done():
            lecture.cancel()
            assert self.tache.done(), "the server says nothing"
            self.tache.result()
        return await lecture

    async def json(self):
        message = await self.lire()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def fermeture(self):
        while (message := await self.lire())["type"] != "websocket.close":
            pass
        return message["code"]


class Agent(Bout):
    """The agent's end: it answers the challenge with the workstation's key."""

    def __init__(self, poste, cle, **claims):
        super().__init__(relais_asgi.AGENT)
        self.poste, self.cle, self.claims = poste, cle, claims

    async def __aenter__(self):
        await super().__aenter__()
        assert (await self.lire())["type"] == "websocket.accept"
        defi = (await self.json())["challenge"]
        contenu = {
            "iss": f"agent:{self.poste.wid}",
            "aud": reglages.ADRESSE,
            "challenge": defi,
            "agent": "1.4.0",
            "iat": int(time.time()),
            **self.claims,
        }
        self.dire(json.dumps({"preuve": jws.sign(self.cle, "agent-relay+jwt", contenu)}))
        return self


def page(client, origine=None):
    cookies = "; ".join(f"{nom}={c.value}" for nom, c in client.cookies.items())
    origine = reglages.ADRESSE if origine is None else origine
    return Bout(relais_asgi.PAGE, [("cookie", cookies), ("origin", origine), ("host", "127.0.0.1")])


def joue(test):
    """Run a coroutine test with the database of this thread."""

    def lance(halle, cle, port):
        async_to_sync(test)(halle, cle, port)

    lance.__name__, lance.__doc__ = test.__name__, test.__doc__
    return lance


@pytest.fixture
def cle(halle):
    cle = Ed25519PrivateKey.generate()
    enrol_local(halle.postes[0], jws.public_raw(cle))
    return cle


@joue
async def test_frames_go_both_ways_and_a_page_that_leaves_is_told(halle, cle, port):
    client = await sync_to_async(halle.client)("A02")
    async with Agent(halle.postes[0], cle) as agent:
        assert await agent.json() == {"t": "pret"}
        async with page(client) as onglet:
            assert (await onglet.lire())["subprotocol"] == "officine.agent.v1"
            ouvre = await agent.json()
            assert ouvre["t"] == "ouvre"
            agent.dire(json.dumps({"c": ouvre["c"], "t": "trame", "d": '{"type":"hello"}'}))
            assert await onglet.json() == {"type": "hello"}
            onglet.dire('{"type":"auth"}')
            assert await agent.json() == {"c": ouvre["c"], "t": "trame", "d": '{"type":"auth"}'}
        assert await agent.json() == {"c": ouvre["c"], "t": "ferme"}


@joue
async def test_an_agent_closes_one_page_and_its_own_end_closes_them_all(halle, cle, port):
    client = await sync_to_async(halle.client)("A02")
    async with page(client) as seule:
        assert await seule.fermeture() == 4404
    async with Agent(halle.postes[0], cle) as agent:
        await agent.json()
        async with page(client) as une, page(client) as deux:
            pages = [(await agent.json())["c"] for _ in range(2)]
            assert len(set(pages)) == 2
            agent.dire(json.dumps({"c": pages[0], "t": "ferme", "code": 4003}))
            agent.dire(json.dumps({"c": "autre", "t": "ferme", "code": 4003}))
            agent.dire("[")
            fins = [une, deux]
            finie, _ = await asyncio.wait(
                [asyncio.ensure_future(p.fermeture()) for p in fins],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert {t.result() for t in finie} == {4003}
            agent.vers.put_nowait({"type": "websocket.disconnect", "code": 1006})
            restantes = [p for p in fins if not p.tache.done()]
            await asyncio.wait([p.tache for p in restantes], timeout=5)
            assert all(p.tache.done() for p in fins)


@joue
async def test_what_passes_is_unreadable_in_valkey(halle, cle, port):
    client = await sync_to_async(halle.client)("A02")
    valkey = redis.asyncio.Redis.from_url(reglages.VALKEY_URL)
    oreille = valkey.pubsub()
    await oreille.psubscribe("comptoir:relais:*")
    await oreille.get_message(timeout=3)
    async with Agent(halle.postes[0], cle) as agent:
        await agent.json()
        async with page(client) as onglet:
            await agent.json()
            onglet.dire("2790351215189 PAT-TROIS")
            await agent.json()
    vus = [m["data"] async for m in _dits(oreille)]
    assert len(vus) >= 3
    assert not [v for v in vus if b"PAT" in v or b"279" in v or b"trame" in v]
    await oreille.aclose()
    await valkey.aclose()


async def _dits(oreille):
    while (message := await oreille.get_message(timeout=0.2)) is not None:
        if message["type"] == "pmessage":
            yield message


@joue
async def test_only_a_signed_in_page_of_this_poste_enters(halle, cle, port):
    bon = await sync_to_async(halle.client)("A02")
    voisin = await sync_to_async(port.client)("A01")
    sans = await sync_to_async(halle.navigateur)()
    autre_poste = await sync_to_async(halle.client)("A02", 1)
    async with Agent(halle.postes[0], cle) as agent:
        await agent.json()
        for origine in ("https://evil.example", "null", ""):
            async with page(bon, origine) as onglet:
                assert (await onglet.lire())["type"] == "websocket.close"
        for client, code in ((sans, 4401), (voisin, 4403), (autre_poste, 4403)):
            async with page(client) as onglet:
                assert await onglet.fermeture() == code
        session = SessionStore(bon.cookies[reglages.SESSION_COOKIE_NAME].value)
        await sync_to_async(session.update)({"verrouillee": True})
        await sync_to_async(session.save)()
        async with page(bon) as onglet:
            assert await onglet.fermeture() == 4401
        assert agent.de.empty()
    async with Bout("/ailleurs") as onglet:
        assert (await onglet.lire())["type"] == "websocket.close"


@joue
async def test_without_the_relay_in_the_settings_no_page_enters(halle, cle, port):
    client = await sync_to_async(halle.client)("A02")
    titulaire = await sync_to_async(halle.acteur)("A01")
    await sync_to_async(parametres.modifier)(titulaire, "agent.transport", "loopback")
    async with Agent(halle.postes[0], cle) as agent, page(client) as onglet:
        assert await onglet.fermeture() == 4403
        await agent.json()


@pytest.mark.parametrize(
    "claims",
    [
        {"challenge": "un autre"},
        {"aud": "https://ailleurs"},
        {"iss": "agent:p_INCONNU"},
        {"iss": "x"},
        {"iss": 7},
    ],
    ids=lambda c: next(iter(c)),
)
def test_an_agent_that_does_not_answer_the_challenge_is_refused(halle, cle, claims):
    async def essai():
        async with Agent(halle.postes[0], cle, **claims) as agent:
            assert await agent.fermeture() == 4002

    async_to_sync(essai)()


@joue
async def test_another_key_or_a_revoked_poste_is_refused(halle, cle, port):
    async with Agent(halle.postes[0], Ed25519PrivateKey.generate()) as agent:
        assert await agent.fermeture() == 4002
    await Poste.objects.filter(pk=halle.postes[0].pk).aupdate(etat=Poste.Etat.REVOQUE)
    async with Agent(halle.postes[0], cle) as agent:
        assert await agent.fermeture() == 4002


@pytest.mark.parametrize("texte", ["", "{}", "[]", "[" * 5000, '{"preuve": 7}', '{"preuve":"a.b"}'])
@pytest.mark.usefixtures("cle")
def test_what_is_no_proof_is_refused(texte):
    async def essai():
        async with Bout(relais_asgi.AGENT) as agent:
            await agent.lire()
            await agent.json()
            agent.dire(texte)
            assert await agent.fermeture() == 4002

    async_to_sync(essai)()


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-96")
def test_a_revocation_reaches_the_agent_at_once(
    halle, cle, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(relais_asgi, "REVOCATION_S", 0.1)

    def revoquer():
        with django_capture_on_commit_callbacks(execute=True):
            enrolement.revoke(halle.administrateur(), halle.postes[0])

    async def essai():
        async with Agent(halle.postes[0], cle) as agent:
            await agent.json()
            await sync_to_async(revoquer)()
            assert await agent.json() == {"t": "config"}
            assert await agent.fermeture() == 4009

    async_to_sync(essai)()


@asynccontextmanager
async def jointe(troupe, cle, client):
    """A page whose agent has opened its part of the relay."""
    async with Agent(troupe.postes[0], cle) as agent:
        assert (await agent.json())["t"] == "pret"
        async with page(client) as onglet:
            await agent.json()
            yield onglet


def test_a_page_ends_with_its_session(halle, cle, monkeypatch):
    monkeypatch.setattr(relais_asgi, "PRESENCE_S", 0.05)
    client = halle.client("A02")

    async def essai():
        async with jointe(halle, cle, client) as onglet:
            session = SessionStore(client.cookies[reglages.SESSION_COOKIE_NAME].value)
            await sync_to_async(session.flush)()
            assert await onglet.fermeture() == 4401

    async_to_sync(essai)()


@pytest.mark.parametrize(
    "fausse",
    [
        {"t": "ferme", "code": "1 79 03 51"},
        {"t": "ferme", "code": 99999},
        {"t": "ferme", "code": None},
        {"t": "trame"},
        {"t": "trame", "d": 7},
        {"t": "autre", "d": "x"},
        {},
    ],
)
def test_what_an_agent_says_wrong_reaches_no_page(halle, cle, fausse):
    client = halle.client("A02")

    async def essai():
        async with Agent(halle.postes[0], cle) as agent:
            assert (await agent.json())["t"] == "pret"
            async with page(client) as onglet:
                ouverte = await agent.json()
                assert (await onglet.lire())["type"] == "websocket.accept"
                for trame in (fausse, {"t": "trame", "d": "juste"}):
                    agent.dire(json.dumps({"c": ouverte["c"], **trame}))
                assert (await onglet.lire())["text"] == "juste"

    async_to_sync(essai)()


def test_a_frame_too_long_closes_the_page(halle, cle):
    client = halle.client("A02")

    async def essai():
        async with jointe(halle, cle, client) as onglet:
            onglet.dire("x" * 70_000)
            assert await onglet.fermeture() == 1009

    async_to_sync(essai)()


def test_a_frame_of_someone_else_is_not_ours():
    with pytest.raises(ValueError, match="no key"):
        relais.unseal(b"gAAAAAB")
