"""The minimal reading of a carte Vitale: files to normalised object, pure (agent.md §2.2, §7.1)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cards.apcv_nfc import check_text, read_apcv
from agent.cards.vitale_min import LIMITES, build, read_vitale
from agent.cards.vitale_sesam import read_vitale as read_sesam
from agent.protocol.messages import ErreurAgent
from tests.agent.scard_feint import CPS_ATR, CarteFeinte, personne, tlv


class CanalDirect:
    """A card without reader nor service; 61xx and 6Cxx followed as a `Canal` does."""

    def __init__(self, carte):
        self.carte, self.atr = carte, carte.atr

    def transmit(self, apdu, *, rejouable=False):
        assert rejouable
        lu = self.carte.apdu(apdu)
        if lu[-2] == 0x6C:
            lu = self.carte.apdu(apdu[:-1] + lu[-1:])
        return lu[:-2], int.from_bytes(lu[-2:])


def lue(*personnes, **options):
    return read_vitale(CanalDirect(CarteFeinte(*personnes, **options)))


def refus(appel, *args):
    with pytest.raises(ErreurAgent) as leve:
        appel(*args)
    return leve.value.code, leve.value.details


@pytest.mark.exigence("AGT-02")
def test_a_card_gives_identity_and_the_insured_and_says_what_it_did_not_read():
    data = lue()
    porteur = data["beneficiaires"][0]
    assert (porteur["nom_usuel"], porteur["prenom"]) == ("PAT-TROIS", "DOMINIQUE")
    assert (porteur["date_naissance"], porteur["date_naissance_iso"]) == ("19790328", "1979-03-28")
    assert porteur["lunaire"] is False
    assert porteur["droits_amo"] is None
    assert (data["assure"]["nir"], data["assure"]["cle"]) == ("2790351215189", "89")
    assert data["assure"]["regime"] is None
    assert porteur["nir_certifie"] is None
    assert data["carte"]["date_debut_validite"] == "20180501"
    assert data["limites"] == list(LIMITES)
    assert data["anomalies"] == []


@pytest.mark.cas("agent-23")
@pytest.mark.parametrize("date", ["19402000", "19791300", "19790230", "20150900"])
def test_a_lunar_date_is_kept_as_it_is(date):
    porteur = lue(personne(naissance=date))["beneficiaires"][0]
    assert (porteur["date_naissance"], porteur["lunaire"]) == (date, True)
    assert porteur["date_naissance_iso"] is None


@pytest.mark.cas("agent-24")
def test_a_corsican_number_is_read_and_a_wrong_key_is_said_never_corrected():
    assert lue(personne(nir="185052A00412059"))["anomalies"] == []
    faux = lue(personne(nir="185052A00412058"))
    assert (faux["anomalies"], faux["assure"]["cle"]) == (["cle_nir"], "58")
    divers = lue(personne(), personne(naissance="19850312", nir="285037511604233"))
    assert divers["anomalies"] == ["nir_divers"]
    assert divers["assure"]["nir"] == "2790351215189"


@pytest.mark.cas("agent-25")
def test_twelve_persons_are_read_over_several_blocks():
    noms = [f"PAT-{n:02}" for n in range(1, 13)]
    carte = CarteFeinte(
        *[personne(nom=nom, naissance=f"200001{n + 1:02}") for n, nom in enumerate(noms)]
    )
    assert len(carte.fichiers["MF"]) > 256
    lus = read_vitale(CanalDirect(carte))["beneficiaires"]
    assert [p["nom_usuel"] for p in lus] == noms
    assert [p["numero"] for p in lus] == list(range(1, 13))


@pytest.mark.parametrize("bourrage", [0, 1, 32])
def test_a_file_that_ends_with_a_block_is_read_to_its_end(bourrage):
    carte = CarteFeinte()
    for nom, fichier in carte.fichiers.items():
        carte.fichiers[nom] = fichier.rstrip(b"\0").ljust(256 + bourrage, b"\0")
    au_dela = carte.answer

    def answer(a):
        rang = a[2] << 8 | a[3]
        fin = len(carte.fichiers["MF"])
        return b"\x6b\x00" if not a[2] & 0x80 and a[1] == 0xB0 and rang >= fin else au_dela(a)

    carte.answer = answer
    assert len(read_vitale(CanalDirect(carte))["beneficiaires"]) == 1


@pytest.mark.cas("agent-26")
def test_names_are_those_of_iso_8859_1():
    porteur = lue(personne(nom="D'ÉTÉ-ÇA", prenom="ÉLODIE"))["beneficiaires"][0]
    assert (porteur["nom_usuel"], porteur["prenom"]) == ("D'ÉTÉ-ÇA", "ÉLODIE")


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-22")
@pytest.mark.parametrize(
    ("identite", "nirs", "bloc"),
    [
        ("6520800341", "", "identite"),
        ("65", "", "identite"),
        ("6581", "", "identite"),
        ("658310000000", "", "identite"),
        ("6503800541", "", "identite"),
        ("00", "", "beneficiaires"),
        ("6600", "6500", "beneficiaires"),
        ("6500", "6500", "nir"),
        ("6500", "651193" + "0f" + b"12345678901234X".hex(), "nir"),
        ("6500", "65119320", "nir"),
        ("6500", "NIR", "identite"),
        (tlv(0x65, tlv(0x80, b"A") + tlv(0x82, b"1979 328")).hex(), "NIR", "identite"),
        (tlv(0x65, tlv(0x80, b"A\x01") + tlv(0x82, b"19790328")).hex(), "NIR", "identite"),
        (tlv(0x65, tlv(0x80, b"A") + tlv(0x82, b"19790328")).hex() + "6605", "NIR", "identite"),
    ],
)
def test_what_does_not_parse_is_refused_with_its_block(identite, nirs, bloc):
    bon = tlv(0x65, tlv(0x93, b"279035121518989"))
    octets = bon if nirs == "NIR" else bytes.fromhex(nirs)
    assert refus(build, bytes.fromhex(identite), octets) == ("E_VITALE_DATA", {"block": bloc})


def test_a_long_tag_is_passed_over():
    personne_a = tlv(0x65, tlv(0x80, b"A") + b"\x7f\x21\x02AB" + tlv(0x82, b"19790328"))
    data = build(b"\x5f\x37\x81\x01Z" + personne_a, tlv(0x65, tlv(0x93, b"279035121518989")))
    assert data["beneficiaires"][0]["nom_usuel"] == "A"
    assert data["carte"]["date_debut_validite"] is None


def test_twins_that_this_reading_cannot_tell_apart_are_said():
    assert lue(personne(prenom="LEA"), personne(prenom="LEO"))["anomalies"] == ["rang_gemellaire"]


@pytest.mark.cas("agent-8")
def test_files_of_two_cards_are_never_mixed():
    assert refus(lambda: lue(personne(), nirs=["279035121518989"] * 2)) == ("E_CARD_CHANGED", {})


@pytest.mark.parametrize(
    ("rang", "reponse", "code", "details"),
    [
        (1, "6A82", "E_CARD_UNKNOWN", {"atr_class": "vitale2"}),
        (1, "6982", "E_CARD_PROTOCOL", {"sw": "6982"}),
        (2, "6B00", "E_CARD_PROTOCOL", {"sw": "6B00"}),
        (2, "6982", "E_CARD_PROTOCOL", {"sw": "6982"}),
    ],
)
def test_a_status_that_was_not_expected_is_named(rang, reponse, code, details):
    carte = CarteFeinte()
    carte.au[rang] = lambda: bytes.fromhex(reponse)
    assert refus(read_vitale, CanalDirect(carte)) == (code, details)


def test_a_card_that_is_not_a_vitale_is_named():
    carte = CarteFeinte(atr=CPS_ATR)
    carte.answer = lambda _a: b"\x6a\x82"
    assert refus(read_vitale, CanalDirect(carte)) == ("E_CARD_UNKNOWN", {"atr_class": "cps"})


def test_a_file_without_end_is_not_read_for_ever():
    carte = CarteFeinte()
    carte.answer = lambda a: b"\x90\x00" if a[1] == 0xA4 else b"\x41" * 256 + b"\x90\x00"
    assert refus(read_vitale, CanalDirect(carte)) == ("E_VITALE_DATA", {"block": "fichier"})


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(identite, nirs):
    with contextlib.suppress(ErreurAgent):
        assert build(identite, nirs)["beneficiaires"]


def test_the_official_reading_says_that_it_is_absent():
    assert refus(read_sesam, CanalDirect(CarteFeinte())) == ("E_VITALE_API_MISSING", {})


# A phone laid on the reader

TELEPHONE = "APCVSIM1." + "N" * 400 + "." + "B" * 86


class Telephone:
    """§3.3: one application, its text by blocks."""

    def __init__(self, texte=TELEPHONE):
        self.texte = texte if isinstance(texte, bytes) else texte.encode()
        self.atr = bytes.fromhex("3B80800101")
        self.fin = b"\x90\x00"

    def apdu(self, a):
        if a[1] == 0xA4:
            return b"\x90\x00" if a[5:14] == b"\xf0APCVSIM1" else b"\x6a\x82"
        rang = a[2] << 8 | a[3]
        return (
            self.fin
            if rang and rang >= len(self.texte)
            else self.texte[rang : rang + 256] + b"\x90\x00"
        )

    def reset(self):
        pass


@pytest.mark.exigence("AGT-03")
@pytest.mark.parametrize("taille", [40, 255, 256, 257, 512, 4096])
@pytest.mark.parametrize("fin", [b"\x90\x00", b"\x6b\x00"])
def test_a_phone_gives_its_whole_text(taille, fin):
    telephone = Telephone("A" * taille)
    telephone.fin = fin
    lu = read_apcv(CanalDirect(telephone))
    assert lu == {"contexteApCV": "A" * taille, "mode": 2}


@pytest.mark.parametrize("texte", ["", "A\x01", "A" * 4097, "A" * 9000, b"\xff\xfe"])
def test_what_a_phone_gives_that_is_no_text_is_refused(texte):
    assert refus(read_apcv, CanalDirect(Telephone(texte))) == ("E_APCV_MALFORMED", {})


def test_a_card_without_the_application_is_no_phone():
    assert refus(read_apcv, CanalDirect(CarteFeinte())) == ("E_APCV_MALFORMED", {})
    muet = Telephone()
    muet.texte, muet.fin = b"A" * 256, b"\x69\x82"
    assert refus(read_apcv, CanalDirect(muet)) == ("E_APCV_MALFORMED", {})
    assert check_text("É".encode()) == "É"
