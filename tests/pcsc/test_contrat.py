"""One contract, two drivers: cards in memory, and the same cards behind a real pcscd."""

import asyncio
import hashlib
import time
from contextlib import asynccontextmanager

import pytest

from pharmacy.postes.services import canonical_json
from tests.agent.poste import seul
from tests.pcsc.contrat import CPS, NFC, VITALE, fichier

MS = 1000
NONCE = "n" * 24
COMMUNS = ("numero", "nom_usuel", "prenom", "date_naissance", "date_naissance_iso", "lunaire")


@asynccontextmanager
async def ouvrir(materiel):
    """A page in front of readers it sees empty."""
    async with materiel.poste.page() as page:
        for place in (VITALE, CPS, NFC):
            await materiel.vide(page, place)
        page.evenements.clear()
        yield page


async def inserer(page, materiel, lue, place=VITALE, attendu="card.inserted"):
    """Put a card in; what the page is told of it."""
    materiel.inserer(place, lue)
    async with asyncio.timeout(5):
        while True:
            vu = await page.evenement(attendu)
            if vu["reader"] == materiel.lecteurs[place]:
                return vu


async def retirer(page, materiel, place=VITALE):
    materiel.retirer(place)
    async with asyncio.timeout(5):
        return await page.evenement("card.removed")


async def lire(page, materiel, **payload):
    """Read the Vitale's reader by its name: what is beside does not count."""
    return await page.lire(reader=materiel.lecteurs[VITALE], **payload)


async def relire(page, materiel):
    """The reader works: what is in it is read."""
    relue = await lire(page, materiel)
    assert relue["ok"], relue


async def changer(page, materiel):
    """Take the card out, put a sound one in, read it."""
    materiel.retirer(VITALE)
    await materiel.vide(page, VITALE)
    await inserer(page, materiel, fichier("vitale-01"))
    await relire(page, materiel)


async def refus(page, materiel, **payload):
    reponse = await lire(page, materiel, **payload)
    assert reponse["ok"] is False, reponse
    return reponse["error"]["code"], reponse["error"]["details"]


@pytest.mark.exigence("AGT-01", "AGT-08")
@pytest.mark.cas("agent-3", "agent-4")
@seul
async def test_a_card_is_told_without_identity_then_read_with_its_proof(materiel):
    lue = fichier("vitale-01")
    async with ouvrir(materiel) as page:
        debut = time.monotonic()
        vu = await inserer(page, materiel, lue)
        # pcscd looks at its readers every 0.4 s; the rest is ours, on a machine that is shared.
        assert time.monotonic() - debut < 2
        assert {"reader", "kind", "insertion_id", "atr_class"} <= set(vu)
        assert set(vu) <= {"reader", "kind", "generation", "insertion_id", "atr_class"}
        assert (vu["kind"], vu["atr_class"]) == ("vitale", "vitale2")
        reponse = (await lire(page, materiel, nonce=NONCE))["payload"]
        data, recu = reponse["data"], materiel.poste.recu(reponse["receipt"])
        assert recu["data_sha256"] == hashlib.sha256(canonical_json(data)).hexdigest()
        assert (recu["nonce"], recu["reader"]) == (NONCE, vu["reader"])
        assert recu["card"]["insertion_id"] == vu["insertion_id"]
        assert recu["driver"]["simulated"] is True
        assert data["assure"]["nir"] == lue["vitale"]["assure"]["nir"]
        assert data["cps_absente"] is True


@pytest.mark.exigence("AGT-02")
@pytest.mark.cas("agent-4", "agent-23", "agent-25", "agent-26")
@pytest.mark.parametrize("nom", [f"vitale-{rang:02}" for rang in (1, 2, 3, 4, 5)])
@seul
async def test_both_drivers_give_the_same_persons(materiel, nom):
    lue = fichier(nom)
    async with ouvrir(materiel) as page:
        await inserer(page, materiel, lue)
        data = (await lire(page, materiel))["payload"]["data"]
        attendus = lue["vitale"]["beneficiaires"]
        assert [b["nom_usuel"] for b in data["beneficiaires"]] == [b["nom_usuel"] for b in attendus]
        for lu, attendu in zip(data["beneficiaires"], attendus, strict=True):
            assert (lu["prenom"], lu["date_naissance"]) == (
                attendu["prenom"],
                attendu["date_naissance"],
            )
            assert set(COMMUNS) <= set(lu)
            assert lu["lunaire"] is (lu["date_naissance_iso"] is None)
        assert (data["assure"]["nir"], data["assure"]["cle"]) == (
            lue["vitale"]["assure"]["nir"],
            lue["vitale"]["assure"]["cle"],
        )


@pytest.mark.exigence("AGT-11")
@pytest.mark.cas("agent-3")
@seul
async def test_a_card_taken_out_is_told_and_its_absence_named(materiel):
    async with ouvrir(materiel) as page:
        vu = await inserer(page, materiel, fichier("vitale-01"))
        parti = await retirer(page, materiel)
        assert (parti["reader"], parti["kind"]) == (vu["reader"], "vitale")
        assert parti["insertion_id"] == vu["insertion_id"]
        assert await refus(page, materiel) == ("E_NO_CARD", {})


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-6")
@seul
async def test_a_card_pulled_during_its_reading_gives_nothing_and_the_next_is_read(materiel):
    async with ouvrir(materiel) as page:
        arrachee = fichier("vitale-01", faults=[{"on": "apdu", "n": 3, "do": "pull"}])
        await inserer(page, materiel, arrachee)
        debut = time.monotonic()
        lecture = await page.send("vitale.read", nonce=NONCE, reader=materiel.lecteurs[VITALE])
        reponse = await page.reponse(lecture)
        assert time.monotonic() - debut < 0.5
        assert reponse["error"]["code"] == "E_CARD_REMOVED"
        assert "payload" not in reponse
        assert (await page.evenement("card.removed"))["during"] == lecture
        await materiel.vide(page, VITALE)
        await inserer(page, materiel, fichier("vitale-01"))
        await relire(page, materiel)


@pytest.mark.cas("agent-8")
@seul
async def test_two_cards_are_never_mixed(materiel):
    lente = fichier("vitale-01", protocol={"t0_strict": True, "max_le": 256, "delay_ms": 300})
    async with ouvrir(materiel) as page:
        await inserer(page, materiel, lente)
        lecture = await page.send("vitale.read", nonce=NONCE, reader=materiel.lecteurs[VITALE])
        materiel.echanger(VITALE, fichier("vitale-02"))
        reponse = await page.reponse(lecture)
        assert reponse["error"]["code"] in {"E_CARD_CHANGED", "E_CARD_REMOVED"}
        async with asyncio.timeout(5):
            await page.evenement("card.inserted")
        attendu = fichier("vitale-02")["vitale"]["beneficiaires"][0]["nom_usuel"]
        data = (await lire(page, materiel))["payload"]["data"]
        assert data["beneficiaires"][0]["nom_usuel"] == attendu


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-9")
@seul
async def test_a_mute_card_is_said_and_the_next_is_read(materiel):
    muette = fichier("vitale-01", faults=[{"on": "power", "do": "mute"}])
    async with ouvrir(materiel) as page:
        vu = await inserer(page, materiel, muette, attendu="card.error")
        assert vu["code"] in {"E_CARD_MUTE", "E_CARD_UNKNOWN"}
        assert (await refus(page, materiel))[0] == vu["code"]
        await changer(page, materiel)


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-10")
@pytest.mark.parametrize(("nom", "classe"), [("cps-martin", "cps"), ("vitale-06", "vitale1")])
@seul
async def test_another_card_than_a_vitale_is_named(materiel, nom, classe):
    async with ouvrir(materiel) as page:
        lue = fichier(nom)
        if classe == "vitale1":
            lue["atr"] = "3F6525002209699000"
        await inserer(page, materiel, lue)
        assert await refus(page, materiel) == ("E_CARD_UNKNOWN", {"atr_class": classe})


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-22")
@pytest.mark.parametrize(
    ("faute", "code", "details"),
    [
        ({"do": "sw", "sw": "6F00"}, "E_CARD_PROTOCOL", {"sw": "6F00"}),
        ({"do": "truncate", "bytes": 40}, "E_VITALE_DATA", {"block": "identite"}),
    ],
)
@seul
async def test_what_the_card_answers_wrong_is_named(materiel, faute, code, details):
    async with ouvrir(materiel) as page:
        faute = {"on": "apdu", "match": "00B0", **faute}
        await inserer(page, materiel, fichier("vitale-01", faults=[faute]))
        assert await refus(page, materiel) == (code, details)
        # The fault was played once: the same card is then read.
        await relire(page, materiel)


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-18", "agent-19")
@seul
async def test_a_card_that_hangs_ends_at_the_deadline_and_its_reader_comes_back(materiel):
    figee = fichier("vitale-01", faults=[{"on": "apdu", "do": "hang"}])
    async with ouvrir(materiel) as page:
        await inserer(page, materiel, figee)
        debut = time.monotonic()
        assert (await refus(page, materiel, deadline_ms=400))[0] == "E_TIMEOUT"
        assert time.monotonic() - debut < 1
        await changer(page, materiel)


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-28")
@seul
async def test_a_reading_needs_a_nonce_and_a_card_read_is_left_alone_for_a_second(materiel):
    async with ouvrir(materiel) as page:
        await inserer(page, materiel, fichier("vitale-01"))
        assert await refus(page, materiel, nonce=None) == ("E_NONCE_MISSING", {})
        await relire(page, materiel)
        code, details = await refus(page, materiel)
        assert code == "E_RATE_LIMITED"
        assert 0 < details["retry_ms"] <= MS


@pytest.mark.exigence("AGT-03")
@seul
async def test_a_phone_laid_gives_its_string_and_its_absence_is_named(materiel):
    telephone = materiel.telephone()
    async with ouvrir(materiel) as page:
        lecteur = {"reader": materiel.lecteurs[NFC], "nonce": NONCE}
        assert await page.code("apcv.read_nfc", **lecteur) == "E_APCV_NOT_PRESENTED"
        assert (await inserer(page, materiel, telephone, NFC))["kind"] == "apcv_nfc"
        lu = (await page.demander("apcv.read_nfc", **lecteur))["payload"]
        assert (lu["contexteApCV"], lu["mode"]) == (telephone["apcv"]["texte"], 2)
        assert "APCVSIM1" not in str(materiel.poste.recu(lu["receipt"]))
    assert "APCVSIM1" not in materiel.poste.journal.read_text(encoding="utf-8")


@pytest.mark.exigence("AGT-02")
@pytest.mark.cas("agent-5", "agent-32")
@seul
async def test_a_cps_is_read_beside_a_vitale_without_its_code(materiel):
    async with ouvrir(materiel) as page:
        await inserer(page, materiel, fichier("vitale-01"))
        assert (await inserer(page, materiel, materiel.cps(), CPS))["kind"] == "cps"
        lue = (await page.lire("cps.read"))["payload"]["data"]
        attendu = materiel.cps()["cps"]
        assert {n: lue[n] for n in ("id_nat", "nom", "prenom")} == {
            n: attendu[n] for n in ("id_nat", "nom", "prenom")
        }
        assert "situations" not in lue
        data = (await page.lire())["payload"]["data"]
        assert data["cps_absente"] is False


@pytest.mark.exigence("AGT-01")
@seul
async def test_readers_are_lent_and_assigned_by_name_only_to_who_may(materiel):
    async with ouvrir(materiel) as page:
        lecteur = materiel.lecteurs[VITALE]
        for payload in ({}, {"reader": 7, "max_s": 3}, {"reader": "", "max_s": 3}):
            assert await page.code("reader.yield", **payload) == "E_PROTO_PAYLOAD"
        for duree in (None, 0, 121, True, "3"):
            assert await page.code("reader.yield", reader=lecteur, max_s=duree) == "E_PROTO_PAYLOAD"
        assert await page.code("reader.assign", reader=lecteur, use="vitale") == "E_AUTH_SCOPE"
