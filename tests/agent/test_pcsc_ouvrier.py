"""One reader's thread, one exchange, and the system's calls as pyscard gives them (§5.9)."""

import threading
import time
from types import SimpleNamespace

import pytest

from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.erreurs import translate
from agent.cards.pcsc.lecteur import CanalPcsc, Ouvrier, Travail, with_length
from agent.cards.pcsc.scard import ErreurScard, ScardSysteme
from agent.protocol.messages import ErreurAgent
from tests.agent.scard_feint import CarteFeinte, ScardFeint

UN = "SIM Comptoir 00 00"


def code(appel, *args):
    with pytest.raises(ErreurAgent) as leve:
        appel(*args)
    return leve.value.code, leve.value.details


# One exchange


class Rejoue:
    """A connection whose answers are written in advance; what it was sent."""

    def __init__(self, *reponses):
        self.reponses, self.recus = list(reponses), []

    def transmit(self, _poignee, _protocole, apdu):
        self.recus.append(apdu.hex().upper())
        reponse = self.reponses.pop(0)
        if isinstance(reponse, int):
            raise ErreurScard(reponse)
        return bytes.fromhex(reponse)

    def canal(self):
        return CanalPcsc(self, (1, 1), b"", threading.Event())


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-20")
def test_61_and_6c_are_followed_in_the_class_of_the_command():
    carte = Rejoue("6C03", "0102036102", "04056101", "069000")
    lu = carte.canal().transmit(bytes.fromhex("01B0820000"))
    assert lu == (bytes.fromhex("010203040506"), 0x9000)
    assert carte.recus == ["01B0820000", "01B0820003", "01C0000002", "01C0000001"]
    for chaine, le in (("11C00000", "01"), ("10C00000", "00")):
        carte = Rejoue("6101", "AA9000")
        carte.canal().transmit(bytes([int(chaine[:2], 16)]) + bytes.fromhex("2A9E9A00"))
        assert carte.recus[1] == f"{'01' if le == '01' else '00'}C0000001"
    assert code(Rejoue(*["6101"] * 70).canal().transmit, b"\0\0\0\0\0")[0] == "E_CARD_PROTOCOL"


@pytest.mark.parametrize(
    ("apdu", "attendu"),
    [
        ("00B08200", "00B0820010"),
        ("00B0820000", "00B0820010"),
        ("00A40400020102", "00A4040002010210"),
        ("00A4040002010200", "00A4040002010210"),
    ],
)
def test_a_command_asked_again_asks_for_the_length_the_card_said(apdu, attendu):
    assert with_length(bytes.fromhex(apdu), 0x10) == bytes.fromhex(attendu)


@pytest.mark.cas("agent-21")
@pytest.mark.parametrize("perdu", ["", "90", 0x80100016, 0x8010002F])
def test_a_dropped_exchange_is_replayed_for_a_reading_never_for_a_code(perdu):
    lecture = Rejoue(perdu, perdu, perdu, "AA9000")
    assert lecture.canal().transmit(b"\0\xb0\0\0\0", rejouable=True) == (b"\xaa", 0x9000)
    verify = Rejoue(perdu, "9000")
    assert code(verify.canal().transmit, b"\0\x20\0\1\1\1")[0] == "E_CARD_REMOVED"
    assert len(verify.recus) == 1
    sans_fin = Rejoue(*[perdu] * 9)

    def lire():
        return sans_fin.canal().transmit(b"\0\xb0\0\0\0", rejouable=True)

    assert code(lire)[0] == "E_CARD_REMOVED"
    assert len(sans_fin.recus) == 4


def test_a_dropped_continuation_has_the_whole_command_replayed():
    carte = Rejoue("016101", "", "016101", "029000")
    assert carte.canal().transmit(b"\0\xb0\0\0\0", rejouable=True) == (b"\1\2", 0x9000)


def test_what_may_not_be_played_twice_is_not_after_a_reset():
    scard = ScardFeint(UN)
    carte = CarteFeinte()
    carte.au[1] = lambda: scard.reinitialiser(UN)
    scard.inserer(UN, carte)
    ouvrier = Ouvrier(scard, UN)
    travail = Travail(lambda c: c.transmit(b"\0\x20\0\1\1\1"), 1, relancable=False)
    with pytest.raises(ErreurAgent) as leve:
        ouvrier.ask(travail).result(5)
    assert leve.value.details == {"reason": "reinitialisee"}
    assert len(carte.recus) == 1
    ouvrier.abandon()


def test_a_card_kept_open_is_the_same_until_it_is_released_and_exclusive_when_asked():
    scard = ScardFeint(UN)
    scard.inserer(UN, CarteFeinte())
    ouvrier = Ouvrier(scard, UN)
    canaux = [
        ouvrier.ask(Travail(lambda c: c, 1, garder=True, exclusif=True)).result(5) for _ in "12"
    ]
    assert canaux[0] is canaux[1]
    assert [appel for appel in scard.appels if appel[0] == "connect"] == [
        ("connect", UN, pcsc.MODE_EXCLUSIF, pcsc.PROTOCOLES)
    ]
    # Whoever has the reader next does not find a card that was given its code.
    ouvrier.release().result(5)
    assert scard.fermetures == [(UN, pcsc.REINITIALISER)]
    assert scard.contextes == {}
    ouvrier.abandon()


def test_a_fault_of_the_act_reaches_who_waits_and_the_thread_lives():
    scard = ScardFeint(UN)
    scard.inserer(UN, CarteFeinte())
    ouvrier = Ouvrier(scard, UN)
    with pytest.raises(ZeroDivisionError):
        ouvrier.ask(Travail(lambda _c: 1 / 0, 1)).result(5)
    assert ouvrier.ask(Travail(lambda _c: 7, 1)).result(5) == 7
    assert scard.poignees == {}
    ouvrier.abandon()


# The system's calls, as pyscard gives them


def _module(**appels):
    constantes = {"SCARD_SCOPE_USER": 0}
    return SimpleNamespace(**constantes, **{n: lambda *_a, r=r: r for n, r in appels.items()})


def test_codes_of_the_system_are_read_as_32_bits_whatever_their_sign():
    for brut in (0x8010001D, 0x8010001D - 2**32):
        with pytest.raises(ErreurScard) as leve:
            ScardSysteme(_module(SCardEstablishContext=(brut, 0))).establish()
        assert leve.value.code == 0x8010001D


def test_no_reader_and_nothing_new_are_no_faults():
    s = ScardSysteme(
        _module(SCardListReaders=(0x8010002E - 2**32, []), SCardGetStatusChange=(0x8010000A, []))
    )
    assert s.readers(1) == []
    assert s.wait(1, 0, []) is None


def test_a_handle_never_opened_is_a_defect_of_ours():
    def transmit(*_args):
        raise SystemError

    s = ScardSysteme(SimpleNamespace(SCardTransmit=transmit))
    with pytest.raises(ErreurScard) as leve:
        s.transmit(1, 1, b"")
    assert translate(leve.value.code).code == "E_INTERNAL"


def test_a_serial_number_is_kept_when_it_prints():
    appels = {
        "SCardConnect": (0, 5, 0),
        "SCardDisconnect": 0,
        "SCardGetAttrib": (0, list(b"AB12\0")),
    }
    assert ScardSysteme(_module(**appels)).serial(1, UN) == "AB12"
    appels["SCardGetAttrib"] = (0, [1, 2])
    assert ScardSysteme(_module(**appels)).serial(1, UN) == ""
    appels["SCardGetAttrib"] = (0x80100008, [])
    assert ScardSysteme(_module(**appels)).serial(1, UN) == ""
    appels["SCardConnect"] = (0x8010000B, 0, 0)
    assert ScardSysteme(_module(**appels)).serial(1, UN) == ""


# A reader's thread alone


@pytest.fixture
def ouvrier():
    scard = ScardFeint(UN)
    scard.inserer(UN, CarteFeinte())
    fil = Ouvrier(scard, UN)
    fil.scard = scard
    yield fil
    fil.abandon()


def lire_un(canal):
    return canal.transmit(bytes.fromhex("00A40000023F00"), rejouable=True)


@pytest.mark.cas("agent-15")
def test_a_context_that_died_with_the_service_is_opened_again(ouvrier):
    scard = ouvrier.scard
    assert ouvrier.ask(Travail(lire_un, 1)).result(5) == (b"", 0x9000)
    scard.arreter()
    with pytest.raises(ErreurAgent) as leve:
        ouvrier.ask(Travail(lire_un, 1)).result(5)
    assert leve.value.code == "E_PCSC_UNAVAILABLE"
    scard.redemarrer()
    assert ouvrier.ask(Travail(lire_un, 1)).result(5) == (b"", 0x9000)


@pytest.mark.cas("agent-17")
def test_a_card_kept_open_and_reset_meanwhile_is_taken_again(ouvrier):
    scard = ouvrier.scard
    canal = ouvrier.ask(Travail(lambda c: c, 1, garder=True)).result(5)
    # What only reads in between does not close it; an act that may not be played twice begins.
    assert ouvrier.ask(Travail(lambda c: c, 1)).result(5) is canal
    scard.reinitialiser(UN)
    assert ouvrier.ask(Travail(lire_un, 1, relancable=False)).result(5) == (b"", 0x9000)
    # A kept card is not taken for another one.
    scard.inserer(UN, CarteFeinte())
    assert ouvrier.ask(Travail(lire_un, scard.fentes[UN].compteur)).result(5) == (b"", 0x9000)
    with pytest.raises(ErreurAgent):
        canal.transmit(b"\0\xb0\0\0\0")


def test_a_card_that_must_forget_its_code_is_reset(ouvrier):
    ouvrier.ask(Travail(lambda c: c, 1, garder=True)).result(5)
    ouvrier.forget().result(5)
    assert ouvrier.scard.fermetures == [(UN, pcsc.REINITIALISER)]
    # Closed by an act that failed, it may still hold the code.
    ouvrier.forget().result(5)
    assert ouvrier.scard.fermetures == [(UN, pcsc.REINITIALISER)] * 2


def test_the_service_that_dies_between_the_opening_and_the_look_leaves_nothing_open(ouvrier):
    scard = ouvrier.scard
    scard.inconnu_une_fois.add(UN)
    with pytest.raises(ErreurAgent) as leve:
        ouvrier.ask(Travail(lire_un, 1)).result(5)
    assert leve.value.code == "E_READER_GONE"
    assert scard.poignees == {}


def test_who_waits_for_a_busy_reader_may_give_up(ouvrier):
    scard = ouvrier.scard
    scard.prendre(UN, seul=True)
    futur = ouvrier.ask(Travail(lire_un, 1))
    while not any(appel[0] == "connect" for appel in scard.appels):
        time.sleep(0.005)
    ouvrier.abandon()
    with pytest.raises(ErreurAgent) as leve:
        futur.result(5)
    assert leve.value.code == "E_CANCELLED"
    assert sum(appel[0] == "connect" for appel in scard.appels) == 1


def test_an_act_cancelled_before_its_turn_is_not_played(ouvrier):
    porte = threading.Event()
    premier = ouvrier.ask(Travail(lambda _c: porte.wait(5), 1))
    joues = []
    second = ouvrier.ask(Travail(joues.append, 1))
    assert second.cancel()
    porte.set()
    assert premier.result(5)
    assert ouvrier.ask(Travail(lambda _c: 3, 1)).result(5) == 3
    assert joues == []


@pytest.mark.cas("agent-7")
def test_a_slot_is_shaken_when_it_says_empty_and_only_then(ouvrier):
    scard = ouvrier.scard
    assert ouvrier.revive().result(5).presente
    assert not any(appel[0] == "reconnect" for appel in scard.appels)
    scard.retirer(UN)
    assert not ouvrier.revive().result(5).presente
    scard.retirer(UN, collante=CarteFeinte())
    assert ouvrier.revive().result(5).presente
    assert scard.poignees == {}
    scard.arreter()
    with pytest.raises(ErreurAgent) as leve:
        ouvrier.revive().result(5)
    assert leve.value.code == "E_PCSC_UNAVAILABLE"
