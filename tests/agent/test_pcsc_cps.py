"""A CPS in a PC/SC reader, by APDU, with the window of its code: at the seam, no service."""

import asyncio

import pytest

from agent.protocol.messages import ErreurAgent
from tests.agent.banc_cps import DEUX, MARTIN, UN, Banc
from tests.agent.poste import seul


@pytest.mark.exigence("AGT-01", "AGT-02")
@pytest.mark.cas("agent-32", "agent-33", "agent-39", "agent-40")
@pytest.mark.parametrize("generation", ["CPS3", "CPS4"])
@seul
async def test_a_cps_is_read_and_signs_under_one_code(tls, tmp_path, generation):
    async with Banc(tls, tmp_path) as banc:
        await banc.inserer(generation=generation)
        assert banc.pilote.pin_state().etat == "inconnue"
        lue = await banc.pilote.lire_cps(banc.pilote.carte("cps"))
        assert (lue["nom"], lue["simulated"], banc.fenetres) == ("MARTIN", True, [])
        banc.saisies = [b"1234"]
        deux = await asyncio.gather(banc.signer(), banc.signer())
        assert len(deux) == 2
        vue = banc.fenetres[0]
        assert (vue.question.porteur, vue.question.id_nat) == ("ALICE MARTIN", MARTIN)
        situations = await banc.pilote.lire_situations(banc.pilote.carte("cps"))
        assert [s["index"] for s in situations["situations"]] == [1]
        assert len(banc.fenetres) == 1
        assert (await banc.pilote.lire_pin()).etat == "presentee"


@pytest.mark.cas("agent-35", "agent-36")
@seul
async def test_wrong_codes_are_counted_by_the_card(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        await banc.inserer()
        banc.saisies = [b"9417", b"9417"]
        essai = asyncio.ensure_future(banc.signer())
        await banc.jusqu_a(lambda: len(banc.fenetres) == 3)
        assert [v.essais for v in banc.fenetres] == [3, 2, 1]
        banc.pilote.codes.send(bytearray(b"9417"))
        assert banc.pilote.codes.vue.etape == "confirmation"
        banc.pilote.codes.confirm()
        assert await banc.refus(essai) == "E_CPS_PIN_LOCKED"
        assert await banc.refus(banc.signer()) == "E_CPS_PIN_LOCKED"
        assert len(banc.fenetres) == 3
        assert (await banc.pilote.lire_pin()).etat == "bloquee"


@pytest.mark.cas("agent-37")
@seul
async def test_a_card_pulled_under_its_window_closes_it(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        carte = await banc.inserer()
        essai = asyncio.ensure_future(banc.signer())
        await banc.jusqu_a(lambda: banc.fenetres)
        banc.scard.retirer(UN)
        assert await banc.refus(essai) == "E_CARD_REMOVED"
        assert banc.pilote.codes.vue is None
        assert banc.pilote.pin_state().etat == "absente"
        banc.scard.inserer(UN, carte)
        await banc.jusqu_a(lambda: banc.pilote.pin_state().etat != "absente")
        assert (await banc.pilote.lire_pin()).essais == 3


@pytest.mark.cas("agent-44")
@seul
async def test_a_code_is_for_one_card_and_a_request_too(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        carte = await banc.inserer()
        banc.saisies = [b"1234"]
        await banc.signer()
        await banc.inserer("cps-leroy")
        assert await banc.refus(banc.signer()) == "E_CPS_NOT_MATCHING"
        assert len(banc.fenetres) == 1
        # The first card back, as another insertion: its code is due again.
        carte.reset()
        banc.scard.inserer(UN, carte)
        await banc.jusqu_a(lambda: [d[0] for d in banc.dits].count("card.inserted") == 3)
        banc.saisies = [b"1234"]
        await banc.signer()
        assert len(banc.fenetres) == 2
        await banc.inserer("cps-leroy", DEUX)
        with pytest.raises(ErreurAgent, match="E_READER_AMBIGUOUS"):
            banc.pilote.carte("cps")


@seul
async def test_a_code_the_card_forgot_is_asked_for_again(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        await banc.inserer()
        banc.saisies = [b"1234"] * 4
        await banc.signer()
        # Another program resets the card between two requests.
        banc.scard.reinitialiser(UN)
        await banc.signer()
        assert len(banc.fenetres) == 2
        # Locked: the card itself forgets.
        banc.pilote.pin_lock()
        assert banc.pilote.pin_state().etat == "a_presenter"
        assert banc.dits[-1] == ("cps.pin", {"state": "a_presenter", "tries_left": 3})
        await banc.signer()
        assert len(banc.fenetres) == 3


@pytest.mark.cas("agent-17")
@seul
async def test_a_signature_broken_by_a_reset_is_not_begun_again(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        carte = await banc.inserer()
        banc.saisies = [b"1234"] * 2
        await banc.signer()
        repondre, vus = carte.apdu, []

        def une(apdu):
            vus.append(apdu)
            if apdu[1] == 0x2A and len([v for v in vus if v[1] == 0x2A]) == 1:
                banc.scard.reinitialiser(UN)
            return repondre(apdu)

        carte.apdu = une
        assert await banc.refus(banc.signer()) == "E_CARD_PROTOCOL"
        assert len([v for v in vus if v[1] == 0x2A]) == 1
        await banc.signer()
        assert len(banc.fenetres) == 2


@pytest.mark.cas("agent-45", "agent-47")
@seul
async def test_what_a_card_cannot_do_opens_no_window(tls, tmp_path):
    async with Banc(tls, tmp_path) as banc:
        await banc.inserer()
        assert await banc.refus(banc.signer(alg="PS256")) == "E_SIGN_ALG"
        await banc.inserer(ef_actua={"debut": "20260301101500", "fin": None})
        assert await banc.refus(banc.signer()) == "E_CPS_BAD_ACTUA"
        assert banc.fenetres == []
