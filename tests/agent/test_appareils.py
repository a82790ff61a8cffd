"""Scanners as the system shows them: a pseudo-terminal plays the serial port of a running agent."""

import asyncio
import json
import os
import struct
import subprocess
import sys
import termios
import time

import pytest

from agent.appareils import evdev, gestion, rapports
from agent.appareils.association import wait_for_box
from agent.appareils.base import Branche, Identite, Partage, Reglage
from agent.appareils.serie import PiloteSerie
from agent.appareils.touches import Clavier
from agent.protocol.classification import Motifs
from agent.server.onglets import Onglets
from agent.server.scans import Scans
from tests.agent.poste import RACINE, Poste, seul
from tests.agent.prises import DATALOGIC, ZEBRA, Prises, reglage

NUMERO = "01K7M4QX9TRB2VWZ3H"
BOITE = b"]d2010340093006578517280531" + b"10LT1\x1d21S1"


@pytest.fixture
def prises(tmp_path):
    faites = Prises(tmp_path / "systeme")
    yield faites
    for port in list(faites.maitres):
        faites.retirer(port)


@pytest.fixture
def poste_serie(tmp_path, tls, prises):
    """A running agent with a scanner on each side of the counter, both serial."""
    lance = Poste(tmp_path / "poste", tls)
    lance.dossier.mkdir()
    # A long silence: a busy machine does not end a frame between two writes.
    reglages = [
        reglage("comptoir", ZEBRA, silence_s=1.0),
        reglage("patient", DATALOGIC, silence_s=1.0),
    ]
    gestion.save(lance.dossier, reglages)
    lance.autres = ["--racine", str(prises.racine)]
    lance.start()
    yield lance
    lance.stop()


async def attendre(page, role, etat):
    """The state of a scanner, told by itself within two seconds (AGT-11)."""
    debut = time.monotonic()
    while True:
        statut = await asyncio.wait_for(page.evenement("agent.status"), 5)
        vu = next(s for s in statut["scanners"] if s["role"] == role)
        if vu["state"] == etat:
            assert time.monotonic() - debut < 3
            return vu


@pytest.mark.exigence("AGT-03", "AGT-04", "AGT-11")
@pytest.mark.cas("agent-87")
@seul
async def test_a_scanner_pulled_in_the_middle_of_a_frame_comes_back_on_another_port(
    poste_serie, prises
):
    async with poste_serie.page() as page:
        avant = (await page.demander("state.get"))["payload"]["scanners"]
        assert [s["state"] for s in avant] == ["gone", "gone"]
        assert avant[0]["error"]["code"] == "E_SCANNER_GONE"
        assert await page.code("scan.resume", role="comptoir") == "E_SCANNER_GONE"
        prises.brancher("ttyACM0", ZEBRA)
        await attendre(page, "comptoir", "ready")
        prises.envoyer("ttyACM0", b"\x02" + BOITE + b"\x03\r")
        scan = await page.evenement("scan")
        assert (scan["class"], scan["role"], scan["aim"]) == ("gs1", "comptoir", "]d2")
        assert scan["parsed"]["lot"] == "LT1"
        prises.envoyer("ttyACM0", b"\x02moitie de tra")
        prises.retirer("ttyACM0")
        perdu = await attendre(page, "comptoir", "gone")
        assert perdu["error"]["message"].endswith("saisissez le code.")
        assert await page.rien("scan")
        prises.brancher("ttyACM7", ZEBRA)
        await attendre(page, "comptoir", "ready")
        prises.envoyer("ttyACM7", b"\x02" + NUMERO.encode() + b"\x03\r")
        assert (await page.evenement("scan"))["text"] == NUMERO
        assert await page.rien("scan")


@pytest.mark.exigence("AGT-03")
@pytest.mark.cas("agent-69", "agent-88")
@seul
async def test_two_scanners_keep_their_sides_and_one_can_be_silenced(poste_serie, prises):
    async with poste_serie.page() as page:
        prises.brancher("ttyACM0", ZEBRA)
        prises.brancher("ttyUSB0", DATALOGIC)
        await attendre(page, "patient", "ready")
        etats = (await page.demander("state.get"))["payload"]["scanners"]
        assert {s["state"] for s in etats} == {"ready"}
        for morceau in (NUMERO[:4], NUMERO[4:5], NUMERO[5:11], NUMERO[11:], "\r\n"):
            prises.envoyer("ttyUSB0", morceau.encode())
        scan = await page.evenement("scan")
        assert (scan["text"], scan["role"], scan["device"]) == (NUMERO, "patient", "patient")
        muet = await page.demander("scan.pause", role="patient")
        assert muet["payload"] == {"scan": False, "paused": ["patient"]}
        prises.envoyer("ttyUSB0", b"SILENCE\r")
        prises.envoyer("ttyACM0", b"4006381333931\r")
        assert (await page.evenement("scan"))["role"] == "comptoir"
        assert await page.code("scan.pause", role="plafond") == "E_PROTO_PAYLOAD"
        assert (await page.demander("scan.resume"))["payload"]["scan"] is True
        prises.envoyer("ttyUSB0", b"ENCORE\r")
        assert (await page.evenement("scan"))["text"] == "ENCORE"


@pytest.mark.exigence("AGT-07")
@pytest.mark.cas("agent-83")
@seul
async def test_ten_boxes_a_second_through_a_serial_port_lose_none(poste_serie, prises):
    async with poste_serie.page() as page:
        prises.brancher("ttyACM0", ZEBRA)
        await attendre(page, "comptoir", "ready")
        textes = [f"340093{n:07d}" for n in range(50)]
        debut = time.monotonic()
        for n, texte in enumerate(textes):
            await asyncio.sleep(max(0, debut + n / 10 - time.monotonic()))
            prises.envoyer("ttyACM0", texte.encode() + b"\r")
        assert await page.scans(50) == textes


def test_a_scanner_is_paired_by_reading_a_box(prises, tmp_path):
    prises.brancher("ttyACM0", DATALOGIC)
    prises.brancher("ttyACM1", ZEBRA)
    commande = [sys.executable, "-m", "agent", "lecteur", "--dossier", str(tmp_path)]
    commande += ["--role", "patient", "--racine", str(prises.racine)]
    with subprocess.Popen(commande, cwd=RACINE, stdout=subprocess.PIPE, text=True) as lance:
        assert lance.stdout.readline().startswith("Scannez une boîte")
        # Written until it is heard: the ports are opened after the sentence, and emptied then.
        prises.envoyer("ttyACM0", b"AT OK\r")
        fin = time.monotonic() + 20
        while lance.poll() is None and time.monotonic() < fin:
            prises.envoyer("ttyACM1", BOITE + b"\r")
            try:
                lance.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        assert "associé côté patient" in lance.stdout.read()
    (associe,) = gestion.load(tmp_path)
    assert (associe.role, associe.identite) == ("patient", Identite(*ZEBRA))


def test_without_a_box_nothing_is_paired(prises, tmp_path):
    commande = [sys.executable, "-m", "agent", "lecteur", "--dossier", str(tmp_path)]
    commande += ["--role", "patient", "--racine", str(prises.racine), "--clavier", "--delai", "1"]
    fini = subprocess.run(commande, cwd=RACINE, capture_output=True, text=True, check=False)
    assert fini.returncode == 1
    assert "Aucune boîte lue" in fini.stderr
    assert gestion.load(tmp_path) == []


def test_a_port_that_dies_while_pairing_is_forgotten():
    class Mort:
        nom = "scanner_serial"

        def list_plugged(self):
            return [Branche("/dev/ttyACM0", Identite(*ZEBRA)), Branche("/x", Identite(*ZEBRA))]

        def open(self, branche, _reglage):
            if branche.chemin == "/x":
                raise OSError
            lecture, ecriture = os.pipe()
            os.close(ecriture)
            return FauxFlux(lecture)

    class FauxFlux:
        def __init__(self, fd):
            self.fd = fd

        def fileno(self):
            return self.fd

        def read(self):
            raise OSError

        def close(self):
            os.close(self.fd)

    class Options:
        role, disposition, gs, delai = "patient", "us", "", 5.0

    assert wait_for_box([Mort()], Options()) is None


# The list of paired scanners


def test_a_list_that_cannot_be_read_stops_nobody(tmp_path):
    assert gestion.load(tmp_path) == []
    bon = reglage("comptoir", ZEBRA, gs="~").as_dict()
    gestion.save(tmp_path, [Reglage.from_dict(bon)])
    assert gestion.load(tmp_path)[0].as_dict() == bon
    for mauvais in ({"vid": "zz"}, {"role": "toit"}, {"disposition": "bépo"}):
        contenu = {"appareils": [bon, {**bon, **mauvais}]}
        (tmp_path / gestion.FICHIER).write_text(json.dumps(contenu))
        assert [r.as_dict() for r in gestion.load(tmp_path)] == [bon]
    for texte in ("", "[]", '{"appareils": [3]}'):
        (tmp_path / gestion.FICHIER).write_text(texte)
        assert gestion.load(tmp_path) == []


def test_a_model_without_serial_number_is_known_by_its_model():
    assert Identite(*DATALOGIC).matches(Identite("05f9", "4204", "autre"))
    assert not Identite(*ZEBRA).matches(Identite("05e0", "1701", "autre"))
    assert not Identite(*ZEBRA).matches(Identite("05e0", "1702", "S0042"))


def test_a_port_without_usb_behind_is_not_a_scanner(prises):
    (prises.racine / "sys/class/tty/ttyUSB9").mkdir()
    assert PiloteSerie(prises.racine).list_plugged() == []


def test_a_file_that_is_no_port_is_refused(tmp_path):
    (tmp_path / "port").write_bytes(b"")
    with pytest.raises(OSError, match=r"port|ioctl"):
        PiloteSerie().open(Branche(str(tmp_path / "port"), Identite(*ZEBRA)), None)


# Keyboards: the kernel's events, at the seam (no /dev/uinput here)


def evenement(code, valeur):
    return evdev.EVENEMENT.pack(0, 0, evdev.EV_KEY, code, valeur)


def frappe(code, *tenues):
    """The events of a key with others held."""
    bas = [evenement(t, evdev.BAS) for t in tenues]
    haut = [evenement(t, evdev.HAUT) for t in reversed(tenues)]
    return b"".join([*bas, evenement(code, evdev.BAS), evenement(code, evdev.HAUT), *haut])


MAJ, CTRL, ALT, VERR_MAJ, ENTREE = 42, 29, 56, 58, 28


def taper(texte, clavier):
    """The events of a scanner set to this layout that types this text."""
    octets = b""
    for caractere in texte:
        if caractere == "\x1d":
            octets += frappe(27, CTRL)
            continue
        for table, tenues in ((clavier._simple, ()), (clavier._maj, (MAJ,))):
            codes = [code for code, c in table.items() if c == caractere]
            if codes:
                octets += frappe(codes[0], *tenues)
                break
        else:
            codes = [code for code, c in clavier._altgr.items() if c == caractere]
            octets += frappe(codes[0], 100)
    return octets + frappe(ENTREE)


@pytest.mark.exigence("AGT-05")
@pytest.mark.cas("agent-85", "agent-86")
@pytest.mark.parametrize("disposition", ["us", "fr"])
@pytest.mark.parametrize("verrouille", [False, True])
def test_keys_are_read_with_the_scanners_layout_whatever_the_pc_is_set_to(disposition, verrouille):
    texte = "]d20103400930065785" + "1728053110LTqa;m,Z!\x1d21S-1"
    octets = (frappe(VERR_MAJ) if verrouille else b"") + taper(texte, Clavier(disposition))
    lu, reste = evdev.decode(octets, Clavier(disposition))
    assert (lu, reste) == (texte + "\r", b"")


@pytest.mark.cas("agent-85")
def test_a_separator_comes_as_a_combination_an_alt_number_or_a_chosen_character():
    clavier = Clavier("us", "~")
    alt = b"".join(
        [
            evenement(ALT, evdev.BAS),
            *(frappe({0: 82, 2: 80, 9: 73}[n]) for n in (0, 0, 2, 9)),
            evenement(ALT, evdev.HAUT),
        ]
    )
    choisi = frappe(41, MAJ)
    combinaison = frappe(27, CTRL)
    assert evdev.decode(alt + choisi + combinaison, clavier)[0] == "\x1d" * 3
    assert evdev.decode(frappe(48, CTRL) + frappe(2, CTRL), clavier)[0] == "\x02"
    assert evdev.decode(frappe(15) + frappe(57) + frappe(79), clavier)[0] == "\t 1"
    assert evdev.decode(frappe(200) + frappe(200, 100) + frappe(ALT), clavier)[0] == ""
    grand = b"".join([evenement(ALT, evdev.BAS), *[frappe(73)] * 4, evenement(ALT, evdev.HAUT)])
    assert evdev.decode(grand, clavier)[0] == ""


@pytest.mark.cas("agent-88")
def test_an_event_split_between_two_reads_is_put_together():
    octets = frappe(30) + evdev.EVENEMENT.pack(0, 0, 0, 0, 0)
    premier, reste = evdev.decode(octets[:30], Clavier())
    assert (premier, len(reste)) == ("a", 6)
    assert evdev.decode(reste + octets[30:], Clavier()) == ("", b"")


@pytest.fixture
def tube(prises, monkeypatch):
    """An input node of our /sys whose events come through a pipe, and who asked to grab it."""
    noeud = prises.racine / "sys/class/input/event3"
    (noeud / "device/id").mkdir(parents=True)
    for nom, valeur in (("id/vendor", "05e0"), ("id/product", "1701"), ("uniq", "S0042")):
        (noeud / "device" / nom).write_text(valeur)
    (prises.racine / "sys/class/input/event4").mkdir()
    os.mkfifo(prises.racine / "dev/input/event3")
    saisies = []
    monkeypatch.setattr(evdev.fcntl, "ioctl", lambda *demande: saisies.append(demande[1:]))
    return prises.racine / "dev/input/event3", saisies


@seul
async def _veiller(appareils, fait):
    fin = time.monotonic() + 5
    appareils.look()
    while not fait():
        assert time.monotonic() < fin
        await asyncio.sleep(0.01)
    appareils.close()


@pytest.mark.exigence("AGT-05", "AGT-06")
@pytest.mark.cas("agent-86")
def test_a_grabbed_keyboard_gives_scans_and_nothing_to_the_system(prises, tube):
    noeud, saisies = tube
    onglets = Onglets()
    scans = Scans(Motifs(), onglets)
    pilote = evdev.PiloteEvdev(prises.racine)
    associe = reglage("patient", ZEBRA, "scanner_evdev")
    appareils = gestion.Appareils([associe], [pilote], scans, lambda: None)
    lecteur = os.open(noeud, os.O_RDWR)
    try:
        os.write(lecteur, frappe(VERR_MAJ) + taper(NUMERO, Clavier("us")))
        _veiller(appareils, lambda: scans._garde is not None)
    finally:
        os.close(lecteur)
    assert saisies == [(evdev.EVIOCGRAB, 1)]
    nom, scan = scans._garde[1]
    assert (nom, scan["text"], scan["role"]) == ("scan", NUMERO, "patient")


@pytest.mark.exigence("AGT-05")
def test_a_keyboard_that_the_system_keeps_is_said_and_not_read(prises, tube, monkeypatch):
    def occupe(*_demande):
        raise OSError(16, "occupé")

    monkeypatch.setattr(evdev.fcntl, "ioctl", occupe)
    noeud, _saisies = tube
    changes = []
    scans = Scans(Motifs(), Onglets())
    associe = reglage("comptoir", ZEBRA, "scanner_evdev")
    appareils = gestion.Appareils(
        [associe], [evdev.PiloteEvdev(prises.racine)], scans, lambda: changes.append(1)
    )
    appareils.look()
    (etat,) = appareils.states()
    assert (etat["state"], etat["degraded"]) == ("shared", "clavier_partage")
    noeud.unlink()
    appareils.look()  # the node left: open fails as any missing file
    assert appareils.states()[0]["error"]["code"] == "E_SCANNER_GONE"
    assert len(changes) == 2


def test_a_node_that_we_may_not_open_is_shared(prises, tube, monkeypatch):
    def interdit(*_demande, **_autres):
        raise PermissionError

    monkeypatch.setattr(evdev.os, "open", interdit)
    with pytest.raises(Partage):
        evdev.PiloteEvdev(prises.racine).open(
            Branche("/dev/input/event3", Identite(*ZEBRA)), reglage("comptoir", ZEBRA)
        )


# Slots: decoders on recorded reports; no such device was ever opened


def rapport(donnees, *, aim=b"]d2", suite=0):
    corps = bytes([2, len(donnees)]) + aim + donnees.ljust(56, b"\0") + b"\0\0" + bytes([suite])
    assert len(corps) == 64
    return corps


def test_hid_pos_reports_become_frames():
    lecteur = rapports.HidPos()
    long = b"0103400930065785" + b"10" + b"L" * 20 + b"\x1d21" + b"S" * 15
    assert lecteur.feed(rapport(long[:56], suite=1)) == b""
    fin = lecteur.feed(rapport(long[56:]))
    assert fin == b"\x02]d2" + long + b"\x03"
    assert lecteur.feed(rapport(b"A", aim=b"\0\0\0")) == b"\x02A\x03"
    for faux in (b"", b"\x07" * 64, bytes([2, 57]) + b"\0" * 62):
        assert lecteur.feed(faux) == b""


def test_raw_input_events_become_what_the_scanner_typed():
    lecteur = rapports.RawInput()

    def touche(code, drapeaux=0):
        return lecteur.feed(struct.pack("<HHHHII", code, drapeaux, 0, 0, 0, 0))

    frappes = [(42, 0), (30, 0), (30, 1), (42, 1), (2, 0), (2, 1), (0x1C, 2), (0x1C, 3)]
    assert b"".join(touche(*f) for f in frappes) == b"A1\r"
    assert touche(0x1D, 2) + touche(27) + touche(0x1D, 3) == b"\x1d"  # the other Ctrl, and ]
    assert touche(0x5B, 2) == b""
    assert lecteur.feed(b"court") == b""


def test_a_serial_port_is_raw_and_keeps_every_byte(prises):
    prises.brancher("ttyACM0", ZEBRA)
    pilote = PiloteSerie(prises.racine)
    (branche,) = pilote.list_plugged()
    flux = pilote.open(branche, reglage("comptoir", ZEBRA))
    try:
        assert flux.read() == b""
        tous = bytes(range(256))
        prises.envoyer("ttyACM0", tous)
        recu = b""
        fin = time.monotonic() + 5
        while len(recu) < 256 and time.monotonic() < fin:
            recu += flux.read()
        assert recu == tous
        assert termios.tcgetattr(flux.fileno())[4] == termios.B115200
    finally:
        flux.close()
