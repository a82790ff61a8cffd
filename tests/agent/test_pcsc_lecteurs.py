"""Readers and cards over a PC/SC that misbehaves as agent.md §5.9 saw it: one row, one test."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest

from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.scard import ErreurScard, ScardAbsent, load
from agent.protocol.messages import ErreurAgent
from tests.agent.poste import seul
from tests.agent.scard_feint import (
    CPS_ATR,
    TELEPHONE_ATR,
    CarteFeinte,
    ScardFeint,
    personne,
)
from tests.agent.temoin import Temoin

UN, DEUX = "SIM Comptoir 00 00", "SIM Comptoir 00 01"


def code(appel, *args):
    with pytest.raises(ErreurAgent) as leve:
        appel(*args)
    return leve.value.code, leve.value.details


@asynccontextmanager
async def inseree(dossier, carte=None, **options):
    """A card in the one reader, and a driver that told it; options are the driver's."""
    scard = ScardFeint(UN)
    scard.inserer(UN, carte or CarteFeinte())
    async with Temoin(scard, dossier, **options) as agent:
        await agent.fait("card.inserted")
        yield scard, agent


async def relue(agent):
    """A card is read again, whole."""
    assert (await agent.lire())["anomalies"] == []


# The service


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-1", "agent-15")
@seul
async def test_the_agent_waits_for_the_service_and_is_ready_when_it_comes(tmp_path):
    scard = ScardFeint(UN)
    scard.arreter()
    async with Temoin(scard, tmp_path) as agent:
        while sum(appel[0] == "establish" for appel in scard.appels) < 3:
            await asyncio.sleep(0.05)
        assert code(agent.pilote.carte, "vitale") == ("E_PCSC_UNAVAILABLE", {})
        assert agent.pilote.degrade() == ["pcsc"]
        essais = [t for nom, t in scard.appels if nom == "establish"]
        assert 0.9 < essais[1] - essais[0] < 1.6
        assert 1.9 < essais[2] - essais[1] < 2.6
        scard.inserer(UN, CarteFeinte())
        scard.redemarrer()
        await agent.etats("card")
        assert agent.pilote.degrade() == []
        assert (await agent.lire())["beneficiaires"][0]["prenom"] == "DOMINIQUE"


@pytest.mark.exigence("AGT-11")
@pytest.mark.cas("agent-14", "agent-15")
@pytest.mark.parametrize("arret", [0x8010001D, 0x8010001E, 0x80100013])
@seul
async def test_the_service_killed_and_restarted_is_told_once_each_way(tmp_path, arret):
    async with inseree(tmp_path) as (scard, agent):
        await agent.lire()
        depuis = len(agent.dits)
        scard.arreter(arret)
        await agent.fait("card.removed", depuis=depuis)
        await agent.etats("gone")
        assert await agent.refus() == "E_PCSC_UNAVAILABLE"
        scard.redemarrer()
        await agent.fait("card.inserted", depuis=depuis)
        await agent.fait("readers.changed", lambda p: p["readers"][0]["state"] == "card", depuis)
        noms = [nom for nom, _p, _t in agent.dits[depuis:]]
        assert noms == ["card.removed", "readers.changed", "card.inserted", "readers.changed"]
        assert (await agent.lire())["assure"]["nir"] == "2790351215189"


@pytest.mark.cas("agent-1")
@seul
async def test_without_pyscard_the_agent_lives_and_says_why(tmp_path):
    async with Temoin(ScardAbsent("pyscard"), tmp_path) as agent:
        while "reason" not in agent.pilote.les_lecteurs.panne.details or (
            agent.pilote.les_lecteurs.panne.details["reason"] != "pyscard"
        ):
            await asyncio.sleep(0.02)
        assert code(agent.pilote.carte, "cps")[0] == "E_PCSC_UNAVAILABLE"
        assert agent.pilote.lecteurs() == []


def test_the_system_s_pcsc_is_pyscard_s_low_level_calls_or_says_that_it_is_absent():
    try:
        import smartcard.scard as bas
    except ImportError:
        assert load().motif == "pyscard"
        with pytest.raises(ErreurScard):
            load().establish()
    else:
        assert load()._s is bas


@pytest.mark.cas("agent-2")
@seul
async def test_no_reader_is_said_at_once(tmp_path):
    async with Temoin(ScardFeint(), tmp_path) as agent:
        await agent.fait("readers.changed", lambda p: p["readers"] == [])
        debut = time.monotonic()
        assert await agent.refus() == "E_NO_READER"
        assert time.monotonic() - debut < 0.1


# Cards in and out


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-3", "agent-4")
@seul
async def test_a_card_inserted_is_told_without_identity_and_read(tmp_path):
    scard = ScardFeint(UN)
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("empty")
        debut = time.monotonic()
        scard.inserer(UN, CarteFeinte(personne(), personne("PAT-DEUX", "JOELLE", "20050101")))
        vu = await agent.fait("card.inserted")
        assert time.monotonic() - debut < 1
        assert vu == {
            "reader": "sim-comptoir-00-00",
            "kind": "vitale",
            "generation": "V2",
            "insertion_id": vu["insertion_id"],
            "atr_class": "vitale2",
        }
        carte = agent.pilote.carte("vitale")
        assert (carte.insertion_id, carte.simulee) == (vu["insertion_id"], True)
        data = await agent.lire()
        assert [b["prenom"] for b in data["beneficiaires"]] == ["DOMINIQUE", "JOELLE"]
        assert (data["source"], data["simulated"], data["cps_absente"]) == ("pcsc_min", True, True)
        # A Vitale is reset when it is closed.
        assert scard.fermetures[-1] == (UN, pcsc.REINITIALISER)
        scard.retirer(UN)
        parti = await agent.fait("card.removed")
        assert (parti["kind"], parti["insertion_id"]) == ("vitale", vu["insertion_id"])
        assert await agent.refus() == "E_NO_CARD"


@pytest.mark.exigence("AGT-11")
@seul
async def test_a_card_taken_out_and_put_back_between_two_looks_is_another_insertion(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        premier = await agent.fait("card.inserted")
        depuis = len(agent.dits)
        # One move of the test, two counts of the service: it was never seen empty.
        scard.inserer(UN, CarteFeinte())
        await agent.fait("card.removed", depuis=depuis)
        second = await agent.fait("card.inserted", depuis=depuis)
        assert second["insertion_id"] != premier["insertion_id"]


@pytest.mark.cas("agent-5")
@pytest.mark.parametrize(("vitale", "cps"), [(UN, DEUX), (DEUX, UN)])
@seul
async def test_each_card_of_a_double_reader_is_found_whatever_the_slot(tmp_path, vitale, cps):
    scard = ScardFeint(UN, DEUX)
    scard.inserer(vitale, CarteFeinte())
    scard.inserer(cps, CarteFeinte(atr=CPS_ATR))
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("card", "card")
        assert agent.pilote.carte("vitale").lecteur == vitale.lower().replace(" ", "-")
        assert agent.pilote.carte("cps").generation == "CPS3"
        assert (await agent.lire())["cps_absente"] is False


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-6")
@pytest.mark.parametrize("rang", [1, 2, 3, 4, 5])
@seul
async def test_a_card_pulled_during_its_reading_gives_nothing(tmp_path, rang):
    carte = CarteFeinte()
    async with inseree(tmp_path, carte) as (scard, agent):
        carte.au[rang] = lambda: scard.retirer(UN)
        debut = time.monotonic()
        assert await agent.refus() == "E_CARD_REMOVED"
        assert time.monotonic() - debut < 0.5
        await agent.fait("card.removed")
        scard.inserer(UN, CarteFeinte())
        await agent.fait("card.inserted", depuis=len(agent.dits))
        await relue(agent)


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-7")
@seul
async def test_a_card_put_back_before_the_service_looked_comes_back_by_itself(tmp_path):
    carte = CarteFeinte()
    async with inseree(tmp_path, carte) as (scard, agent):
        carte.au[3] = lambda: scard.retirer(UN, collante=CarteFeinte())
        depuis = len(agent.dits)
        debut = time.monotonic()
        assert await agent.refus() == "E_CARD_REMOVED"
        await agent.fait("card.inserted", depuis=depuis)
        assert time.monotonic() - debut < 3
        assert ("connect", UN, pcsc.MODE_DIRECT, 0) in scard.appels
        assert ("reconnect", UN, pcsc.MODE_PARTAGE, pcsc.COUPER) in scard.appels
        assert (await agent.lire())["beneficiaires"][0]["nom_usuel"] == "PAT-TROIS"


@pytest.mark.cas("agent-7")
@seul
async def test_a_card_put_back_that_the_monitor_never_saw_leave_comes_back_too(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        depuis = len(agent.dits)
        # The service says nothing of it: same state, same count, and every exchange lost.
        scard.coller(UN, CarteFeinte())
        assert await agent.refus() == "E_CARD_REMOVED"
        assert await agent.refus() == "E_NO_CARD"
        await agent.fait("card.inserted", depuis=depuis)
        await relue(agent)


@seul
async def test_a_card_whose_exchanges_are_lost_though_it_stays_is_told_again(tmp_path):
    scard = ScardFeint(UN)
    carte = CarteFeinte()
    carte.au |= dict.fromkeys(range(1, 5), lambda: b"")
    scard.inserer(UN, carte)
    async with Temoin(scard, tmp_path) as agent:
        premier = await agent.fait("card.inserted")
        depuis = len(agent.dits)
        assert await agent.refus() == "E_CARD_REMOVED"
        assert await agent.refus() == "E_NO_CARD"
        second = await agent.fait("card.inserted", depuis=depuis)
        assert second["insertion_id"] != premier["insertion_id"]
        await relue(agent)


@pytest.mark.cas("agent-8")
@pytest.mark.parametrize("rang", range(1, 6))
@seul
async def test_a_card_swapped_during_its_reading_is_never_mixed_with_the_other(tmp_path, rang):
    carte = CarteFeinte()
    async with inseree(tmp_path, carte) as (scard, agent):
        carte.au[rang] = lambda: scard.inserer(UN, CarteFeinte(personne("PAT-DEUX", "JOELLE")))
        depuis = len(agent.dits)
        assert await agent.refus() in {"E_CARD_CHANGED", "E_CARD_REMOVED"}
        await agent.fait("card.inserted", depuis=depuis)
        assert (await agent.lire())["beneficiaires"][0]["prenom"] == "JOELLE"


@pytest.mark.cas("agent-8")
@seul
async def test_a_card_swapped_before_the_monitor_saw_it_is_not_read_for_the_first(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        carte = agent.pilote.carte("vitale")
        scard.inserer(UN, CarteFeinte(personne("PAT-DEUX", "JOELLE")))
        with pytest.raises(ErreurAgent) as leve:
            await agent.pilote.lire_vitale(carte)
        assert leve.value.code == "E_CARD_CHANGED"


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-9")
@pytest.mark.parametrize(
    ("atr", "refus"),
    [("", "E_CARD_MUTE"), ("00", "E_CARD_UNKNOWN"), ("3B0F9000", "E_CARD_UNKNOWN")],
)
@seul
async def test_a_card_the_wrong_way_round_is_said_and_harms_nothing(tmp_path, atr, refus):
    scard = ScardFeint(UN)
    async with Temoin(scard, tmp_path) as agent:
        scard.inserer(UN, CarteFeinte(atr=atr))
        assert await agent.fait("card.error") == {"reader": "sim-comptoir-00-00", "code": refus}
        assert await agent.refus() == refus
        assert agent.noms("card.inserted") == []
        scard.inserer(UN, CarteFeinte())
        await agent.fait("card.inserted")
        await relue(agent)


@pytest.mark.parametrize(
    ("hresult", "refus"),
    [
        (0x80100066, "E_CARD_MUTE"),
        (0x80100067, "E_CARD_MUTE"),
        (0x8010000F, "E_CARD_UNKNOWN"),
    ],
)
@seul
async def test_a_card_that_goes_mute_at_its_opening_is_said(tmp_path, hresult, refus):
    scard = ScardFeint(UN)
    scard.inserer(UN, CarteFeinte())
    scard.codes[UN] = hresult
    async with Temoin(scard, tmp_path) as agent:
        await agent.fait("card.inserted")
        assert await agent.refus() == refus
        assert (await agent.fait("card.error"))["code"] == refus


@pytest.mark.cas("agent-10")
@seul
async def test_another_card_than_the_one_wanted_is_named(tmp_path):
    scard = ScardFeint(UN)
    async with Temoin(scard, tmp_path) as agent:
        for atr, classe in ((CPS_ATR, "cps"), ("3F65250022096990" + "00", "vitale1")):
            scard.inserer(UN, CarteFeinte(atr=atr))
            await agent.fait("card.inserted", lambda p, c=classe: p["atr_class"] == c)
            assert code(agent.pilote.carte, "vitale") == ("E_CARD_UNKNOWN", {"atr_class": classe})
        scard.inserer(UN, CarteFeinte(atr="3B029000"))
        assert (await agent.fait("card.inserted", lambda p: p["kind"] == "autre"))["atr_class"]
        assert code(agent.pilote.carte, "apcv") == ("E_CARD_UNKNOWN", {"atr_class": "autre"})


@seul
async def test_a_phone_is_read_and_its_absence_is_said(tmp_path):
    scard = ScardFeint(UN)
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("empty")
        assert code(agent.pilote.carte, "apcv")[0] == "E_APCV_NOT_PRESENTED"
        telephone = CarteFeinte(atr=TELEPHONE_ATR)
        telephone.answer = lambda a: b"\x90\x00" if a[1] == 0xA4 else b"APCVSIM1.X\x90\x00"
        scard.inserer(UN, telephone)
        assert (await agent.fait("card.inserted"))["kind"] == "apcv_nfc"
        lu = await agent.pilote.lire_apcv(agent.pilote.carte("apcv"))
        assert lu == {"contexteApCV": "APCVSIM1.X", "mode": 2}


# Several readers


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-11")
@seul
async def test_two_cards_of_the_same_kind_are_not_chosen_between(tmp_path):
    scard = ScardFeint(UN, DEUX)
    scard.inserer(UN, CarteFeinte())
    scard.inserer(DEUX, CarteFeinte(personne("PAT-DEUX", "JOELLE")))
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("card", "card")
        noms = ["sim-comptoir-00-00", "sim-comptoir-00-01"]
        assert code(agent.pilote.carte, "vitale") == ("E_READER_AMBIGUOUS", {"readers": noms})
        assert (await agent.lire(noms[1]))["beneficiaires"][0]["prenom"] == "JOELLE"
        assert await agent.refus("sim-comptoir-09-00") == "E_NO_READER"
        # Told which reader serves what, nothing is ambiguous any more; it is kept.
        agent.pilote.affecter(noms[0], "ignore")
        agent.pilote.affecter(noms[1], "vitale")
        assert (await agent.lire())["beneficiaires"][0]["prenom"] == "JOELLE"
        assert code(agent.pilote.affecter, noms[0], "fax")[0] == "E_PROTO_PAYLOAD"
        assert code(agent.pilote.affecter, "x", "cps")[0] == "E_NO_READER"
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("card", "card")
        assert agent.pilote.carte("vitale").lecteur == noms[1]


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-12")
@seul
async def test_identical_readers_replugged_keep_their_use_by_serial_number_only(tmp_path):
    scard = ScardFeint()
    un, deux = "Lecteur Bleu 00 00", "Lecteur Bleu 01 00"

    async def brancher(agent, *paires):
        for nom in list(scard.fentes):
            scard.debrancher(nom)
        await agent.fait(
            "readers.changed", lambda p: all(r["state"] == "gone" for r in p["readers"])
        )
        agent.dits.clear()
        for nom, serie in paires:
            scard.brancher(nom, serie)
        lus = await agent.fait(
            "readers.changed", lambda p: [r["state"] for r in p["readers"]] == ["empty"] * 2
        )
        return {r["name"]: r["assigned"] for r in lus["readers"]}

    async with Temoin(scard, tmp_path) as agent:
        await brancher(agent, (un, "A1"), (deux, "B2"))
        agent.pilote.affecter("lecteur-bleu-00-00", "vitale")
        agent.pilote.affecter("lecteur-bleu-01-00", "cps")
        assert await brancher(agent, (un, "B2"), (deux, "A1")) == {un: "cps", deux: "vitale"}
        # Without a serial number nobody knows which is which: asked again, never swapped.
        assert await brancher(agent, (un, ""), (deux, "")) == {un: None, deux: None}
        agent.pilote.affecter("lecteur-bleu-00-00", "vitale")
        agent.pilote.affecter("lecteur-bleu-01-00", "cps")
        assert {r["assigned"] for r in agent.pilote.lecteurs()} == {"vitale", "cps"}
        assert await brancher(agent, (deux, ""), (un, "")) == {un: None, deux: None}


@pytest.mark.exigence("AGT-11")
@pytest.mark.cas("agent-13")
@seul
async def test_a_reader_unplugged_during_a_reading_and_plugged_back_works_again(tmp_path):
    scard = ScardFeint(UN, "Autre 00 00")
    carte = CarteFeinte()
    carte.au[2] = lambda: scard.debrancher(UN)
    scard.inserer(UN, carte)
    async with Temoin(scard, tmp_path) as agent:
        await agent.fait("card.inserted")
        assert await agent.refus() == "E_READER_GONE"
        await agent.fait("card.removed")
        await agent.etats("gone", "empty")
        depuis = len(agent.dits)
        scard.brancher(UN)
        scard.inserer(UN, CarteFeinte())
        await agent.fait("card.inserted", depuis=depuis)
        await relue(agent)


@pytest.mark.cas("agent-14")
@seul
async def test_the_last_reader_unplugged_on_windows_stops_the_service_and_comes_back(tmp_path):
    scard = ScardFeint(UN)
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("empty")
        scard.debrancher(UN)
        scard.arreter(0x8010001E)
        await agent.etats("gone")
        scard.redemarrer()
        scard.brancher(UN)
        scard.inserer(UN, CarteFeinte())
        await agent.fait("card.inserted")
        await relue(agent)


@seul
async def test_a_reader_that_goes_between_the_list_and_the_wait_is_looked_for_again(tmp_path):
    scard = ScardFeint(UN)
    scard.inconnu_une_fois.add(UN)
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("empty")
        assert agent.pilote.degrade() == []


# Other programs


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-16")
@seul
async def test_a_reader_another_program_has_for_itself_is_busy_then_free(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        scard.prendre(UN, seul=True)
        debut = time.monotonic()
        assert await agent.refus() == "E_READER_BUSY"
        assert time.monotonic() - debut <= 1.5
        assert sum(appel[:2] == ("connect", UN) for appel in scard.appels) == 3
        lecture = asyncio.create_task(agent.lire())
        while sum(appel[:2] == ("connect", UN) for appel in scard.appels) < 4:
            await asyncio.sleep(0.01)
        scard.prendre(UN)
        assert (await lecture)["anomalies"] == []


@pytest.mark.cas("agent-17")
@pytest.mark.parametrize("rang", range(1, 6))
@seul
async def test_a_reading_reset_by_another_program_starts_again_once(tmp_path, rang):
    carte = CarteFeinte()
    async with inseree(tmp_path, carte) as (scard, agent):
        carte.au[rang] = lambda: scard.reinitialiser(UN)
        assert (await agent.lire())["beneficiaires"][0]["prenom"] == "DOMINIQUE"
        # From its first exchange: what was selected before the reset is void.
        assert carte.recus[rang] == "00A40000023F00"
        carte.au = {carte.rang + n: lambda: scard.reinitialiser(UN) for n in (1, 2)}
        with pytest.raises(ErreurAgent) as leve:
            await agent.lire()
        assert (leve.value.code, leve.value.details) == (
            "E_CARD_PROTOCOL",
            {"reason": "reinitialisee"},
        )
        await relue(agent)


@pytest.mark.cas("agent-18", "agent-19")
@seul
async def test_a_card_that_never_answers_holds_nobody_else_and_its_thread_is_replaced(tmp_path):
    scard = ScardFeint(UN, DEUX)
    carte, fin = CarteFeinte(), threading.Event()
    carte.au[2] = lambda: fin.wait(30) and None
    scard.inserer(UN, carte)
    scard.inserer(DEUX, CarteFeinte(personne("PAT-DEUX", "JOELLE")))
    async with Temoin(scard, tmp_path) as agent:
        await agent.etats("card", "card")
        un, deux = "sim-comptoir-00-00", "sim-comptoir-00-01"
        lecture = asyncio.create_task(asyncio.wait_for(agent.lire(un), 0.3))
        assert (await agent.lire(deux))["beneficiaires"][0]["prenom"] == "JOELLE"
        with pytest.raises(TimeoutError):
            await lecture
        # The reader has another thread at once; what hangs ends by itself when it can.
        assert (await agent.lire(un))["beneficiaires"][0]["prenom"] == "DOMINIQUE"
        lus = len(carte.recus)
        fin.set()
        while any(o.alive for o in agent.pilote.les_lecteurs._perdus[UN]):
            await asyncio.sleep(0.01)
        assert len(carte.recus) == lus


@pytest.mark.cas("agent-19")
@seul
async def test_a_reader_whose_threads_are_all_stuck_is_not_given_more(tmp_path):
    scard = ScardFeint(UN)
    carte, fin = CarteFeinte(), threading.Event()
    carte.au = dict.fromkeys(range(1, 9), lambda: fin.wait(30) and None)
    scard.inserer(UN, carte)
    async with Temoin(scard, tmp_path) as agent:
        await agent.fait("card.inserted")
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(agent.lire(), 0.1)
        with pytest.raises(ErreurAgent) as leve:
            await agent.lire()
        assert (leve.value.code, leve.value.details) == ("E_READER_BUSY", {"reason": "bloque"})
        fin.set()


@pytest.mark.cas("agent-18")
@seul
async def test_a_transaction_of_another_program_is_waited_for_up_to_the_deadline(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        scard.prendre(UN, transaction=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.lire(), 0.2)
        scard.prendre(UN)
        await relue(agent)


@pytest.mark.exigence("AGT-01")
@seul
async def test_a_reader_lent_to_another_program_is_closed_and_comes_back(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        await agent.lire()
        contextes = len(scard.contextes)
        await agent.pilote.ceder("sim-comptoir-00-00", 30)
        assert len(scard.contextes) == contextes - 1
        assert scard.poignees == {}
        await agent.etats("yielded")
        assert code(agent.pilote.carte, "vitale") == ("E_READER_BUSY", {"reason": "cede"})
        agent.pilote.reprendre("sim-comptoir-00-00")
        await relue(agent)
        depuis = len(agent.dits)
        await agent.pilote.ceder("sim-comptoir-00-00", 0.05)
        await agent.fait("readers.changed", lambda p: p["readers"][0]["state"] == "card", depuis)
        await relue(agent)


@seul
async def test_a_workstation_that_wakes_starts_again_from_nothing(tmp_path):
    async with inseree(tmp_path) as (scard, agent):
        await agent.lire()
        avant = set(scard.contextes)
        agent.pilote.reveil()
        while not (scard.contextes and set(scard.contextes).isdisjoint(avant)):
            await asyncio.sleep(0.01)
        await relue(agent)


@seul
async def test_the_official_reading_says_that_its_component_is_absent(tmp_path):
    async with inseree(tmp_path, vitale="sesam") as (_scard, agent):
        assert await agent.refus() == "E_VITALE_API_MISSING"
