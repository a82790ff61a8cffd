"""The agent's side of the relay: a server that plays its part, pages that come through it."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import websockets

from agent import jws
from tests.agent.conftest import check_journal
from tests.agent.poste import Poste, jwk, port_libre, seul


class Serveur:
    """The server's end: it challenges, opens pages, forwards what they say."""

    def __init__(self, poste):
        self.poste = poste
        self.defi = "d" * 40
        self.recues = asyncio.Queue()
        self.pret = asyncio.Event()

    async def handle(self, ws):
        await ws.send(json.dumps({"challenge": self.defi}))
        preuve = json.loads(await ws.recv())["preuve"]
        self.claims = jws.verify(preuve, "agent-relay+jwt", [jwk(self.poste.cle)])
        await ws.send(json.dumps({"t": "pret"}))
        self.ws = ws
        self.pret.set()
        async for trame in ws:
            self.recues.put_nowait(json.loads(trame))

    async def dire(self, **trame):
        await self.ws.send(json.dumps(trame))

    async def ecouter(self, page, genre="trame"):
        """The next frame for this page, of this kind; its content when it is a message."""
        while True:
            trame = await asyncio.wait_for(self.recues.get(), 20)
            if (trame["c"], trame["t"]) == (page, genre):
                return json.loads(trame["d"]) if genre == "trame" else trame

    async def demander(self, page, verbe, **payload):
        ident = f"r{verbe}"
        requete = {"v": 1, "type": verbe, "id": ident, "payload": payload}
        await self.dire(c=page, t="trame", d=json.dumps(requete))
        while (lue := await self.ecouter(page)).get("id") != ident:
            pass
        return lue


@asynccontextmanager
async def relie(dossier, tls, transport="auto"):
    """An agent whose server is this test; the server's end once the agent proved its key."""
    poste = Poste(dossier, tls, emetteur=f"http://127.0.0.1:{port_libre()}")
    serveur = Serveur(poste)
    port = int(poste.emetteur.rpartition(":")[2])
    async with websockets.serve(serveur.handle, "127.0.0.1", port):
        await asyncio.to_thread(poste.start, config={"transport": transport})
        try:
            yield serveur
        finally:
            await asyncio.to_thread(poste.stop)
            check_journal(poste)


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-92")
@seul
async def test_by_the_relay_the_same_messages_receipts_and_front_tab(tmp_path, tls):
    async with relie(tmp_path, tls) as serveur:
        await asyncio.wait_for(serveur.pret.wait(), 20)
        poste = serveur.poste
        assert serveur.claims["challenge"] == serveur.defi
        assert serveur.claims["aud"] == poste.emetteur
        await serveur.dire(c="une", t="ouvre")
        bonjour = (await serveur.ecouter("une"))["payload"]
        assert (await serveur.demander("une", "state.get"))["error"]["code"] == "E_AUTH_REQUIRED"
        acces = await serveur.demander("une", "auth", token=poste.jeton(bonjour["challenge"]))
        assert acces["ok"], acces
        poste.inserer("vitale-01")
        lire = {"nonce": "n" * 20}
        refus = await serveur.demander("une", "vitale.read", **lire)
        assert refus["error"]["code"] == "E_NOT_FOCUSED"
        await serveur.demander("une", "focus.claim")
        lue = (await serveur.demander("une", "vitale.read", **lire))["payload"]
        assert poste.recu(lue["receipt"])["nonce"] == "n" * 20
        # A page on the machine itself takes the front from it, and gives it back.
        poste.inserer("vitale-01")  # another insertion: one reading a second of each
        async with poste.page() as page:
            assert (await page.lire())["ok"]
            refus = await serveur.demander("une", "vitale.read", **lire)
            assert refus["error"]["code"] == "E_NOT_FOCUSED"
        poste.geste("session", locked=True)
        assert (await serveur.ecouter("une", "ferme"))["code"] == 4008


@pytest.mark.cas("agent-64", "agent-66")
@seul
async def test_a_page_of_the_relay_is_limited_alone(tmp_path, tls):
    async with relie(tmp_path, tls) as serveur:
        await asyncio.wait_for(serveur.pret.wait(), 20)
        for page in ("une", "deux"):
            await serveur.dire(c=page, t="ouvre")
            bonjour = (await serveur.ecouter(page))["payload"]
            jeton = serveur.poste.jeton(bonjour["challenge"])
            assert (await serveur.demander(page, "auth", token=jeton))["ok"]
        for n in range(400):
            ping = {"v": 1, "type": "ping", "id": str(n), "payload": {}}
            await serveur.dire(c="une", t="trame", d=json.dumps(ping))
        assert (await serveur.ecouter("une", "ferme"))["code"] == 4007
        assert (await serveur.demander("deux", "state.get"))["ok"]


@seul
async def test_where_the_officine_wants_none_no_relay_is_opened(tmp_path, tls):
    async with relie(tmp_path, tls, "loopback") as serveur:
        async with serveur.poste.page() as page:
            assert (await page.demander("state.get"))["ok"]
        # Three rounds of the agent's own clock: a connection would have come at once.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(serveur.pret.wait(), 3)


@seul
async def test_cut_the_relay_comes_back_and_its_pages_are_gone(tmp_path, tls):
    async with relie(tmp_path, tls, "relais") as serveur:
        await asyncio.wait_for(serveur.pret.wait(), 20)
        await serveur.dire(c="une", t="ouvre")
        await serveur.ecouter("une")
        assert serveur.poste.geste("state")["state"]["connections"] == 1
        serveur.pret.clear()
        await serveur.ws.close()
        await asyncio.wait_for(serveur.pret.wait(), 20)
        assert serveur.poste.geste("state")["state"]["connections"] == 0


async def occuper(poste, pile):
    """Eight tabs that nobody may push out: one in front, seven that wait; the tabs."""
    poste.inserer("cps-martin")
    poste.inserer("vitale-01", protocol={"delay_ms": 15000})
    pages = []
    for rang in range(8):
        page = await pile.enter_async_context(poste.page())
        if rang < 6:  # the window of the code, and the five that may wait for it
            await page.send("cps.sign", request=poste.demande(jti=f"j{rang}"))
        elif rang == 6:
            await page.send("vitale.read", nonce="n" * 24)
        assert (await page.demander("ping"))["ok"]
        pages.append(page)
    return pages


@pytest.mark.cas("agent-68")
@seul
async def test_with_eight_busy_tabs_a_page_is_told_to_come_back_by_both_ways(tmp_path, tls):
    async with relie(tmp_path, tls) as serveur, AsyncExitStack() as pile:
        await asyncio.wait_for(serveur.pret.wait(), 20)
        pages = await occuper(serveur.poste, pile)
        await serveur.dire(c="une", t="ouvre")
        assert (await serveur.ecouter("une", "ferme"))["code"] == 1013
        with pytest.raises(websockets.InvalidStatus) as refus:
            await pile.enter_async_context(serveur.poste.page())
        assert refus.value.response.status_code == 503
        assert refus.value.response.headers["Retry-After"] == "2"
        # One leaves: its place is taken, by the relay as well.
        await pages.pop().ws.close()
        await pages[0].demander("ping")
        await serveur.dire(c="deux", t="ouvre")
        assert (await serveur.ecouter("deux"))["type"] == "hello"
