"""Virtual cards, APDU by APDU, from agent.md §1, §2, §3.3 and §7: no client of the product here."""

import base64
import copy
import hashlib
import json
import re
import struct
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulators.cartes import DOSSIER, read_card
from simulators.pcsc.apdu import CarteInvalide, CarteRetiree
from simulators.pcsc.cartes import load_card
from simulators.pki import build_card
from tests.conftest import RACINE

LE_MF = "00A40000023F00"
VITALE = "00A404000BD250000002564954414C45"
IAS = "00A4040C0DE828BD080F8025000001FF0010"
CHIPDOC = "01A4040C088025000001FF0100"
CPS2TER = "00A4040C088025000001FF0002"
RELANCE = "01A4040C07A0000001510000"
CODE, FAUX = "002000010431323334", "002000010430303030"
MSE_SIGNER = "002241B606800142840101"
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


@pytest.fixture(scope="module")
def cles(tmp_path_factory):
    """Keys of the cards, made when a card asks for them."""
    return tmp_path_factory.mktemp("cles")


@pytest.fixture
def carte(cles):
    """A card by its name, its file changed first by `change`."""

    def fabrique(nom, change=None, **suite):
        fichier = copy.deepcopy(read_card(nom))
        build_card(cles, fichier)
        if change:
            change(fichier)
        return load_card(fichier, cles, **suite)

    return fabrique


def send(carte, hexa):
    """The answer in hexadecimal, nothing followed."""
    return carte.apdu(bytes.fromhex(hexa.replace(" ", ""))).hex().upper()


def follow(carte, hexa):
    """(data, status word) with 61xx, 9Fxx and 6Cxx followed, each by the class of the command."""
    octets = bytes.fromhex(hexa.replace(" ", ""))
    reponse, lu = carte.apdu(octets), b""
    while True:
        lu += reponse[:-2]
        if reponse[-2] == 0x6C:
            reponse = carte.apdu(octets[:-1] + reponse[-1:])
        elif reponse[-2] in (0x61, 0x9F):
            octets = bytes([octets[0] & 0xEF, 0xC0, 0, 0, reponse[-1]])
            reponse = carte.apdu(octets)
        else:
            return lu, reponse[-2:].hex().upper()


def play(carte, *commandes):
    """Every command but the last answers 9000 or 61xx; return the last answer."""
    for commande in commandes[:-1]:
        assert re.fullmatch("9000|61..", send(carte, commande)), commande
    return send(carte, commandes[-1])


def command(tete, data, le=""):
    return f"{tete}{len(data):02X}{data.hex()}{le}"


def tlv(octets):
    """(tag, value) of one-byte tags, until the padding."""
    i = 0
    while i < len(octets) and octets[i]:
        tag, n, i = octets[i], octets[i + 1], i + 2
        if n == 0x81:
            n, i = octets[i], i + 1
        yield tag, octets[i : i + n]
        i += n


def certificate(carte, fid, classe="00"):
    """The certificate read in its file, by its FCI and blocks of 231 bytes."""
    fci, sw = follow(carte, f"{classe}A40904063F000001{fid}00")
    assert sw == "9000"
    assert fci[:1] == b"\x62"
    taille = int.from_bytes(dict(tlv(fci[2:]))[0x80], "big")
    lu = b""
    while len(lu) < taille:
        morceau, sw = follow(carte, f"{classe}B0{len(lu):04X}{min(231, taille - len(lu)):02X}")
        assert sw == "9000"
        lu += morceau
    return x509.load_der_x509_certificate(lu)


# --- Files ---


@pytest.mark.parametrize("nom", sorted(p.stem for p in (DOSSIER / "banc").glob("*.json")))
def test_every_card_file_loads_and_answers(carte, nom):
    une = carte(f"banc/{nom}")
    assert une.atr.hex().upper() == une.fichier["atr"]
    assert len(une.apdu(bytes.fromhex(LE_MF))) >= 2


def test_the_minimum_set_of_the_specification_is_there():
    noms = {p.stem for p in (DOSSIER / "banc").glob("*.json")}
    assert noms >= {f"vitale-{n:02d}" for n in range(1, 11)}
    assert noms >= {f"cps-{n:02d}" for n in range(1, 10)}
    assert noms >= {f"apcv-{n:02d}" for n in range(1, 4)}


def test_no_key_of_a_card_is_in_the_repository():
    assert not [p for p in (RACINE / "simulators").rglob("*") if p.suffix in (".key", ".der")]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(schema="autre/1"),
        lambda f: f.update(kind="autre"),
        lambda f: f["vitale"]["beneficiaires"][0].update(nom_usuel="ŁUKASZ"),
    ],
)
def test_a_card_file_that_no_card_could_hold_is_refused_at_load(carte, change):
    with pytest.raises(CarteInvalide):
        carte("banc/vitale-01", change)


def test_a_fault_that_does_not_exist_is_refused_at_load(carte):
    with pytest.raises(ValueError, match="faute inconnue"):
        carte("banc/vitale-01", lambda f: f.update(faults=[{"on": "apdu", "do": "danse"}]))


# --- Vitale ---


def test_the_identity_file_has_one_template_by_person_then_the_card(carte):
    une = carte("banc/vitale-01")
    assert send(une, LE_MF) == "9000"
    lu = follow(une, "00B0820000")[0] + follow(une, "00B0010000")[0]
    gabarits = list(tlv(lu))
    assert [tag for tag, _ in gabarits] == [0x65, 0x65, 0x65, 0x66]
    premier = dict(tlv(gabarits[0][1]))
    assert premier[0x80] == b"DUPONT".ljust(27)
    assert premier[0x81] == "ÉLODIE".encode("latin-1").ljust(27)
    assert (premier[0x82], premier[0x90]) == (b"19850312", b"FR")
    assert dict(tlv(gabarits[3][1])) == {0x80: b"20180501"}
    assert lu.endswith(bytes(32))


def test_the_nir_file_gives_the_insured_for_each_person(carte):
    une = carte("banc/vitale-01")
    play(une, LE_MF, VITALE)
    lu, _ = follow(une, "00B0820000")
    assert [dict(tlv(v)) for _, v in tlv(lu)] == [{0x93: b"285037511604233"}] * 3


def test_twelve_people_are_read_in_blocks(carte):
    une = carte("banc/vitale-05")
    send(une, LE_MF)
    lu, _ = follow(une, "00B0820000")
    assert len(lu) == 256
    while len(lu) % 256 == 0:
        suite, sw = follow(une, f"00B0{len(lu):04X}00")
        assert sw == "9000"
        lu += suite
    assert [t for t, _ in tlv(lu)].count(0x65) == 12


def size_of(une):
    lu, _ = follow(une, "00B0820000")
    return len(lu)


def test_strict_transport_says_how_much_is_left_and_gives_no_byte_more(carte):
    une = carte("banc/vitale-02")
    send(une, LE_MF)
    n = size_of(une)
    assert send(une, "00B0820000") == f"6C{n:02X}"
    assert send(une, f"00B082{n - 3:02X}00") == "6C03"
    assert len(send(une, f"00B082{n - 3:02X}03")) == 10
    assert send(une, f"00B082{n:02X}00") == "9000"
    assert send(une, f"00B082{n + 1:02X}00") == "6B00"


def test_loose_transport_gives_what_there_is_at_once(carte):
    une = carte("banc/vitale-02", lambda f: f["protocol"].update(t0_strict=False))
    send(une, LE_MF)
    assert send(une, "00B0820000").endswith("9000")


@pytest.mark.parametrize(
    ("commandes", "attendu"),
    [
        (["00B0820000"], "6986"),
        ([LE_MF, "00B0830000"], "6A82"),
        ([LE_MF, "00A40200022F00", "00B0000010"], "6982"),
        ([LE_MF, "00A40200022F02", "00B0000010"], "6982"),
        ([LE_MF, "00A40200022001"], "6A82"),
        ([VITALE, "00A40200022001", "00B0000002"], "E01F9000"),
        ([IAS], "6A82"),
        ([LE_MF, "00CA000000"], "6D00"),
        (["80A40000023F00"], "6E00"),
        (["A0A40000023F00"], "6E00"),
        (["00A4"], "6700"),
        (["00A40000053F00"], "6700"),
        (["00A404000ED2500000024D465F564954414C45"], "9000"),
    ],
)
def test_a_vitale_refuses_what_it_does_not_know(carte, commandes, attendu):
    recu = play(carte("banc/vitale-02"), *commandes)
    assert recu == attendu


def test_a_vitale_forgets_at_power_off_and_reset(carte):
    une = carte("banc/vitale-02")
    assert play(une, LE_MF, "00B0820001").endswith("9000")
    une.reset()
    assert send(une, "00B0000001") == "6986"


def test_a_vitale_1_knows_no_command(carte):
    une = carte("banc/vitale-06")
    assert une.atr[0] == 0x3F
    assert send(une, LE_MF) == "6E00"


def test_an_empty_card_holds_only_padding(carte):
    une = carte("banc/vitale-10")
    send(une, LE_MF)
    assert follow(une, "00B0820000") == (bytes(32), "9000")


def test_the_truncated_card_announces_more_than_it_gives(carte):
    une = carte("banc/vitale-08")
    send(une, LE_MF)
    lu, sw = follow(une, "00B0820000")
    assert sw == "9000"
    assert len(lu) == 40
    assert lu[0] == 0x65
    assert lu[1] > 40


# --- CPS3 ---


def test_the_serial_file_carries_the_issuer_and_ten_digits(carte):
    une = carte("banc/cps-01")
    assert send(une, "00A4000C023F00") == "9000"
    assert follow(une, "00A40904043F00D00300")[1] == "9000"
    assert follow(une, "00B000000C") == (bytes.fromhex("5A0A80250000012500577301"), "9000")


def test_strict_transport_keeps_the_data_of_a_command_until_get_response(carte):
    une = carte("banc/cps-01")
    assert send(une, "00A40904043F00D00300") == "610D"
    assert send(une, "00C000000E") == "6C0D"
    assert send(une, "00C0000004")[-4:] == "6109"
    assert send(une, "00C0000009").endswith("9000")
    assert send(une, "00C0000009") == "6F00"
    assert send(une, "00A40904043F00D00300") == "610D"
    assert send(une, "00200001") == "63C3"
    assert send(une, "00C000000D") == "6F00"


@pytest.mark.parametrize(
    ("commande", "attendu"),
    [
        ("00A40000023F00", "6A86"),
        ("00A4080C023F00", "6A86"),
        ("00A4090C04D0033F00", "6A82"),
        ("00A4090C043F00D010", "6A82"),
        ("00A4040C08" + "8025000001FF0100", "6A82"),
        ("00A4040C0DE828BD080F8025000001FF0020", "6A82"),
        ("00B0000001", "6986"),
        ("01200001", "6E00"),
        ("00200002", "6A88"),
        ("0020000103313233", "6700"),
        ("00F2000000", "6D00"),
        (MSE_SIGNER, "6985"),
    ],
)
def test_a_cps3_refuses(carte, commande, attendu):
    assert send(carte("banc/cps-01"), commande) == attendu


def counter(une):
    """Tries left, by GET DATA from the root."""
    send(une, "00A4000C023F00")
    lu, sw = follow(une, "00CB3FFF0A4D087006BF810102A08000")
    assert sw == "9000"
    assert lu[:2] == bytes([0x70, len(lu) - 2])
    assert lu[2:5] == bytes.fromhex("BF8101")
    ((tag, dedans),) = tlv(lu[6:])
    assert tag == 0xA0
    dits = dict(tlv(dedans))
    assert dits[0x9A] == b"\x03"
    return dits[0x9B][0]


def test_three_wrong_codes_block_and_a_right_one_gives_the_tries_back(carte):
    une = carte("banc/cps-01")
    assert counter(une) == 3
    assert [send(une, FAUX), send(une, FAUX)] == ["63C2", "63C1"]
    assert counter(une) == 1
    assert send(une, "00200001") == "63C1"
    assert send(une, CODE) == "9000"
    assert send(une, "00200001") == "9000"
    assert counter(une) == 3
    assert [send(une, FAUX) for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert send(une, CODE) == "6983"
    assert send(une, "00200001") == "6983"
    assert counter(une) == 0


def test_the_counter_is_read_from_the_root_only(carte):
    une = carte("banc/cps-01")
    assert send(une, IAS) == "9000"
    assert send(une, "00CB3FFF0A4D087006BF810102A08000") == "6A88"


def test_a_usage_counter_is_told_and_at_zero_the_code_is_blocked(carte):
    une = carte("banc/cps-01", lambda f: f["cps"]["pin"].update(usage_left=1))
    send(une, "00A4000C023F00")
    assert b"\x9d\x02\x00\x01" in follow(une, "00CB3FFF0A4D087006BF810102A08000")[0]
    assert send(une, CODE) == "9000"
    assert send(une, "00200001") == "6983"


def test_the_tries_left_outlive_the_card_only_when_a_folder_keeps_them(carte, tmp_path):
    assert send(carte("banc/cps-01", etat=tmp_path), FAUX) == "63C2"
    assert send(carte("banc/cps-01", etat=tmp_path), "00200001") == "63C2"
    assert send(carte("banc/cps-01"), "00200001") == "63C3"
    assert send(carte("banc/cps-07"), "00200001") == "6983"


def test_a_situation_is_read_after_the_code_and_holes_stay_holes(carte):
    une = carte("banc/cps-04")
    premiere = "00A4090C063F000001D120"
    assert play(une, premiere, "00B0000008") == "6982"
    assert play(une, CODE, "00A4090C063F000001D121") == "6A82"
    assert play(une, "00A4090C063F000001D122", "00B0000001") == "EE9000"
    send(une, premiere)
    lu, _ = follow(une, "00B0000000")
    ((tag, dedans),) = tlv(lu)
    assert tag == 0xEE
    dits = dict(tlv(dedans))
    assert dits[0x84] == b"PHARMACIE DE LA GARE"
    assert (dits[0x85], dits[0x86]) == (b"1750012345", b"SA33")
    une.reset()
    assert play(une, premiere, "00B0000008") == "6982"


def test_free_data_end_with_the_speciality(carte):
    une = carte("banc/cps-02")
    assert send(une, "00A4090C063F000001D102") == "9000"
    assert follow(une, "00B0000000")[0].endswith(b"SM26")


@pytest.mark.parametrize(
    ("actua", "attendu"),
    [
        ({}, "EC00"),
        ({"debut": "20260301101500", "fin": None}, "EC09810720260301101500"),
        (
            {"debut": "20260301101500", "fin": "20260301101512"},
            "EC12810720260301101500820720260301101512",
        ),
    ],
)
def test_the_update_marker_is_absent_empty_cut_short_or_whole(carte, actua, attendu):
    une = carte("banc/cps-01", lambda f: f["cps"].update(ef_actua=actua))
    send(une, "00A4090C043F00D010")
    assert follow(une, "00B0000000")[0].hex().upper() == attendu


def test_the_signature_of_a_digest_is_verified_with_the_certificate(carte):
    une = carte("banc/cps-01")
    empreinte = hashlib.sha256(b"une ordonnance").digest()
    signer = command("002A9E9A", empreinte, "00")
    assert send(une, IAS) == "9000"
    assert send(une, MSE_SIGNER) == "9000"
    assert send(une, signer) == "6982"
    assert send(une, CODE) == "9000"
    signature, sw = follow(une, signer)
    assert (len(signature), sw) == (256, "9000")
    certificate(une, "A002").public_key().verify(
        signature, empreinte, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())
    )


def test_signing_asks_for_a_key_chosen_a_digest_of_its_length_and_a_code(carte):
    une = carte("banc/cps-01")
    play(une, IAS, CODE)
    assert send(une, command("002A9E9A", bytes(32), "00")) == "6985"
    play(une, MSE_SIGNER)
    assert send(une, command("002A9E9A", bytes(20), "00")) == "6A80"
    assert send(une, command("00880000", bytes(51), "00")) == "6985"
    assert send(une, "002241B606800142840102") == "6A88"
    assert send(une, "002241B606800128840101") == "6A80"
    assert send(une, command("002A9E9A", bytes(32), "00")) == "6985"
    une.reset()
    assert send(une, MSE_SIGNER) == "6985"


def test_authentication_signs_what_it_is_given_up_to_forty_percent(carte):
    une = carte("banc/cps-01")
    play(une, IAS, CODE, "002241A406800102840102")
    donnees = SHA256_INFO + hashlib.sha256(b"defi").digest()
    signature, sw = follow(une, command("00880000", donnees, "00"))
    assert sw == "9000"
    certificate(une, "A001").public_key().verify(
        signature, b"defi", padding.PKCS1v15(), hashes.SHA256()
    )
    assert send(une, command("00880000", bytes(102), "00")) == "6100"
    assert send(une, command("00880000", bytes(103), "00")) == "6700"


def test_the_last_round_of_a_hash_is_made_by_the_card(carte):
    """The state after no block at all is the initial value of SHA-256 (FIPS 180-4 §5.3.3)."""
    une = carte("banc/cps-01")
    initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
    dernier = b"une ordonnance"
    donnees = b"\x90\x28" + bytes.fromhex(initial) + struct.pack(">Q", 0)
    donnees += bytes([0x80, len(dernier)]) + dernier
    play(une, IAS, CODE, "002241AA03800140", command("002A90A0", donnees), MSE_SIGNER)
    signature, sw = follow(une, "002A9E9A00")
    assert sw == "9000"
    certificate(une, "A002").public_key().verify(
        signature, dernier, padding.PKCS1v15(), hashes.SHA256()
    )


def test_deciphering_takes_its_cryptogram_in_a_chain(carte):
    une = carte("banc/cps-01")
    play(une, IAS, CODE, "002241B80680011A840102")
    chiffre = b"\x81" + certificate(une, "A001").public_key().encrypt(b"secret", padding.PKCS1v15())
    assert send(une, command("102A8086", chiffre[:200])) == "9000"
    assert follow(une, command("002A8086", chiffre[200:], "00")) == (b"secret", "9000")


def test_the_old_volet_speaks_its_own_words(carte):
    une = carte("banc/cps-01")
    assert send(une, "A0A40000023F00") == "9F07"
    assert send(une, "A0C0000007") == "850500003F00019000"
    assert send(une, "A0A40000024FFF") == "9404"
    assert send(une, "A0A40000024010") == "9F07"
    send(une, "A0A40000023F00")
    fci, _ = follow(une, "A0A40000024010")
    assert fci[4:] == bytes.fromhex("401004")
    assert send(une, "A0B0000001") == "9804"
    assert send(une, "A0" + FAUX[2:]) == "63C2"
    assert send(une, "A0" + CODE[2:]) == "9000"
    assert send(une, "A0B0000001") == "EE9000"
    assert send(une, "A0A40100023F00") == "6B00"
    assert send(une, "A0F2000000") == "6D00"
    send(une, "A0A40000023F00")
    assert send(une, "A0A40000027F01") == "9F07"
    assert send(une, "A0A40000024000") == "9F07"


# --- CPS4, contactless ---


def applet(une):
    """ChipDoc chosen, its loss of the card file behind us."""
    assert send(une, CHIPDOC) == "9000"
    assert send(une, "01200001") == "6985"
    play(une, RELANCE, CPS2TER, CHIPDOC)
    assert send(une, "01200001") == "63C3"


def test_a_cps4_loses_its_applet_once_and_wants_the_whole_sequence(carte):
    une = carte("banc/cps-05")
    play(une, CHIPDOC)
    assert send(une, "01200001") == "6985"
    assert send(une, CHIPDOC) == "6985"
    assert play(une, RELANCE, CPS2TER, CHIPDOC, "01200001") == "63C3"
    une.power_on()
    assert play(une, CHIPDOC, "01200001") == "63C3"


def test_a_cps4_answers_nothing_of_the_cps3(carte):
    une = carte("banc/cps-05")
    assert send(une, IAS) == "6A82"
    assert send(une, "00A4000C023F00") == "6A82"
    assert send(une, CODE) == "6D00"
    assert send(une, "01200001") == "6985"
    assert send(une, "A0A40000023F00") == "6E00"
    assert play(une, CPS2TER, "A0A40000023F00") == "9F07"


@pytest.mark.parametrize(
    ("alg", "pss"),
    [("28", False), ("2C", True)],
)
def test_a_cps4_signs_in_both_paddings(carte, alg, pss):
    une = carte("banc/cps-05")
    applet(une)
    empreinte = hashlib.sha256(b"une ordonnance").digest()
    signer = command("012A9E9A", empreinte, "00")
    assert send(une, f"012281B6049102{alg}81") == "9000"
    assert send(une, signer) == "6982"
    assert send(une, "01" + CODE[2:]) == "9000"
    signature, sw = follow(une, signer)
    assert sw == "9000"
    remplissage = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
    certificate(une, "A002", "01").public_key().verify(
        signature, empreinte, remplissage, utils.Prehashed(hashes.SHA256())
    )


def test_a_cps4_authenticates_by_deciphering_a_block_already_padded(carte):
    une = carte("banc/cps-05")
    applet(une)
    info = SHA256_INFO + hashlib.sha256(b"defi").digest()
    bloc = b"\x00\x01" + b"\xff" * (253 - len(info)) + b"\x00" + info
    play(une, "01" + CODE[2:], "012241B803830120", command("112A8086", bloc[:128]))
    signature, sw = follow(une, command("012A8086", bloc[128:], "00"))
    assert sw == "9000"
    certificate(une, "A001", "01").public_key().verify(
        signature, b"defi", padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(
    ("commande", "attendu"),
    [
        ("012281B60491022881", "9000"),
        ("012281B60491029981", "6A80"),
        ("012281B60491022820", "6A88"),
        ("012241B803830121", "6A88"),
        ("012241A406800102840102", "6A86"),
        ("0188000000", "6D00"),
        ("01CB3FFF0A4D087006BF810102A08000", "6D00"),
    ],
)
def test_a_cps4_refuses_other_keys_and_algorithms(carte, commande, attendu):
    une = carte("banc/cps-05")
    applet(une)
    assert send(une, commande) == attendu


def test_a_cps4_in_emulation_answers_as_a_cps3(carte):
    une = carte("banc/cps-10")
    assert une.atr.startswith(bytes.fromhex("3B9B18"))
    assert send(une, IAS) == "9000"
    assert send(une, "00200001") == "63C3"
    assert send(une, CHIPDOC) == "6E00"


def test_without_contact_there_is_no_code_and_no_signature(carte):
    une = carte("banc/cps-11")
    assert send(une, IAS) == "6A82"
    assert send(une, IAS[:-2] + "20") == "9000"
    assert send(une, CODE) == "6D00"
    assert send(une, MSE_SIGNER) == "6A88"
    assert send(une, "00A4090C063F000001D120") == "6A82"
    assert play(une, "00A4090C063F0000017001", "00B0000001") == "6982"
    play(une, "002241A406800102840102")
    donnees = SHA256_INFO + hashlib.sha256(b"defi").digest()
    signature, sw = follow(une, command("00880000", donnees, "00"))
    assert sw == "9000"
    certificate(une, "A001").public_key().verify(
        signature, b"defi", padding.PKCS1v15(), hashes.SHA256()
    )


# --- Certificates ---


def names(certificat, oid):
    return [a.value for a in certificat.subject.get_attributes_for_oid(oid)]


def extension(certificat, oid):
    return certificat.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value.value


def test_the_subject_of_today_holds_the_holder_in_one_rdn(carte):
    certificat = certificate(carte("banc/cps-01"), "A001")
    dernier = list(certificat.subject.rdns)[-1]
    assert {a.oid for a in dernier} == {
        NameOID.GIVEN_NAME,
        NameOID.SURNAME,
        NameOID.COMMON_NAME,
    }
    assert names(certificat, NameOID.COMMON_NAME) == ["810100000115"]
    assert names(certificat, NameOID.TITLE) == ["Pharmacien"]
    assert names(certificat, NameOID.ORGANIZATION_NAME) == []
    assert "TEST" in certificat.issuer.rfc4514_string()
    assert extension(certificat, "1.2.250.1.71.1.2.2").hex() == "020100"
    assert extension(certificat, "1.2.250.1.71.1.2.3") == b"\x13\x158025000001/2500577301"
    assert extension(certificat, "1.2.250.1.71.1.2.5").hex() == "040180"
    assert extension(certificat, "1.2.250.1.71.1.2.7").hex() == "020115"
    with pytest.raises(x509.ExtensionNotFound):
        extension(certificat, "1.2.250.1.71.4.2.5")


def test_the_subject_of_before_and_its_speciality(carte):
    certificat = certificate(carte("banc/cps-02"), "A002")
    assert names(certificat, NameOID.ORGANIZATIONAL_UNIT_NAME) == ["Pharmacien"]
    assert names(certificat, NameOID.ORGANIZATION_NAME) == ["TEST"]
    assert extension(certificat, "1.2.250.1.71.4.2.5").hex() == "30060c04534d3236"
    usage = certificat.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment


def test_a_nameless_card_has_an_organisation_and_no_name(carte):
    certificat = certificate(carte("banc/cps-03"), "A001")
    assert names(certificat, NameOID.SURNAME) == names(certificat, NameOID.GIVEN_NAME) == []
    assert names(certificat, NameOID.ORGANIZATION_NAME) == ["PHARMACIE DE LA GARE"]
    assert names(certificat, NameOID.COMMON_NAME) == ["1750012345/0007"]


def test_each_pair_is_for_its_use(carte):
    une = carte("banc/cps-01")
    auth, sig = certificate(une, "A001"), certificate(une, "A002")
    usages = [c.extensions.get_extension_for_class(x509.KeyUsage).value for c in (auth, sig)]
    assert [u.digital_signature for u in usages] == [True, False]
    assert [u.content_commitment for u in usages] == [False, True]
    ekus = [
        set(c.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) for c in (auth, sig)
    ]
    assert ExtendedKeyUsageOID.CLIENT_AUTH in ekus[0]
    assert ekus[1] == {ExtendedKeyUsageOID.EMAIL_PROTECTION}
    assert auth.public_key().public_numbers() != sig.public_key().public_numbers()


def test_the_expired_card_is_expired(carte):
    certificat = certificate(carte("banc/cps-06"), "A001")
    assert certificat.not_valid_after_utc.timestamp() < time.time()


# --- Appli carte Vitale ---


def test_a_phone_gives_its_text_in_blocks_after_its_name(carte):
    une = carte("banc/apcv-03")
    assert une.atr.hex().upper() == "3B80800101"
    assert send(une, "00B0000000") == "6986"
    assert send(une, "00A4040009F04150435653494D3200") == "6A82"
    assert send(une, "00A4040009F04150435653494D3100") == "9000"
    lu, bloc, i = b"", None, 0
    while bloc is None or len(bloc) == 256:
        bloc, sw = follow(une, f"00B0{i:02X}0000")
        assert sw == "9000"
        lu, i = lu + bloc, i + 1
    texte = lu.decode("utf-8")
    assert re.fullmatch(r"APCVSIM1\.[A-Za-z0-9_-]{40,900}\.[A-Za-z0-9_-]{86}", texte)
    charge = texte.split(".")[1]
    dit = json.loads(base64.urlsafe_b64decode(charge + "=" * (-len(charge) % 4)))
    assert dit["usage"] == "delegue"
    assert dit["exp"] - dit["iat"] == 120
    assert set(dit) == {"ctx", "iat", "exp", "usage", "n"}


def test_a_phone_may_show_a_text_minted_by_the_service(carte):
    une = carte("banc/apcv-01", lambda f: f["apcv"].update(texte="APCVSIM1.abc.def"))
    send(une, "00A4040009F04150435653494D3100")
    assert follow(une, "00B0000000") == (b"APCVSIM1.abc.def", "9000")


# --- Faults ---


def faulty(*fautes):
    return lambda f: f.update(faults=list(fautes))


def test_pull_counts_commands_and_the_card_is_gone_after(carte):
    une = carte("banc/vitale-01", faulty({"on": "apdu", "n": 3, "do": "pull"}))
    assert play(une, LE_MF, VITALE) == "9000"
    for _ in range(2):
        with pytest.raises(CarteRetiree):
            send(une, "00B0820000")


def test_a_status_replaces_the_answer_of_the_command_that_matches_once(carte):
    une = carte("banc/vitale-01", faulty({"on": "apdu", "match": "00B0", "do": "sw", "sw": "6F00"}))
    assert play(une, LE_MF, "00B0820001") == "6F00"
    assert send(une, "00B0820001") == "659000"


def test_a_dropped_exchange_is_empty_once(carte):
    une = carte("banc/vitale-01", faulty({"on": "apdu", "n": 2, "do": "drop"}))
    assert play(une, LE_MF, "00B0820001") == ""
    assert send(une, "00B0820001") == "659000"


def test_garbage_has_the_length_of_what_it_replaces(carte):
    une = carte("banc/vitale-01", faulty({"on": "apdu", "match": "00B0", "do": "garbage"}))
    send(une, LE_MF)
    gache = send(une, "00B0820040")
    assert (len(gache), gache[-4:]) == (132, "9000")
    assert gache != send(une, "00B0820040")


def test_a_delay_waits_then_answers(carte):
    attendus = []
    une = carte(
        "banc/vitale-01",
        faulty({"on": "apdu", "do": "delay", "ms": 8000}),
        attendre=attendus.append,
    )
    assert send(une, LE_MF) == "9000"
    assert attendus == [8.0]


def test_a_card_that_hangs_answers_nothing_until_it_is_taken_out(carte):
    une = carte("banc/vitale-01", faulty({"on": "apdu", "do": "hang"}))
    partie = threading.Event()

    def ask():
        with pytest.raises(CarteRetiree):
            send(une, LE_MF)
        partie.set()

    threading.Thread(target=ask, daemon=True).start()
    assert not partie.wait(0.1)
    une.remove()
    assert partie.wait(5)


def test_a_mute_card_shows_nonsense_until_the_next_power_on(carte):
    une = carte("banc/vitale-01", faulty({"on": "power", "do": "mute"}))
    assert une.atr == b"\x00"
    une.power_on()
    assert une.atr.hex() == "3b751300004409ea9000"


def test_faults_of_the_same_command_happen_one_after_the_other(carte):
    une = carte(
        "banc/vitale-01",
        faulty(
            {"on": "apdu", "do": "sw", "sw": "6F01"},
            {"on": "apdu", "do": "sw", "sw": "6F02"},
            {"on": "apdu", "match": "00A4", "n": 2, "do": "sw", "sw": "6F03", "repeat": True},
        ),
    )
    recus = [send(une, LE_MF) for _ in range(7)]
    assert recus[:2] == ["6F01", "6F02"]
    assert set(recus[2:]) == {"9000", "6F03"}
