"""Scans through the running agent: one tab, none lost, none kept, nothing believed.

A device remembers its last second: a test that counts has a device of its own.
"""

import asyncio
import json
import time

import pytest

from agent.cards.commande import Commande
from agent.protocol.classification import Motifs
from agent.scanner import Appareil, Cadence, Trameur
from agent.server.onglets import Onglets
from agent.server.scans import Scans
from tests.agent.poste import seul

NUMERO = "01K7M4QX9TRB2VWZ3H"


@pytest.mark.exigence("AGT-04", "AGT-06")
@pytest.mark.cas("agent-69")
@seul
async def test_a_scan_goes_to_the_tab_in_front_only(poste):
    async with poste.page() as derriere, poste.page() as devant:
        poste.geste("scan", device="patient", text=NUMERO)
        scan = await devant.evenement("scan")
        assert (scan["class"], scan["text"], scan["role"]) == ("ordonnance", NUMERO, "patient")
        assert await derriere.rien("scan")
        await derriere.demander("focus.claim")
        poste.geste("scan", device="comptoir", text="4006381333931")
        assert (await derriere.evenement("scan"))["class"] == "ean13"
        assert await devant.rien("scan")
        await derriere.demander("scan.pause")
        poste.geste("scan", device="comptoir", text="4006381333931")
        assert await derriere.rien("scan")


@pytest.mark.cas("agent-70")
@seul
async def test_a_scan_without_a_tab_waits_for_the_next_one(poste):
    async with poste.page(focus=False) as page:
        poste.geste("scan", device="attente", text="perdu")
        poste.geste("scan", device="attente", text=NUMERO)
        assert (await page.evenement("scan.undelivered"))["class"] == "inconnu"
        await page.demander("focus.claim")
        assert (await page.evenement("scan"))["text"] == NUMERO
        await page.demander("focus.release")
        await page.demander("focus.claim")
        assert await page.rien("scan")


@pytest.mark.cas("agent-70")
@seul
async def test_a_scan_that_nobody_claims_is_forgotten_after_ten_seconds(poste):
    async with poste.page(focus=False) as page:
        poste.geste("scan", device="oubli", text=NUMERO)
        oublie = await asyncio.wait_for(page.evenement("scan.undelivered"), 13)
        assert oublie["class"] == "ordonnance"
        assert 9_900 <= oublie["age_ms"] < 13_000
        assert "text" not in oublie
        await page.demander("focus.claim")
        assert await page.rien("scan")


@pytest.mark.exigence("AGT-07")
@pytest.mark.cas("agent-83")
@seul
async def test_ten_scans_a_second_lose_none(poste):
    async with poste.page() as page:
        textes = [f"340093{n:07d}" for n in range(100)]
        debut = time.monotonic()
        for n, texte in enumerate(textes):
            await asyncio.sleep(max(0, debut + n / 10 - time.monotonic()))
            poste.geste("scan", device="cadence", text=texte)
        assert await page.scans(100) == textes


@pytest.mark.cas("agent-83")
@seul
async def test_a_burst_waits_in_order_and_counts_what_it_drops(poste):
    async with poste.page() as page:
        poste.octets(b"".join(b"%013d\r" % n for n in range(100)), "rafale")
        recus = await page.scans(80)
        assert recus == [f"{n:013d}" for n in range(80)]
        assert await page.evenement("scan.rejected") == {"reason": "rafale", "count": 20}


@pytest.mark.cas("agent-82", "agent-88")
@seul
async def test_frames_are_cut_where_the_device_ends_them(poste):
    async with poste.page() as page:
        poste.octets(b"un\r\ndeux\n\x02trois\rsuite\x03\r")
        assert await page.scans(3) == ["un", "deux", "trois\rsuite"]
        poste.octets(b"sans fin")
        assert await page.scans(1) == ["sans fin"]
        poste.octets(b"x" * 5000)
        assert (await page.evenement("scan.rejected"))["reason"] == "trop_long"
        poste.octets(b"apres\r")
        assert await page.scans(1) == ["apres"]


@pytest.mark.cas("agent-80", "agent-81")
@seul
async def test_hostile_codes_are_text_and_nothing_else(poste):
    async with poste.page() as page:
        for octets, classe in (
            (b"javascript:alert(1)", "inconnu"),
            (b"https://evil.example/?x=1", "url"),
            (b"<script>alert(1)</script>", "inconnu"),
            (b"'; DROP TABLE pharmacy_vente; --", "inconnu"),
            (b"=cmd|' /C calc'!A0", "inconnu"),
            (b"a\x00b\x1b[2J", "inconnu"),
            (b"\xff\xfe\x80", "inconnu"),
            (b"\xed\xa0\x80", "inconnu"),
        ):
            poste.octets(octets + b"\r")
            scan = await page.evenement("scan")
            assert scan["class"] == classe
            assert scan["garbage"] is (b"\x00" in octets)
            json.dumps(scan, ensure_ascii=False).encode()
        assert scan["encoding"] == "latin-1"


@pytest.mark.cas("agent-77", "agent-98")
@seul
async def test_what_is_scanned_is_not_in_the_log(poste):
    async with poste.page() as page:
        apcv = "APCVSIM1." + "A" * 60 + "." + "B" * 86
        poste.geste("scan", device="patient", text=apcv)
        assert (await page.evenement("apcv"))["contexteApCV"] == apcv
    assert "APCVSIM1" not in poste.journal.read_text(encoding="utf-8")


@pytest.mark.exigence("AGT-03", "AGT-04")
@pytest.mark.cas("agent-77")
@seul
async def test_a_phone_goes_to_the_tab_in_front_only_bare_and_once(poste):
    async with poste.page() as derriere, poste.page() as devant:
        for rang, prefixe in enumerate(("", "]Q1")):
            apcv = f"APCVSIM1.{rang}" + "A" * 60 + "." + "B" * 86
            for _ in range(2):
                poste.geste("scan", device=f"telephone-{rang}", text=prefixe + apcv)
            assert await devant.evenement("apcv") == {
                "contexteApCV": apcv,
                "mode": 2,
                "device": f"telephone-{rang}",
                "expires_hint": None,
            }
        assert await devant.rien("apcv")
        assert await devant.rien("scan")
        assert await derriere.rien("apcv")


@pytest.mark.cas("agent-77")
@seul
async def test_a_phone_shown_without_a_tab_waits_like_a_scan_and_is_not_told(poste):
    apcv = "APCVSIM1." + "C" * 60 + "." + "B" * 86
    async with poste.page(focus=False) as page:
        poste.geste("scan", device="attente-apcv", text=apcv)
        poste.geste("scan", device="attente-apcv", text=NUMERO)
        assert await page.evenement("scan.undelivered") == {
            "class": "apcv",
            "age_ms": pytest.approx(0, abs=5000),
        }
        await page.demander("focus.claim")
        assert (await page.evenement("scan"))["text"] == NUMERO


# Without a process: the pieces alone


@pytest.mark.cas("agent-84")
def test_a_double_reading_is_merged_and_two_boxes_are_not():
    def lire(texte, instants):
        appareil = Appareil("comptoir", Motifs())
        return sum(len(appareil.feed(texte.encode() + b"\r", t)) for t in instants)

    assert lire(NUMERO, [0, 0.3]) == 1
    assert lire(NUMERO, [0, 0.8]) == 2
    assert lire("4006381333931", [0, 0.3]) == 2
    autre = Appareil("patient", Motifs())
    assert [n for n, _ in autre.feed(f"{NUMERO}\rZ\r{NUMERO}\r".encode(), 0)] == ["scan"] * 3


@pytest.mark.cas("agent-84")
@seul
async def test_a_code_read_twice_while_it_waits_is_one_event_that_says_so(poste):
    async with poste.page(focus=False) as page:
        for _ in range(2):
            poste.geste("scan", device="deux-fois", text=NUMERO)
        await page.demander("focus.claim")
        scan = await page.evenement("scan")
        assert (scan["text"], scan["repeat"]) == (NUMERO, 1)
        assert await page.rien("scan")


@pytest.mark.cas("agent-84")
def test_a_box_read_again_is_two_events_and_the_second_says_it_is_the_same():
    appareil = Appareil("comptoir", Motifs())

    def lire(serie):
        texte = f"]d20103400930000014{serie}"
        return [s.get("serial_repeat") for _, s in appareil.feed(texte.encode() + b"\r", 0)]

    assert [lire("21A"), lire("21B"), lire("21A"), lire("10L")] == [
        [False],
        [False],
        [True],
        [None],
    ]


def test_what_was_given_is_not_kept():
    appareil = Appareil("patient", Motifs())
    evenements = appareil.feed(NUMERO.encode() + b"\r", 0)
    assert evenements[0][1]["text"] == NUMERO
    del evenements
    assert NUMERO not in repr(vars(appareil))
    assert appareil._dernier[2]() is None


def test_grammars_refreshed_by_the_server_are_used_at_once():
    scans = Scans(Motifs(), Onglets())
    scans.declare("comptoir", "comptoir", 0.08)
    scans.use(Motifs(badge="^OP-"))
    evenements = scans._appareils["comptoir"].feed(b"OP-12\r", 0)
    assert [s["class"] for _, s in evenements] == ["badge"]
    assert scans.dropped("inconnu") == 0
    scans.drop("inconnu")


def test_bytes_that_belong_to_no_frame_are_counted():
    trameur = Trameur()
    trameur.feed(b"bruit\x02net\x03moitie")
    trameur.drop()
    assert trameur.ignores == len("bruit") + len("moitie")


@pytest.mark.cas("agent-71")
def test_an_empty_frame_is_nothing_and_stx_drops_what_came_before():
    trameur = Trameur()
    assert trameur.feed(b"\r\n\r\x03") == []
    assert trameur.feed(b"bruit\x02net\x03\r\n") == [b"net"]
    assert trameur.feed(b"x" * 5000 + b"\x02net\x03") == [b"net"]
    assert trameur.feed(b"x" * 4096 + b"\r") == [b"x" * 4096]
    assert trameur.feed(b"x" * 4097 + b"\r") == [None]
    assert trameur.flush() == []


def test_the_pace_of_a_device_is_thirty_a_second():
    cadence = Cadence()
    for n in range(90):
        cadence.offer({"n": n})
    assert [s["n"] for s in cadence.due(10)] == list(range(30))
    assert cadence.lost() == 0
    assert cadence.wait_s(10.25) == 0.75
    assert cadence.due(10.9) == []
    assert [s["n"] for s in cadence.due(11)] == list(range(30, 50))
    assert cadence.wait_s(11) is None
    assert (cadence.lost(), cadence.lost()) == (40, 0)


def test_the_control_socket_refuses_what_it_does_not_know(poste):
    for demande in (
        {},
        {"reader": "autre"},
        {"card": 7, "reader": "vitale"},
        {"card": {"schema": "autre"}, "reader": "vitale"},
    ):
        assert poste.geste("insert", **demande)["ok"] is False
    assert poste.geste("inconnu")["ok"] is False
    assert poste.geste("scan", device="comptoir", bytes_b64="é")["ok"] is False
    assert Commande.__doc__
    assert poste.commande.stat().st_mode & 0o777 == 0o600
