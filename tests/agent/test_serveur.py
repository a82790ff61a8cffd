"""Who may talk to the running agent: handshake, tokens, envelopes, floods, its end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import jws
from agent.__main__ import load_enrolment
from tests.agent.poste import ORIGINE, port_libre, seul

MONTEE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
SOUS = "Sec-WebSocket-Protocol: officine.agent.v1\r\n"


def http(port, entetes, cible="GET /agent/v1"):
    """Send raw HTTP; the status and the whole answer."""
    with socket.create_connection(("127.0.0.1", port), 5) as prise:
        prise.sendall(f"{cible} HTTP/1.1\r\n{entetes}\r\n".encode())
        reponse = b""
        with contextlib.suppress(ConnectionResetError):
            while lu := prise.recv(4096):
                reponse += lu
                if b"101 Switching" in reponse:
                    break
    return int(reponse.split(b" ", 2)[1]), reponse.decode(errors="replace")


def monter(poste, hote=None, origine=f"Origin: {ORIGINE}\r\n", sous=SOUS):
    hote = f"Host: 127.0.0.1:{poste.port}\r\n" if hote is None else hote
    return http(poste.port, hote + origine + MONTEE + sous)[0]


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-50", "agent-51", "agent-52", "agent-53")
def test_only_the_pages_of_the_officine_get_a_socket(poste):
    assert monter(poste) == 101
    for origine in (
        "",
        "Origin: null\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: https://127.0.0.1:8000\r\n",
        "Origin: http://127.0.0.1:8001\r\n",
        "Origin: http://127.0.0.1:8000.evil.example\r\n",
        "Origin: HTTP://127.0.0.1:8000\r\n",
    ):
        assert monter(poste, origine=origine) == 403, origine
    for hote in ("", "Host: evil.example\r\n", f"Host: evil.example:{poste.port}\r\n"):
        assert monter(poste, hote=hote) == 421, hote
    assert monter(poste, hote=f"Host: localhost:{poste.port}\r\n") == 101
    juste = f"Host: 127.0.0.1:{poste.port}\r\n"
    assert monter(poste, hote=juste + juste) == 400
    assert monter(poste, origine=f"Origin: {ORIGINE}\r\n" * 2) == 400
    assert monter(poste, sous="") == 400
    assert monter(poste, sous="Sec-WebSocket-Protocol: autre\r\n") == 400
    assert monter(poste, sous="Sec-WebSocket-Protocol: autre\r\n" + SOUS) == 101


def test_plain_http_says_nothing(poste):
    hote = f"Host: 127.0.0.1:{poste.port}\r\n"
    for cible in (
        "GET /",
        "GET /agent/v1",
        "POST /agent/v1",
        "GET /agent/v2",
        "POST /agent/v1/ping",
    ):
        statut, reponse = http(poste.port, hote, cible)
        entetes, _, corps = reponse.partition("\r\n\r\n")
        assert (statut, corps) == (404, ""), cible
        assert "Server:" not in entetes
        assert "websockets" not in reponse
    statut, reponse = http(poste.port, hote + f"Origin: {ORIGINE}\r\n", "GET /agent/v1/ping")
    assert statut == 204
    assert f"Access-Control-Allow-Origin: {ORIGINE}" in reponse
    statut, reponse = http(
        poste.port, hote + "Origin: https://evil.example\r\n", "GET /agent/v1/ping"
    )
    assert statut == 204
    assert "Access-Control" not in reponse
    assert http(poste.port, "Host: evil.example\r\n", "GET /agent/v1/ping")[0] == 421
    vol = f"Origin: {ORIGINE}\r\nAccess-Control-Request-Private-Network: true\r\n"
    reponse = http(poste.port, hote + vol, "OPTIONS /agent/v1/ping")[1]
    assert "Access-Control-Allow-Methods: GET" in reponse
    assert "Access-Control-Allow-Private-Network: true" in reponse


@pytest.mark.exigence("AGT-09")
def test_it_listens_on_the_loopback_address_only(poste):
    inode = {
        ligne.split()[1].split(":")[0]
        for ligne in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        if ligne.split()[1].endswith(f":{poste.port:04X}") and ligne.split()[3] == "0A"
    }
    assert inode == {"0100007F"}


@seul
async def test_before_identification_it_says_who_it_is_and_nothing_more(poste):
    poste.inserer("vitale-01")
    async with poste.page(auth=False) as page:
        assert set(page.bonjour) == {
            "protocol",
            "agent",
            "wid",
            "instance",
            "challenge",
            "enrolled",
        }
        assert (await page.demander("ping", t=5))["payload"]["t"] == 5
        for verbe in (
            "state.get",
            "vitale.read",
            "cps.sign",
            "focus.claim",
            "auth.refresh",
            "diag.get",
        ):
            assert await page.code(verbe) == "E_AUTH_REQUIRED"
        poste.inserer("vitale-02")
        assert not page.evenements


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-57", "agent-58")
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "agent:p_AUTRE"}, "E_AUTH_WRONG_WORKSTATION"),
        ({"origin": "http://127.0.0.1:9"}, "E_AUTH_WRONG_ORIGIN"),
        ({"cnonce": "un autre"}, "E_AUTH_CHALLENGE"),
        ({"iss": "http://ailleurs"}, "E_AUTH_TOKEN_INVALID"),
        ({"iat": -700, "nbf": -700, "exp": -600}, "E_AUTH_CLOCK"),
        ({"iat": -50, "nbf": -50, "exp": -100}, "E_AUTH_TOKEN_EXPIRED"),
        ({"iat": 600, "nbf": 600, "exp": 900}, "E_AUTH_CLOCK"),
        ({"exp": 301}, "E_AUTH_TOKEN_INVALID"),
        ({"sub": 7}, "E_AUTH_TOKEN_INVALID"),
        ({"jti": ""}, "E_AUTH_TOKEN_INVALID"),
        ({"typ": "agent-sign+jwt"}, "E_AUTH_TOKEN_INVALID"),
        ({"cle": Ed25519PrivateKey.generate()}, "E_AUTH_TOKEN_INVALID"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)
@seul
async def test_a_token_that_is_not_for_this_connection_is_refused(poste, claims, code):
    secondes = {
        nom: int(time.time()) + valeur
        for nom, valeur in claims.items()
        if nom in {"iat", "nbf", "exp"}
    }
    async with poste.page(auth=False) as page:
        assert await page.code("auth", token=page.jeton(**{**claims, **secondes})) == code
        assert await page.code("state.get") == "E_AUTH_REQUIRED"
        assert (await page.demander("auth", token=page.jeton()))["ok"]


@pytest.mark.cas("agent-58", "agent-65")
@pytest.mark.parametrize(
    "forge",
    [
        lambda j: j.replace(j.split(".")[0], jws.b64(b'{"alg":"none","typ":"agent+jwt"}')),
        lambda j: j.replace(j.split(".")[0], jws.b64(b'{"alg":"HS256","typ":"agent+jwt"}')),
        lambda j: jws.b64(b'{"alg":"none","typ":"agent+jwt"}') + "." + j.split(".")[1] + ".",
        lambda j: j[:-4] + "AAAA",
        lambda _: jws.b64(b"[" * 2500) + ".e30.",
        lambda _: "x.y",
        lambda _: "é.é.é",
        lambda _: "",
        lambda _: None,
        lambda _: {"a": 1},
        lambda _: "A" * 5000,
    ],
)
@seul
async def test_a_forged_token_is_refused(poste, forge):
    async with poste.page(auth=False) as page:
        assert await page.code("auth", token=forge(page.jeton())) == "E_AUTH_TOKEN_INVALID"
        assert (await page.demander("auth", token=page.jeton()))["ok"]


@pytest.mark.cas("agent-56")
@seul
async def test_a_token_serves_once_and_on_one_socket(poste):
    async with poste.page(auth=False) as une, poste.page(auth=False) as autre:
        jeton = une.jeton()
        assert await autre.code("auth", token=jeton) == "E_AUTH_CHALLENGE"
        assert (await une.demander("auth", token=jeton))["ok"]
        assert await une.code("auth.refresh", token=jeton) == "E_AUTH_TOKEN_REPLAYED"
        assert (await une.demander("auth.refresh", token=une.jeton()))["ok"]


@seul
async def test_the_proof_of_presence_is_signed_by_the_workstation(poste):
    async with poste.page() as page:
        preuve = poste.recu(page.acces["proof"], "agent-proof+jwt")
        assert preuve["challenge"] == page.bonjour["challenge"]
        assert preuve["sid"] == "s" * 32


@pytest.mark.cas("agent-55")
@seul
async def test_three_bad_tokens_close_and_ban(poste_neuf):
    async with poste_neuf.page(auth=False) as page:
        for _ in range(3):
            assert await page.code("auth", token="faux") == "E_AUTH_TOKEN_INVALID"
        assert await page.fermeture() == 4002
    assert monter(poste_neuf) == 503


@pytest.mark.cas("agent-54")
@seul
async def test_a_page_that_never_identifies_itself_is_closed(poste):
    async with poste.page(auth=False) as page:
        assert await asyncio.wait_for(page.fermeture(), 13) == 4001


@pytest.mark.cas("agent-61")
@seul
async def test_an_expired_token_leaves_time_to_renew_and_nothing_else(poste):
    async with poste.page(auth=False) as page:
        maintenant = int(time.time())
        court = page.jeton(iat=maintenant - 60, nbf=maintenant - 60, exp=maintenant + 1)
        await page.demander("auth", token=court)
        await page.demander("focus.claim")
        poste.inserer("vitale-01", protocol={"delay_ms": 3000})
        lecture = await page.send("vitale.read", nonce="n" * 20)
        while time.time() < maintenant + 1:
            await page.demander("ping")
            await asyncio.sleep(0.1)
        assert await page.code("state.get") == "E_AUTH_TOKEN_EXPIRED"
        assert (await page.reponse(lecture))["ok"]
        await page.evenement("auth.expired")
        assert (await page.demander("auth.refresh", token=page.jeton()))["ok"]
        assert (await page.demander("state.get"))["ok"]


@pytest.mark.cas("agent-57")
@seul
async def test_a_scope_that_the_token_lacks_is_refused(poste):
    async with poste.page(auth=False) as page:
        await page.demander("auth", token=page.jeton(scope=["scan"]))
        assert await page.code("vitale.read") == "E_AUTH_SCOPE"
        assert await page.code("cps.sign") == "E_AUTH_SCOPE"
        assert await page.code("cps.pin_state") == "E_AUTH_SCOPE"
        assert await page.code("diag.get") == "E_AUTH_SCOPE"
        assert await page.code("agent.update.check") == "E_AUTH_SCOPE"
        assert await page.code("carte.apdu") == "E_PROTO_TYPE"


@pytest.mark.cas("agent-65")
@pytest.mark.parametrize(
    ("trame", "code"),
    [
        ("", "E_PROTO_JSON"),
        ("{", "E_PROTO_JSON"),
        ("[]", "E_PROTO_JSON"),
        ("[" * 1000 + "]" * 1000, "E_PROTO_JSON"),
        ("[" * 30000, "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","id":"1","payload":{"t":1e999}}', "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","id":"1","payload":{"t":NaN}}', "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","id":"\\ud800","payload":{}}', "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","id":"1","payload":{"t":"\\udfff"}}', "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","id":"1","payload":{"t":' + "9" * 5000 + "}}", "E_PROTO_JSON"),
        ('{"v":1,"type":"ping","payload":{}}', "E_PROTO_PAYLOAD"),
        ('{"v":1,"type":"ping","id":"' + "x" * 37 + '"}', "E_PROTO_PAYLOAD"),
        ('{"v":1,"type":"ping","id":"1","payload":[]}', "E_PROTO_PAYLOAD"),
        ('{"v":1,"type":7,"id":"1"}', "E_PROTO_TYPE"),
        ('{"v":1,"type":"__class__","id":"1"}', "E_PROTO_TYPE"),
    ],
)
@seul
async def test_a_malformed_frame_is_answered_and_the_tab_lives(poste, trame, code):
    async with poste.page() as page:
        assert (await page.brut(trame))["error"]["code"] == code
        assert (await page.demander("state.get"))["ok"]


@pytest.mark.cas("agent-63")
@seul
async def test_another_version_is_told_then_closed(poste):
    async with poste.page() as page:
        reponse = await page.brut('{"v":2,"type":"ping","id":"1"}')
        assert reponse["error"]["code"] == "E_PROTO_VERSION"
        assert await page.fermeture() == 4005


@pytest.mark.cas("agent-64", "agent-65")
@seul
async def test_oversize_binary_and_broken_frames_close_one_tab_only(poste):
    async with poste.page() as temoin:
        for trame, code in (("x" * 70_000, 1009), (b"\x00", 1003)):
            async with poste.page() as page:
                await page.ws.send(trame)
                assert await page.fermeture() == code
        async with poste.page() as page:
            await page.ws.send(b"\xff\xfe", text=True)
            assert await page.fermeture() == 1007
        assert (await temoin.demander("state.get"))["ok"]


@pytest.mark.cas("agent-66")
@seul
async def test_a_flood_is_slowed_then_closed(poste):
    async with poste.page() as page, poste.page() as temoin:
        for n in range(1000):
            await page.ws.send(json.dumps({"v": 1, "type": "ping", "id": str(n)}))
        assert await page.fermeture() == 4007
        assert any('"E_RATE_LIMITED"' in t for t in poste.trames)
        assert (await temoin.demander("state.get"))["ok"]


@pytest.mark.cas("agent-68")
@seul
async def test_a_ninth_tab_pushes_out_the_oldest_idle_one(poste):
    async with contextlib.AsyncExitStack() as pile:
        pages = [await pile.enter_async_context(poste.page()) for _ in range(8)]
        await pages[0].demander("ping")
        async with poste.page(auth=False) as neuve:
            # Without a token nobody is pushed out.
            assert (await pages[1].demander("state.get"))["ok"]
            await pages[2].demander("ping")
            await neuve.demander("auth", token=neuve.jeton())
            assert await pages[3].fermeture() == 4004
            for reste in (*pages[:3], *pages[4:], neuve):
                assert (await reste.demander("state.get"))["ok"]
            # The tab in front stays, however long it has asked for nothing.
            await neuve.demander("focus.claim")
            async with poste.page(focus=False):
                assert (await neuve.demander("state.get"))["ok"]


@seul
async def test_three_silent_connections_do_not_shut_the_door_on_their_own(poste):
    async with contextlib.AsyncExitStack() as pile:
        for _ in range(3):
            await pile.enter_async_context(poste.page(auth=False))
        assert monter(poste) == 503


@pytest.mark.cas("agent-67")
@seul
async def test_a_tab_that_stops_reading_is_closed_and_delays_nobody(poste):
    with socket.socket() as prise:
        prise.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        prise.connect(("127.0.0.1", poste.port))
        lente = poste.page(sock=prise, max_queue=1)
        async with lente, poste.page(focus=False) as autre:
            lente.ws.transport.pause_reading()
            fin = time.monotonic() + 60
            async for _ in _rafale(lente, autre):
                assert time.monotonic() < fin
            assert (await autre.demander("state.get"))["ok"]
            with contextlib.suppress(RuntimeError):
                lente.ws.transport.resume_reading()


async def _rafale(lente, autre):
    """Scan long codes for the tab in front until the agent gives up on it."""
    poste = lente.poste
    while True:
        poste.octets(b"".join(b"%06d" % n + b"x" * 4000 + b"\r" for n in range(70)))
        yield
        if any(
            t.get("event") == "focus.changed" and t["payload"]["owner_tab"] is None
            for t in autre.evenements
        ):
            return
        await autre.demander("ping")
        await asyncio.sleep(0.3)


@pytest.mark.exigence("OPS-14")
@seul
async def test_sigterm_leaves_nothing_behind(poste_neuf):
    async with poste_neuf.page() as page:
        assert poste_neuf.stop() == 0
        assert await page.fermeture() in {1001, 1012}
    assert not poste_neuf.commande.exists()
    assert not poste_neuf.pret.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", poste_neuf.port), 1)


def test_sigterm_does_not_wait_for_a_dead_page(poste_neuf):
    hote = f"Host: 127.0.0.1:{poste_neuf.port}\r\nOrigin: {ORIGINE}\r\n"
    with socket.create_connection(("127.0.0.1", poste_neuf.port), 5) as morte:
        morte.sendall(f"GET /agent/v1 HTTP/1.1\r\n{hote}{MONTEE}{SOUS}\r\n".encode())
        assert b"101" in morte.recv(20)
        debut = time.monotonic()
        assert poste_neuf.stop() == 0
        assert time.monotonic() - debut < 6


def test_a_killed_agent_starts_again_and_a_second_one_does_not(poste_neuf):
    double = poste_neuf._spawn(port_libre())
    assert double.wait(10) == 1
    os.kill(poste_neuf.process.pid, signal.SIGKILL)
    poste_neuf.process.wait(10)
    poste_neuf.pret.unlink()
    poste_neuf.start()
    assert monter(poste_neuf) == 101


CHANGES = [
    lambda e: {**e, "allowed_origins": ["https://evil.example"]},
    lambda e: {**e, "issuer": "https://evil.example"},
    lambda e: {**e, "wid": "p_AUTRE"},
    lambda e: {**e, "config_jws": "x.y.z"},
    lambda _: [],
    lambda _: {},
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_enrolment_changed_by_hand_does_not_start(agent_commun, tmp_path, change):
    objet = json.loads((agent_commun.dossier / "enrolement.json").read_text(encoding="utf-8"))
    (tmp_path / "enrolement.json").write_text(json.dumps(objet), encoding="utf-8")
    load_enrolment(tmp_path)
    (tmp_path / "enrolement.json").write_text(json.dumps(change(objet)), encoding="utf-8")
    with pytest.raises(SystemExit, match="Poste non associé"):
        load_enrolment(tmp_path)


@seul
async def test_the_socket_of_another_library_version_is_not_named(poste):
    with pytest.raises(websockets.InvalidStatus) as refus:
        await websockets.connect(
            f"ws://127.0.0.1:{poste.port}/agent/v1", origin="https://evil.example"
        )
    assert refus.value.response.status_code == 403
    assert refus.value.response.headers.get("Server") is None
