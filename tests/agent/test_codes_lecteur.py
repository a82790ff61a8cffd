"""What devices read, beyond the common codes: damaged, unsure, foreign; and that none raises."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protocol import aim, claviers, doc2d, gs1
from agent.protocol.classification import Motifs, lire_code
from agent.scanner import Appareil, build_scan

GS, RS, US = "\x1d", "\x1e", "\x1f"
BOITE = "0103400930000014"
NUMERO = "01K7M4QX9TRB2VWZ3H"
ENTETE_2D = "DC04FR0000011FFF20000702FR"


def sur_azerty(texte):
    """What a PC set in French shows when the scanner believes it is American."""
    return "".join(claviers._VERS_FR.get(c, c) for c in texte)


def sur_qwerty(texte):
    """What a PC set in English shows when the scanner believes it is French."""
    return "".join(claviers._VERS_US.get(c, c) for c in texte)


def majuscule(texte):
    """What a French PC shows, caps lock on, when a French scanner holds shift for it."""
    return texte.translate(str.maketrans("1234567890", "&é\"'(-è_çà")).lower()


# GS1


@pytest.mark.parametrize("ai", ["30", "37", "240", *map(str, range(710, 717))])
def test_every_field_of_a_box_that_we_know_is_cut(ai):
    lu = gs1.parse(f"{BOITE}{ai}123{GS}11260101{GS}1326010115260131")
    assert (lu.champs[ai], lu.champs["11"], lu.champs["15"]) == ("123", "2026-01-01", "2026-01-31")
    assert (lu.erreurs, lu.ambigu) == ((), False)


@pytest.mark.parametrize(
    ("texte", "champs", "erreur"),
    [
        (f"99ZZ{GS}{BOITE}", {"01": BOITE[2:]}, "ai_inconnu"),
        (f"{BOITE}10A{GS}10B", {"01": BOITE[2:]}, "ai_double"),
        (f"{BOITE}10A{GS}10A", {"01": BOITE[2:], "10": "A"}, "ai_double"),
        (f"{BOITE}10{'L' * 21}{GS}21X", {"01": BOITE[2:], "21": "X"}, "valeur_10"),
    ],
)
def test_a_part_not_understood_is_said_and_the_rest_is_read(texte, champs, erreur):
    lu = gs1.parse(texte)
    if texte.startswith("99"):
        assert lu is None  # nothing says that it is a box
        texte = f"{BOITE}99ZZ{GS}21X"
        lu, champs = gs1.parse(texte), {"01": BOITE[2:], "21": "X"}
    assert (lu.champs, lu.erreurs) == (champs, (erreur,))
    assert lire_code("]d2" + texte, "scan").erreurs == (erreur,)


@pytest.mark.cas("agent-72")
def test_fields_after_a_doubtful_one_are_never_kept():
    lu = gs1.parse(f"{BOITE}17261200" + "21SERIE1710A")
    assert lu.ambigu
    assert lu.champs == {"01": BOITE[2:], "17": "2026-12-31"}
    assert 2 <= len(lu.candidats) <= 4


def test_a_wrong_key_is_refused_with_what_was_read():
    lu = lire_code("]d20103400930000015" + "17261231", "scan")
    assert (lu.suite, lu.erreurs) == ("refus", ("gtin_cle",))
    assert lu.message.endswith("Scannez de nouveau.")
    assert lire_code("0103400930000015" + "17261231", "scan").classe == "inconnu"


def test_a_gtin_followed_by_nothing_known_is_not_a_box_without_its_symbol():
    assert lire_code(f"{BOITE}ZZZZ", "scan").classe == "inconnu"
    assert lire_code(f"{BOITE}{GS}10A", "scan").classe == "gs1"
    assert lire_code(f"10A{GS}ZZ", "scan").classe == "inconnu"


# Symbols


@pytest.mark.parametrize("ident", sorted(aim.SYMBOLES))
def test_a_symbol_is_named_and_never_left_in_the_text(ident):
    lu = lire_code(ident + NUMERO, "scan")
    assert lu.aim == ident
    assert lu.as_dict()["symbole"] == aim.SYMBOLES[ident]
    assert lu.numero == NUMERO


def test_what_only_looks_like_a_symbol_is_text():
    assert aim.split("]]d2") == ("]]d2", "")
    assert lire_code("]Z9" + NUMERO, "scan").as_dict()["symbole"] == ""


# 2D-Doc


@pytest.mark.cas("agent-76")
def test_a_2d_doc_is_cut_and_not_believed():
    lu = doc2d.parse(f"{ENTETE_2D}10MARTIN{GS}11ALI{RS}12X{US}ABC234")
    assert lu.entete == {
        "version": "04",
        "autorite": "FR00",
        "certificat": "0001",
        "emission": "2022-06-05",
        "date_signature": "2022-06-06",
        "type": "07",
        "perimetre": "02",
        "pays": "FR",
    }
    assert (lu.blocs, lu.signature, lu.erreurs) == (("10MARTIN", "11ALI", "12X"), "ABC234", ())
    assert "MARTIN" not in repr(lu)
    code = lire_code(f"{ENTETE_2D}10MARTIN{GS}11ALI{US}ABC234", "scan")
    assert (code.classe, code.champs["type"], code.champs["blocs"]) == ("2ddoc", "07", "2")
    assert "MARTIN" not in str(code.champs)


@pytest.mark.cas("agent-76")
@pytest.mark.parametrize(
    ("texte", "erreurs"),
    [
        ("DC01FR000001FFFF000100" + f"46A{US}ABC", ()),
        ("DC03FR000001FFFF00010001" + f"46A{US}ABC", ()),
        ("DC03FR000001FFFF000100", ("2ddoc_entete", "2ddoc_signature")),
        ("DC04FR000001FFFF000100?!FR", ("2ddoc_entete", "2ddoc_signature")),
        ("DC02FR00000100010001ZZ46A", ("2ddoc_signature",)),
        (f"DC02FR00000100010001ZZ46A{US}abc", ("2ddoc_signature",)),
        ("DC02fr", ("2ddoc_entete",)),
    ],
)
def test_a_broken_2d_doc_says_what_is_broken(texte, erreurs):
    lu = doc2d.parse(texte)
    assert lu.erreurs == erreurs
    assert lu.entete["version"] == texte[2:4]
    assert lu.entete.get("emission", "") in {"", "2000-01-02"}


# Keyboards


@pytest.mark.exigence("AGT-05")
@pytest.mark.cas("agent-85")
@pytest.mark.parametrize("brouille", [sur_azerty, sur_qwerty])
@pytest.mark.parametrize(
    "texte",
    [NUMERO, f"{BOITE}17261231", "3400930000014", f"{ENTETE_2D}10MARTIN{US}ABC234"],
)
def test_what_comes_back_whole_from_another_keyboard_is_used_and_said(brouille, texte):
    tape = brouille(texte)
    lu, droit = lire_code(tape, "clavier"), lire_code(texte, "scan")
    assert (lu.classe, lu.numero, lu.champs) == (droit.classe, droit.numero, droit.champs)
    assert lu.repare is True
    assert lire_code(tape, "scan").classe == "inconnu"  # key codes need no guess


@pytest.mark.exigence("AGT-05")
@pytest.mark.cas("agent-86")
def test_caps_lock_is_undone_when_it_leaves_one_reading_only():
    assert lire_code(majuscule("01K7T4RX9TRB2VRX3H"), "clavier").numero == "01K7T4RX9TRB2VRX3H"
    # A, Q, W, Z are elsewhere on the other keyboard: two numbers are possible, none is used.
    douteux = lire_code(majuscule("01K7T4AX9TRB2VRX3H"), "clavier")
    assert (douteux.suite, douteux.numero, douteux.erreurs) == ("refus", "", ("clavier",))
    assert "n'est pas utilisé" in douteux.message


@pytest.mark.cas("agent-85")
def test_a_box_that_comes_back_with_a_doubt_is_not_used():
    tape = sur_azerty(f"{BOITE}1726120010ABC21XYZ1234")
    lu = lire_code(tape, "clavier")
    assert (lu.classe, lu.suite, lu.champs) == ("gs1", "refus", {})
    assert "autre clavier" in lu.message
    minuscules = lire_code(sur_azerty(f"{BOITE}17261200") + "10qa", "clavier")
    assert minuscules.suite == "refus"


@pytest.mark.parametrize(
    ("essai", "texte"),
    [
        (claviers.repair_azerty, "é¨"),
        (claviers.repair_qwerty, "abc"),
        (claviers.repair_qwerty, "!["),
        (claviers.repair_qwerty, "!{"),
        (claviers.repair_shift, "abc"),
        (claviers.repair_shift, "éA"),
        (claviers.repair_shift, "&&"),
    ],
)
def test_a_repair_without_a_sign_or_with_a_dead_key_is_not_tried(essai, texte):
    assert essai(texte) is None


@pytest.mark.cas("agent-85")
def test_the_symbol_of_a_box_comes_back_from_a_french_keyboard():
    lu = lire_code(sur_azerty(f"]d2{BOITE}1726123110A{GS}21B"), "clavier")
    assert (lu.aim, lu.champs["lot"], lu.champs["numero_serie"]) == ("]d2", "A", "B")


# Nothing raises


HOSTILE = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="01IDSC34!@#$%^&é\"'(-è_çà)]dQ2\x1d\x1e\x1f\x02azqwm", max_size=120),
    st.builds(lambda t: ENTETE_2D + t, st.text(max_size=80)),
    st.builds(lambda t: BOITE + t, st.text(alphabet="0123456789AZ\x1d", max_size=60)),
    st.builds(lambda t: "]d2" + t, st.text(max_size=80)),
)


@given(HOSTILE, st.sampled_from(["scan", "clavier", "saisie"]))
def test_no_text_of_any_kind_raises_nor_leaves_json(texte, canal):
    lu = lire_code(texte, canal, Motifs(badge="^B"))
    assert lu.suite in {"appel", "confirmation", "aiguillage", "refus", "rien"}
    assert lu.suite != "refus" or lu.message
    assert isinstance(lu.as_dict()["champs"], dict)


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_no_bytes_of_a_device_raise(morceaux):
    appareil = Appareil("comptoir", Motifs())
    for rang, octets in enumerate(morceaux):
        for nom, payload in [*appareil.feed(octets, rang), *appareil.flush(rang)]:
            assert nom in {"scan", "scan.rejected", "apcv"}
            if nom == "scan":
                assert isinstance(base64.b64decode(payload["bytes_b64"]), bytes)


@given(st.binary(max_size=400))
def test_the_bytes_of_a_reading_come_whole_beside_its_text(octets):
    scan = build_scan(octets, "comptoir", Motifs(), "comptoir")
    assert base64.b64decode(scan["bytes_b64"]) == octets
    assert scan["text"].encode("utf-8" if scan["encoding"] == "utf-8" else "latin-1") == octets
