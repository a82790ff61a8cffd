"""The bench itself, by plain pyscard: cards in a real PC/SC service, and the accidents of §6.5."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from simulators.cartes import read_card
from simulators.pcsc import banc as module_banc
from simulators.pcsc.banc import Banc, BancImpossible
from tests.conftest import RACINE
from tests.pcsc.attente import wait_for
from tests.pcsc.pcsc_nu import LECTEURS, Pcsc, scard, sw

A, B, C = LECTEURS[0], LECTEURS[1], LECTEURS[2]
LE_MF = "00A40000023F00"
AID_VITALE = "00A404000BD250000002564954414C45"


@pytest.fixture
def pcsc(banc):
    with Pcsc() as contexte:
        yield contexte


def inserted(banc, pcsc, logement, carte):
    banc.insert(logement, carte)
    wait_for(lambda: pcsc.present(LECTEURS[logement]), "carte vue")


def read_file(pcsc, poignee):
    """The file of SFI 2, as a T=0 client does: 6Cxx repeated, blocks of 256."""
    lu, tete = b"", "00B08200"
    while True:
        code, reponse = pcsc.send(poignee, tete + "00")
        assert code == 0
        if reponse[0] == 0x6C:
            assert len(reponse) == 2
            code, reponse = pcsc.send(poignee, tete + f"{reponse[1]:02X}")
        assert sw(reponse) == "9000"
        lu += reponse[:-2]
        if len(reponse) < 258:
            return lu
        tete = f"00B0{len(lu):04X}"


def test_two_readers_of_two_slots_and_no_other_reader_of_the_machine(banc, pcsc):
    assert sorted(pcsc.readers()) == list(LECTEURS)


def test_a_card_put_in_is_seen_with_its_atr_and_read(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/vitale-05")
    assert pcsc.state(A)[1].hex().upper() == "3B751300004409EA9000"
    poignee = pcsc.connect(A)
    assert sw(pcsc.send(poignee, LE_MF)[1]) == "9000"
    lu = read_file(pcsc, poignee)
    assert lu.count(b"GRANDE-FAMILLE") == 12
    assert "GAËLLE".encode("latin-1") in lu
    assert sw(pcsc.send(poignee, AID_VITALE)[1]) == "9000"
    assert read_file(pcsc, poignee).count(b"1700175116011") == 12
    assert scard.SCardDisconnect(poignee, scard.SCARD_RESET_CARD) == 0


def test_two_cards_in_the_two_slots_of_one_reader_do_not_mix(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/cps-01")
    inserted(banc, pcsc, 1, "banc/vitale-02")
    cps, vitale = pcsc.connect(A), pcsc.connect(B)
    assert pcsc.state(A)[1].startswith(bytes.fromhex("3BAC"))
    assert pcsc.state(B)[1].startswith(bytes.fromhex("3B75"))
    assert sw(pcsc.send(vitale, LE_MF)[1]) == "9000"
    assert sw(pcsc.send(cps, "00A4040C0DE828BD080F8025000001FF0010")[1]) == "9000"
    assert sw(pcsc.send(vitale, "00200001")[1]) == "6D00"
    assert sw(pcsc.send(cps, "00200001")[1]) == "63C3"


def test_the_second_reader_is_independent_of_the_first(banc, pcsc):
    inserted(banc, pcsc, 2, "banc/vitale-01")
    assert [pcsc.present(nom) for nom in LECTEURS] == [False, False, True, False]
    inserted(banc, pcsc, 0, "banc/cps-01")
    banc.remove(2)
    wait_for(lambda: not pcsc.present(C), "carte retirée")
    assert pcsc.present(A)


def test_a_card_pulled_in_the_middle_answers_nothing_and_its_handle_stays_dead(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/vitale-01")
    poignee = pcsc.connect(A)
    assert sw(pcsc.send(poignee, LE_MF)[1]) == "9000"
    banc.pull(0, 2)
    assert sw(pcsc.send(poignee, AID_VITALE)[1]) == "9000"
    _, reponse = pcsc.send(poignee, "00B0820000")
    assert len(reponse) < 2
    wait_for(lambda: not pcsc.present(A), "carte retirée")
    inserted(banc, pcsc, 0, "banc/vitale-01")
    assert pcsc.send(poignee, LE_MF)[0] == 0x80100069
    autre = pcsc.connect(A)
    assert sw(pcsc.send(autre, LE_MF)[1]) == "9000"


def stick(banc, pcsc):
    """Make the accident of §6.5.13; False when the service looked at the slot in between."""
    banc.remove(0)
    wait_for(lambda: not pcsc.present(A), "logement vide")
    inserted(banc, pcsc, 0, "banc/vitale-01")
    poignee = pcsc.connect(A)
    banc.pull(0, 1)
    pcsc.send(poignee, LE_MF)
    scard.SCardDisconnect(poignee, scard.SCARD_RESET_CARD)
    banc.insert(0, "banc/vitale-01")
    fin = time.monotonic() + 1.5
    while time.monotonic() < fin:
        if pcsc.present(A):
            return False
        time.sleep(0.05)
    return pcsc.try_connect(A)[0] == 0x8010000C


def test_a_card_put_back_too_soon_leaves_the_slot_stuck_until_it_is_unpowered(banc, pcsc):
    """§6.5.13: the accident that the agent has to repair. It takes a disconnection with reset (or a
    reconnection) between the two: the service marks the slot empty itself, and sees no change.
    """
    assert any(stick(banc, pcsc) for _ in range(5))
    code, direct, _ = scard.SCardConnect(pcsc.contexte, A, scard.SCARD_SHARE_DIRECT, 0)
    assert code == 0
    scard.SCardReconnect(
        direct,
        scard.SCARD_SHARE_SHARED,
        scard.SCARD_PROTOCOL_ANY,
        scard.SCARD_UNPOWER_CARD,
    )
    wait_for(lambda: pcsc.try_connect(A)[0] == 0, "logement de nouveau utilisable")


def test_a_mute_card_is_present_and_cannot_be_connected(banc, pcsc):
    inserted(banc, pcsc, 0, "vitale-09")
    assert pcsc.try_connect(A)[0] in (0x8010000F, 0x80100066, 0x80100067)


def test_a_reset_by_another_program_makes_the_card_forget(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/vitale-01")
    poignee = pcsc.connect(A)
    pcsc.send(poignee, LE_MF)
    with Pcsc() as autre:
        scard.SCardDisconnect(autre.connect(A), scard.SCARD_RESET_CARD)
    assert pcsc.send(poignee, LE_MF)[0] == 0x80100068
    scard.SCardReconnect(
        poignee, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_ANY, scard.SCARD_LEAVE_CARD
    )
    assert sw(pcsc.send(poignee, "00B0820010")[1]) == "6986"


def test_the_tries_of_a_code_outlive_the_extraction(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/cps-01")
    assert sw(pcsc.send(pcsc.connect(A), "002000010430303030")[1]) == "63C2"
    banc.remove(0)
    wait_for(lambda: not pcsc.present(A), "carte retirée")
    inserted(banc, pcsc, 0, "banc/cps-01")
    assert sw(pcsc.send(pcsc.connect(A), "00200001")[1]) == "63C2"


def test_the_tries_are_full_again_for_the_next_test(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/cps-01")
    assert sw(pcsc.send(pcsc.connect(A), "00200001")[1]) == "63C3"


def test_another_card_comes_by_itself_and_is_seen(banc, pcsc):
    inserted(banc, pcsc, 0, "banc/vitale-01")
    banc.swap(0, "banc/cps-01", 50, 800)
    wait_for(lambda: pcsc.state(A)[1][:2] == bytes.fromhex("3BAC"), "autre carte vue")


def exchange_unseen(banc, pcsc):
    """Exchange two cards between two looks of the service: the files before and after, by the same
    handle; None when it looked while the slot was empty.
    """
    inserted(banc, pcsc, 0, "banc/vitale-01")
    poignee = pcsc.connect(A)
    pcsc.send(poignee, LE_MF)
    avant = read_file(pcsc, poignee)
    banc.say("swap", 0, "banc/vitale-02")
    wait_for(lambda: "seul" in (banc.cards()[0] or ""), "carte échangée")
    perdus = []

    def answered():
        perdus.append(pcsc.send(poignee, "00B0000010"))
        return perdus[-1][0] == 0x80100069 or len(perdus[-1][1]) >= 2

    wait_for(answered, "une réponse, ou plus de carte")
    if perdus[-1][0]:
        banc.remove(0)
        wait_for(lambda: not pcsc.present(A), "logement vide")
        return None
    assert len(perdus) > 1
    assert sw(perdus[-1][1]) == "6986"
    assert sw(pcsc.send(poignee, LE_MF)[1]) == "9000"
    return avant, read_file(pcsc, poignee)


def test_an_exchange_too_quick_for_the_service_is_answered_by_the_other_card(banc, pcsc):
    """Some exchanges lost, then the same handle speaks to the other card, which selected nothing,
    and no event says so: a read that goes on after a lost exchange mixes two patients (case 8).
    """
    lus = next(filter(None, (exchange_unseen(banc, pcsc) for _ in range(5))))
    assert b"DUPONT" in lus[0]
    assert b"ARTAGNAN" in lus[1]


def test_the_exchange_written_in_a_card_file_happens(banc, pcsc, tmp_path):
    fichier = {
        **read_card("banc/vitale-01"),
        "faults": [{"on": "swap", "after_ms": 10, "gap_ms": 800, "to": "banc/cps-04"}],
    }
    chemin = tmp_path / "echangee.json"
    chemin.write_text(json.dumps(fichier), encoding="utf-8")
    banc.insert(0, chemin)
    wait_for(lambda: pcsc.state(A)[1][:2] == bytes.fromhex("3BAC"), "autre carte vue")


@pytest.mark.parametrize("arret", ["stop", "kill"])
def test_the_service_stops_and_comes_back_with_the_cards(banc, arret):
    with Pcsc() as avant:
        inserted(banc, avant, 0, "banc/vitale-01")
        banc.pcscd(arret)
        code, _ = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        assert code & 0xFFFFFFFF == 0x8010001D
    banc.pcscd("start")
    with Pcsc() as apres:
        wait_for(lambda: apres.present(A), "carte revenue avec le service")
        assert sw(apres.send(apres.connect(A), LE_MF)[1]) == "9000"


def test_an_unknown_command_or_card_is_answered_and_changes_nothing(banc):
    for mots in (("danse",), ("insert", 0, "absente"), ("insert", 9, "banc/vitale-01")):
        with pytest.raises(ValueError, match=r"inconnue|introuvable"):
            banc.say(*mots)
    assert banc.cards() == [None] * 4


def test_the_open_ports_of_the_driver_are_not_those_of_the_machine(banc):
    for port in (0x8C7B, 0x8C7C, 0x8C8B, 0x8C8C):
        with socket.socket() as s, pytest.raises(ConnectionRefusedError):
            s.connect(("127.0.0.1", port))


def test_a_second_bench_in_the_same_folder_is_refused(banc, monkeypatch):
    monkeypatch.setattr(module_banc, "_VERROU_S", 0.2)
    with pytest.raises(BancImpossible, match="dans ce dossier"), Banc():
        pass


def test_beside_a_pcscd_of_the_machine_the_bench_does_not_start(monkeypatch):
    monkeypatch.setattr(module_banc, "other_service", lambda: 4242)
    with pytest.raises(BancImpossible, match="4242"), Banc():
        pass


def test_a_bench_that_fails_to_start_leaves_nothing_and_frees_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(module_banc, "DOSSIER", tmp_path / "banc")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module_banc, "_PRET_S", 2.0)
    (tmp_path / "faux.so").write_bytes(b"rien")
    monkeypatch.setenv("COMPTOIR_VPCD", str(tmp_path / "faux.so"))
    for _ in range(2):
        with pytest.raises(BancImpossible, match="n'a pas démarré"), Banc():
            pass
    assert not list(tmp_path.glob("comptoir-cartes-*"))


def test_without_the_driver_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPTOIR_VPCD", str(tmp_path / "absent.so"))
    with pytest.raises(BancImpossible, match="make systeme"), Banc():
        pass


LAISSE = """
import os, signal, sys
from pathlib import Path
from simulators.pcsc import banc
banc.DOSSIER = Path(sys.argv[1])
with banc.Banc() as b:
    b.insert(0, "banc/vitale-01")
    print(b.adresse, b._processus.pid, flush=True)
    if sys.argv[2] == "tue":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def children_of(pid):
    """Processes under this one, itself included, still there."""
    vus = set()
    for dossier in Path("/proc").iterdir():
        if not dossier.name.isdigit():
            continue
        try:
            champs = (dossier / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if champs[0] != "Z" and pid in (int(dossier.name), int(champs[1])):
            vus.add(int(dossier.name))
    return vus


@pytest.mark.parametrize("fin", ["normale", "tue"])
def test_nothing_is_left_when_the_bench_ends_even_when_its_owner_is_killed(tmp_path, fin):
    env = {**os.environ, "COMPTOIR_VPCD": str(module_banc.find_driver())}
    lance = subprocess.run(
        [sys.executable, "-c", LAISSE, str(tmp_path), fin],
        cwd=RACINE,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    adresse, pid = lance.stdout.split()
    wait_for(lambda: not children_of(int(pid)), "plus aucun processus")
    wait_for(lambda: not Path(adresse).parents[1].exists(), "plus aucun fichier")
