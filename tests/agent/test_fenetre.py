"""The window of the code porteur: digits, words, place; then drawn on a virtual screen."""

import asyncio
import sys
from contextlib import asynccontextmanager

import pytest

from agent.cards.base import EtatPin
from agent.cards.code_porteur import CodePorteur, Question
from agent.fenetre import ecrans, textes
from agent.fenetre.lien import Fenetre
from agent.fenetre.saisie import Saisie, digit_of
from agent.protocol.messages import ErreurAgent
from tests.agent.ecran import Mains, virtual_screen
from tests.agent.poste import Poste, seul

pytestmark = pytest.mark.exigence("AGT-09")


def vue(**autres):
    return {
        "porteur": "Alice MARTIN",
        "id_nat": "810100000040",
        "purpose": "Ordonnance Numérique",
        "libelle": "Ordonnance Numérique, une heure ; Dispensation + 2",
        "lecteur": "Lecteur 1",
        "origine": "https://comptoir.example",
        "essais": 3,
        "etape": "saisie",
        "faux": False,
        "reste_s": 60.0,
        **autres,
    }


def frappe(saisie, chiffres, pas_ms=120):
    for rang, chiffre in enumerate(chiffres):
        saisie.press(int(chiffre), 1000 + rang * pas_ms)


# Digits


@pytest.mark.parametrize("chiffres", ["1234", "12345678"])
def test_four_to_eight_digits_are_a_code(chiffres):
    saisie = Saisie()
    frappe(saisie, chiffres)
    assert saisie.take() == chiffres.encode()
    assert saisie.longueur == 0
    assert not saisie._chiffres.strip(b"\0")


@pytest.mark.parametrize("chiffres", ["", "123", "123456789", "3400930000014"])
def test_fewer_or_more_digits_are_no_code_and_never_cut_to_one(chiffres):
    saisie = Saisie()
    frappe(saisie, chiffres)
    assert not saisie.prete
    with pytest.raises(ValueError, match="chiffres"):
        saisie.take()


def test_a_reader_of_codes_that_writes_in_the_field_spends_no_try():
    """Eight digits and Enter in a tenth of a second: an EAN-8, not a code."""
    saisie = Saisie()
    frappe(saisie, "96385074", pas_ms=8)
    assert saisie.machine
    assert not saisie.prete
    saisie.clear()
    frappe(saisie, "1234")
    assert saisie.prete


def test_the_last_digit_is_erased_and_overwritten():
    saisie = Saisie()
    frappe(saisie, "12349")
    saisie.erase()
    assert bytes(saisie._chiffres) == b"1234\0\0\0\0"


@pytest.mark.exigence("AGT-05")
@pytest.mark.parametrize(
    ("keysym", "keycode", "systeme", "chiffre"),
    [
        ("1", 10, "x11", 1),
        ("ampersand", 10, "x11", 1),
        ("agrave", 19, "x11", 0),
        ("KP_End", 87, "x11", 1),
        ("KP_7", 79, "x11", 7),
        ("ampersand", 0x31, "win32", 1),
        ("5", 0x65, "win32", 5),
        ("8", 0, "aqua", 8),
        ("a", 24, "x11", None),
        ("Return", 36, "x11", None),
        ("²", 49, "x11", None),
    ],
)
def test_the_key_gives_the_digit_whatever_the_layout(keysym, keycode, systeme, chiffre):
    assert digit_of(keysym, keycode, systeme) == chiffre


# Words and place


def test_the_window_names_who_what_whence_and_the_tries():
    affiche = textes.build(vue())
    assert affiche.porteur == "Alice MARTIN"
    assert affiche.objets == ("Ordonnance Numérique, une heure", "Dispensation + 2")
    assert affiche.essais == "3 essais restants"
    assert not affiche.alerte


@pytest.mark.cas("agent-35")
def test_the_last_try_is_a_warning():
    affiche = textes.build(vue(essais=1, faux=True))
    assert affiche.essais == "Dernier essai avant blocage"
    assert affiche.alerte
    assert affiche.echec == "Code inexact."


XRANDR = """Monitors: 2
 0: +*eDP-1 1920/344x1080/194+0+0  eDP-1
 1: +HDMI-1 1280/300x1024/200+1920+0  HDMI-1
"""


@pytest.mark.parametrize(
    ("souris", "attendu"),
    [((100, 100), (660, 290)), ((2000, 500), (2260, 262)), ((9, 9999), (1300, 262))],
)
def test_the_window_is_centred_on_the_screen_with_the_mouse(souris, attendu):
    lus = ecrans.parse_monitors(XRANDR)
    assert lus == [(0, 0, 1920, 1080), (1920, 0, 1280, 1024)]
    assert ecrans.place(souris, (600, 500), (0, 0, 3200, 1024), lus) == attendu


def test_a_window_larger_than_its_screen_keeps_its_top_left_corner():
    assert ecrans.place((5, 5), (720, 600), (0, 0, 640, 480), []) == (0, 0)


# The link with its process


class CarteFeinte:
    """A card whose code is 1234."""

    def __init__(self, essais=3):
        self.essais = essais
        self.codes = []

    async def etat(self):
        return EtatPin("a_presenter", self.essais)

    async def presenter(self, code):
        self.codes.append(bytes(code or b""))
        if code != b"1234":
            self.essais -= 1
            if not self.essais:
                raise ErreurAgent("E_CPS_PIN_LOCKED")
            raise ErreurAgent("E_CPS_PIN_WRONG")
        return EtatPin("presentee", 3)


QUESTION = Question("Alice MARTIN", "810100000040", "Essai de la carte", "", "lecteur", "i1")


def joue(programme, carte):
    """Ask for the code with this program as the window; the error code, or « ok »."""

    async def demande():
        codes = CodePorteur(lambda *_: None)
        fenetre = Fenetre(codes, [sys.executable, "-c", programme])
        try:
            await asyncio.wait_for(codes.obtain(QUESTION, carte), 20)
        except ErreurAgent as erreur:
            return erreur.code
        finally:
            assert fenetre.pid is None
        return "ok"

    return asyncio.run(demande())


ENVOIE = "import os,sys; sys.stdin.readline(); os.write(1, {0!r}); sys.stdin.read()"


def test_digits_of_the_pipe_reach_the_card():
    carte = CarteFeinte()
    assert joue(ENVOIE.format(b"C\x041234"), carte) == "ok"
    assert carte.codes == [b"1234"]


@pytest.mark.parametrize(
    ("octets", "code"),
    [(b"A", "E_CPS_PIN_CANCELLED"), (b"C\x03123A", "E_CPS_PIN_CANCELLED"), (b"C\xff12A", None)],
)
def test_what_is_not_a_code_spends_no_try(octets, code):
    carte = CarteFeinte()
    programme = ENVOIE.format(octets).replace("sys.stdin.read()", "")
    assert joue(programme, carte) == (code or "E_CPS_PIN_CANCELLED")
    assert carte.codes == []


def test_a_window_that_dies_gives_up_and_spends_no_try():
    carte = CarteFeinte()
    assert joue("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", carte) == (
        "E_CPS_PIN_CANCELLED"
    )
    assert carte.codes == []


def test_without_a_display_the_request_says_that_the_window_does_not_open(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    carte = CarteFeinte()

    async def demande():
        codes = CodePorteur(lambda *_: None)
        Fenetre(codes)
        with pytest.raises(ErreurAgent) as refus:
            await asyncio.wait_for(codes.obtain(QUESTION, carte), 20)
        return refus.value.code

    assert asyncio.run(demande()) == "E_CPS_PIN_WINDOW"
    assert carte.codes == []


# Drawn


@pytest.fixture(scope="module")
def ecran():
    """A virtual screen; the number of its display."""
    with virtual_screen() as numero:
        yield numero


@pytest.fixture
def mains(ecran):
    return Mains(ecran)


@pytest.fixture
def poste_fenetre(tmp_path, tls, ecran, monkeypatch):
    """An agent whose own window asks for the code."""
    monkeypatch.setenv("DISPLAY", ecran)
    lance = Poste(tmp_path, tls)
    lance.autres = ["--fenetre", "tk"]
    lance.start()
    lance.inserer("cps-martin")
    yield lance
    lance.stop()


async def a_mains_nues(geste, *args, **kwargs):
    """Play hands in a thread: the page's socket lives meanwhile."""
    return await asyncio.to_thread(geste, *args, **kwargs)


@asynccontextmanager
async def demandee(poste, mains):
    """A page that asks for a signature, its window open; (page, its request)."""
    async with poste.page() as page:
        ident = await page.send("cps.sign", request=poste.demande())
        await a_mains_nues(mains.wait, ouverte=True)
        yield page, ident


@pytest.mark.cas("agent-35", "agent-40")
@seul
async def test_a_page_asks_and_a_person_types_the_code_in_the_window(poste_fenetre, mains):
    """Wrong once, then right: the window stays, and the signature comes."""
    async with demandee(poste_fenetre, mains) as (page, ident):
        lu = await a_mains_nues(mains.taille)
        assert abs(lu["X"] + lu["WIDTH"] / 2 - 640) < 4
        assert abs(lu["Y"] + lu["HEIGHT"] / 2 - 450) < 20
        await a_mains_nues(mains.tape, "9", "9", "9", "9", "Return")
        assert (await page.evenement("cps.pin"))["tries_left"] == 2
        await a_mains_nues(mains.wait, ouverte=True)
        await a_mains_nues(mains.tape, "1", "2", "BackSpace", "KP_2", "3", "4", "Return")
        reponse = await page.reponse(ident)
        assert reponse["ok"], reponse
        assert len(reponse["payload"]["signatures"]) == 1
        await a_mains_nues(mains.wait, ouverte=False)


@seul
async def test_escape_closes_the_window_and_spends_no_try(poste_fenetre, mains):
    async with demandee(poste_fenetre, mains) as (page, ident):
        await a_mains_nues(mains.tape, "1", "2", "3", "4", "Escape")
        assert (await page.reponse(ident))["error"]["code"] == "E_CPS_PIN_CANCELLED"
        await a_mains_nues(mains.wait, ouverte=False)
        etat = await page.demander("cps.pin_state")
        assert etat["payload"]["tries_left"] == 3


@pytest.mark.cas("agent-35")
@seul
async def test_enter_pressed_again_does_not_spend_the_last_try_a_click_does(poste_fenetre, mains):
    async with demandee(poste_fenetre, mains) as (page, ident):
        for reste in (2, 1):
            await a_mains_nues(mains.tape, "9", "9", "9", "9", "Return")
            assert (await page.evenement("cps.pin"))["tries_left"] == reste
        await a_mains_nues(mains.tape, "9", "9", "9", "9", "Return", "Return", "Return")
        etat = await page.demander("cps.pin_state")
        assert etat["payload"]["tries_left"] == 1
        await a_mains_nues(mains.tape, "Tab", "Tab", "space")
        assert (await page.reponse(ident))["error"]["code"] == "E_CPS_PIN_LOCKED"
        await a_mains_nues(mains.wait, ouverte=False)


@pytest.mark.cas("agent-37")
@seul
async def test_a_card_pulled_closes_the_window(poste_fenetre, mains):
    async with demandee(poste_fenetre, mains) as (page, ident):
        poste_fenetre.geste("remove", reader="cps")
        assert (await page.reponse(ident))["error"]["code"] == "E_CARD_REMOVED"
        await a_mains_nues(mains.wait, ouverte=False)
