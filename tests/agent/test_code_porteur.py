"""The window of the code, without drawing, and the time a code given holds (agent.md §5.10)."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import operation
from agent.cards.base import EtatPin
from agent.cards.code_porteur import ATTENTE_MAX, CodePorteur, Etape, Question, is_code
from agent.protocol.messages import ErreurAgent
from tests.agent.horloge import a_l_heure

QUESTION = Question("ALICE MARTIN", "810100000040", "Ordonnance Numérique", "Document 1", "cps")


class CarteDouble:
    """Counts as a card does; keeps what was typed and the buffers it came in."""

    def __init__(self, essais=3, juste=b"1234", clavier=False):
        self.clavier = clavier
        self.essais, self.juste = essais, juste
        self.vus, self.tampons, self.lectures = [], [], 0
        self.retenue = None
        self.pave = asyncio.Event()

    async def etat(self):
        self.lectures += 1
        etat = "a_presenter" if self.essais else "bloquee"
        return EtatPin(etat, self.essais, self.clavier)

    async def presenter(self, code):
        if code is None:
            await self.pave.wait()
            self.pave.clear()
            code = bytearray(self.juste)
        else:
            self.tampons.append(code)
        self.vus.append(bytes(code))
        if self.retenue is not None:
            await self.retenue.wait()
        if bytes(code) != self.juste:
            self.essais -= 1
            raise ErreurAgent("E_CPS_PIN_WRONG" if self.essais else "E_CPS_PIN_LOCKED")
        self.essais = 3
        return EtatPin("presentee", 3)


class Banc:
    """A window, a card, and everything told about them."""

    def __init__(self, minutes=15, **carte):
        self.faits = []
        self.codes = CodePorteur(lambda nom, quoi: self.faits.append((nom, quoi)), minutes=minutes)
        self.vues = []
        self.codes.au_changement.append(self.vues.append)
        self.carte = CarteDouble(**carte)

    async def demander(self):
        tache = asyncio.ensure_future(self.codes.obtain(QUESTION, self.carte))
        await calme()
        return tache

    def jouer(self, geste):
        codes = self.codes
        return {
            "juste": lambda: codes.send(bytearray(b"1234")),
            "faux": lambda: codes.send(bytearray(b"9417")),
            "confirmer": codes.confirm,
            "annuler": codes.cancel,
            "retirer": codes.card_removed,
            "oublier": codes.lock,
            "attendre": lambda: None,
        }[geste]()


async def calme():
    for _ in range(10):
        await asyncio.sleep(0)


async def code_de(tache):
    with pytest.raises(ErreurAgent) as refus:
        await tache
    return refus.value.code


@given(st.binary(max_size=12))
def test_a_code_is_four_to_eight_ascii_digits(octets):
    assert is_code(octets) == (4 <= len(octets) <= 8 and all(o in b"0123456789" for o in octets))


@pytest.mark.cas("agent-40")
@a_l_heure
async def test_a_right_code_closes_the_window_and_is_wiped():
    banc = Banc()
    tache = await banc.demander()
    vue = banc.codes.vue
    assert (vue.question, vue.essais, vue.etape) == (QUESTION, 3, Etape.SAISIE)
    saisi = bytearray(b"1234")
    assert banc.codes.send(saisi)
    await tache
    assert saisi == bytearray(4)
    assert banc.carte.tampons == [bytearray(4)]
    assert banc.carte.vus == [b"1234"]
    assert [v and v.etape for v in banc.vues] == [Etape.SAISIE, Etape.VERIFICATION, None]
    assert banc.faits == [("cps.pin", {"state": "presentee", "tries_left": 3})]
    await banc.codes.obtain(QUESTION, banc.carte)
    assert banc.carte.lectures == 1


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-35")
@a_l_heure
async def test_three_wrong_codes_in_one_window_the_last_asked_twice():
    banc = Banc()
    tache = await banc.demander()
    banc.codes.send(bytearray(b"9417"))
    await calme()
    assert (banc.codes.vue.essais, banc.codes.vue.faux) == (2, True)
    banc.codes.send(bytearray(b"9417"))
    await calme()
    assert (banc.codes.vue.essais, banc.codes.vue.etape) == (1, Etape.SAISIE)
    assert banc.codes.confirm() is False
    banc.codes.send(bytearray(b"9417"))
    await calme()
    assert banc.codes.vue.etape is Etape.CONFIRMATION
    assert len(banc.carte.vus) == 2
    assert banc.codes.send(bytearray(b"1234")) is False
    assert banc.codes.confirm()
    assert await code_de(tache) == "E_CPS_PIN_LOCKED"
    assert banc.codes.vue is None
    assert banc.faits[-1] == ("cps.pin", {"state": "bloquee", "tries_left": 0})
    vues = len(banc.vues)
    assert await code_de(await banc.demander()) == "E_CPS_PIN_LOCKED"
    assert len(banc.vues) == vues
    assert all(tampon == bytearray(len(tampon)) for tampon in banc.carte.tampons)


@pytest.mark.cas("agent-36")
@a_l_heure
async def test_the_counter_shown_before_typing_is_the_cards():
    banc = Banc()
    tache = await banc.demander()
    for _ in range(2):
        banc.codes.send(bytearray(b"9417"))
        await calme()
    assert banc.codes.cancel()
    assert await code_de(tache) == "E_CPS_PIN_CANCELLED"
    demain = Banc(essais=banc.carte.essais)
    tache = await demain.demander()
    assert demain.codes.vue.essais == 1
    demain.codes.cancel()
    assert await code_de(tache) == "E_CPS_PIN_CANCELLED"
    assert demain.carte.vus == []


@pytest.mark.cas("agent-37")
@pytest.mark.parametrize("chiffres", [None, b"1234"])
@a_l_heure
async def test_a_card_pulled_closes_the_window_and_spends_nothing(chiffres):
    banc = Banc(essais=1)
    tache = await banc.demander()
    if chiffres:
        banc.codes.send(bytearray(chiffres))
    banc.codes.card_removed()
    assert await code_de(tache) == "E_CARD_REMOVED"
    assert (banc.codes.vue, banc.carte.vus, banc.carte.essais) == (None, [], 1)
    assert banc.codes._code is None


@a_l_heure
async def test_a_card_that_leaves_while_it_judges_a_wrong_code_ends_the_window():
    banc = Banc()
    banc.carte.retenue = asyncio.Event()
    tache = await banc.demander()
    banc.codes.send(bytearray(b"9417"))
    await calme()
    banc.codes.card_removed()
    banc.carte.retenue.set()
    assert await code_de(tache) == "E_CARD_REMOVED"
    assert len(banc.carte.vus) == 1


@pytest.mark.cas("agent-38")
@pytest.mark.parametrize("faux", [0, 1])
@a_l_heure
async def test_a_window_lives_sixty_seconds_whatever_was_typed(boucle, faux):
    banc = Banc()
    tache = await banc.demander()
    await boucle.pass_s(59)
    for _ in range(faux):
        banc.codes.send(bytearray(b"9417"))
        await calme()
    assert banc.codes.vue is not None
    await boucle.pass_s(1.1)
    assert await code_de(tache) == "E_CPS_PIN_TIMEOUT"
    assert banc.codes.vue is None
    assert banc.codes.send(bytearray(b"1234")) is False


@pytest.mark.cas("agent-39")
@a_l_heure
async def test_requests_wait_for_one_window_and_share_its_code():
    banc = Banc()
    taches = [await banc.demander() for _ in range(1 + ATTENTE_MAX)]
    assert await code_de(await banc.demander()) == "E_BUSY"
    banc.codes.send(bytearray(b"1234"))
    await asyncio.gather(*taches)
    assert banc.carte.vus == [b"1234"]
    assert len([v for v in banc.vues if v and v.etape is Etape.SAISIE]) == 1


@a_l_heure
async def test_a_request_given_up_leaves_its_place_to_the_next():
    banc = Banc()
    un, deux = await banc.demander(), await banc.demander()
    un.cancel()
    await calme()
    assert banc.codes.vue is not None
    banc.codes.send(bytearray(b"1234"))
    await deux
    assert banc.codes.is_given()


@pytest.mark.parametrize("saisi", [b"", b"123", b"12a4", b"123456789", "１２３４".encode()])
@a_l_heure
async def test_what_is_no_code_never_reaches_the_card(saisi):
    banc = Banc()
    tache = await banc.demander()
    tampon = bytearray(saisi)
    with pytest.raises(ValueError, match="chiffres"):
        banc.codes.send(tampon)
    assert tampon == bytearray(len(saisi))
    banc.codes.cancel()
    await code_de(tache)
    assert banc.carte.vus == []


@pytest.mark.parametrize(("minutes", "tient"), [(1, 59), (15, 899), (60, 3599)])
@a_l_heure
async def test_a_code_holds_its_minutes_without_a_signature(boucle, minutes, tient):
    banc = Banc(minutes=minutes)
    oublis = []
    banc.codes.a_l_oubli.append(lambda: oublis.append(1))
    tache = await banc.demander()
    banc.codes.send(bytearray(b"1234"))
    await tache
    await boucle.pass_s(tient)
    assert banc.codes.is_given()
    banc.codes.touch()
    await boucle.pass_s(tient)
    banc.codes.end()
    assert banc.codes.is_given()
    await boucle.pass_s(1.5)
    assert not banc.codes.is_given()
    assert oublis == [1]


@a_l_heure
async def test_with_zero_minutes_each_operation_asks_again():
    banc = Banc(minutes=0)
    for _ in range(2):
        tache = await banc.demander()
        banc.codes.send(bytearray(b"1234"))
        await tache
        banc.codes.touch()
        banc.codes.end()
    assert banc.carte.vus == [b"1234", b"1234"]
    for minutes in (-1, 61):
        with pytest.raises(ValueError, match="minutes"):
            Banc(minutes=minutes)


@a_l_heure
async def test_another_length_told_by_the_server_holds_from_now(boucle):
    banc = Banc()
    tache = await banc.demander()
    banc.codes.send(bytearray(b"1234"))
    await tache
    await boucle.pass_s(600)
    banc.codes.limit(15)  # the same: nothing counts again
    await boucle.pass_s(299)
    assert banc.codes.is_given()
    banc.codes.limit(1)
    await boucle.pass_s(59)
    assert banc.codes.is_given()
    await boucle.pass_s(1.5)
    assert not banc.codes.is_given()
    tache = await banc.demander()
    banc.codes.send(bytearray(b"1234"))
    await tache
    banc.codes.limit(0)
    assert not banc.codes.is_given()
    with pytest.raises(ValueError, match="minutes"):
        banc.codes.limit(61)


@a_l_heure
async def test_a_lock_forgets_and_the_next_request_asks():
    banc = Banc()
    tache = await banc.demander()
    banc.codes.send(bytearray(b"1234"))
    await tache
    banc.codes.lock()
    assert not banc.codes.is_given()
    tache = await banc.demander()
    assert banc.codes.vue.essais == 3
    banc.codes.cancel()
    await code_de(tache)


@a_l_heure
async def test_on_a_pin_pad_the_window_only_says_where_to_type(boucle):
    banc = Banc(clavier=True)
    tache = await banc.demander()
    assert banc.codes.vue.pave
    assert banc.codes.send(bytearray(b"1234")) is False
    banc.carte.pave.set()
    await tache
    assert banc.codes.is_given()
    banc.codes.lock()
    for geste, code in (
        (banc.codes.cancel, "E_CPS_PIN_CANCELLED"),
        (banc.codes.card_removed, "E_CARD_REMOVED"),
    ):
        tache = await banc.demander()
        geste()
        assert await code_de(tache) == code
    tache = await banc.demander()
    await boucle.pass_s(60.1)
    assert await code_de(tache) == "E_CPS_PIN_TIMEOUT"
    banc.carte.juste = b"0000"
    banc.carte.essais = 0
    assert await code_de(await banc.demander()) == "E_CPS_PIN_LOCKED"


@a_l_heure
async def test_only_the_owner_of_the_operation_hears_of_the_window():
    banc, dits = Banc(), []

    async def operer():
        operation.begin(operation.Operation("r7", "https://o", lambda *f: dits.append(f)))
        await banc.codes.obtain(QUESTION, banc.carte)
        operation.progress("signature", 50)

    tache = asyncio.ensure_future(operer())
    await calme()
    assert banc.codes.vue.origine == "https://o"
    banc.codes.send(bytearray(b"1234"))
    await tache
    assert [f[1].get("open") for f in dits[:2]] == [True, False]
    assert {f[1]["op"] for f in dits[:2]} == {"r7"}
    assert dits[2] == ("op.progress", {"id": "r7", "step": "signature", "percent": 50})
    assert not [f for f in banc.faits if f[0] == "cps.prompt"]
    operation.progress("rien", 1)


@given(
    st.lists(
        st.sampled_from(["juste", "faux", "confirmer", "annuler", "retirer", "oublier", "attendre"])
    )
)
def test_whatever_is_done_no_try_is_spent_without_keystrokes(gestes):
    @a_l_heure
    async def jouer(boucle):
        banc = Banc()
        donnes, tache = 0, None
        for geste in gestes:
            if tache is None or tache.done():
                tache = await banc.demander()
            donnes += bool(banc.jouer(geste)) and geste in {"juste", "faux"}
            await boucle.pass_s(20 if geste == "attendre" else 0)
            assert len(banc.carte.vus) <= donnes
        if tache is not None:
            tache.cancel()
            await asyncio.gather(tache, return_exceptions=True)
        assert banc.codes.vue is None
        assert all(not any(tampon) for tampon in banc.carte.tampons)

    jouer()
