"""The CPS by APDU, on virtual cards written from the specification by another hand."""

import hashlib

import pytest

from agent.cards.cps.signature import check_own
from agent.cards.cps.usage import CodePerdu
from agent.cards.cps.volets import CpsApdu
from agent.protocol.messages import ErreurAgent
from tests.agent.canal import ATR_SANS_CONTACT, CanalVirtuel, cps

MARTIN = "cps-martin"
EMPREINTE = hashlib.sha256(b"texte").digest()
GENERATIONS = ["CPS3", "CPS4"]


@pytest.fixture
def ouvrir(tls):
    """Open a CPS: the card as the agent sees it, and its channel."""

    def ouvre(**champs):
        canal = CanalVirtuel(cps(MARTIN, **champs), tls)
        return CpsApdu(canal), canal

    return ouvre


def code(acte, *args):
    with pytest.raises(ErreurAgent) as refus:
        acte(*args)
    return refus.value.code


def certificat(tls, cle):
    return (tls / f"cps/810100000040-{cle}.der").read_bytes()


@pytest.mark.exigence("AGT-01", "AGT-02")
@pytest.mark.cas("agent-20", "agent-32")
@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_public_part_is_read_without_the_code(ouvrir, generation):
    carte, canal = ouvrir(generation=generation)
    public = carte.public()
    assert {nom: public[nom] for nom in ("id_nat", "nom", "prenom", "profession", "serie")} == {
        "id_nat": "810100000040",
        "nom": "MARTIN",
        "prenom": "ALICE",
        "profession": 21,
        "serie": "2500577254",
    }
    assert (public["generation"], public["nominative"]) == (generation, True)
    assert "situations" not in public
    assert canal.sent("0020") + canal.sent("0120") == 0


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_speciality_not_in_the_certificate_is_that_of_the_card(ouvrir, generation):
    assert ouvrir(generation=generation, specialites=["SM26"])[0].public()["specialites"] == [
        "SM26"
    ]
    assert ouvrir(generation=generation)[0].public()["specialites"] == []


@pytest.mark.cas("agent-33")
@pytest.mark.parametrize("generation", GENERATIONS)
def test_situations_keep_their_indexes_and_their_holes(ouvrir, generation):
    situations = [
        {
            "index": index,
            "raison_sociale": f"PHARMACIE N° {index}",
            "struct_id_nat": f"175001234{index % 10}",
            "secteur": "SA33",
        }
        for index in (1, 3, 16)
    ]
    carte, _ = ouvrir(generation=generation, situations=situations)
    with pytest.raises(CodePerdu):
        carte.situations()
    carte.login(bytearray(b"1234"))
    assert carte.situations() == situations


def sans_premier_volet(canal):
    """The first volet of the card forgets its situations; the CPS2ter volet keeps them."""
    puce = canal.carte._puce
    arbre = (puce._chipdoc or puce._volets[0x00]).arbre
    for chemin in [c for c in arbre._fichiers if c.startswith("3F000001D12")]:
        del arbre._fichiers[chemin]


@pytest.mark.exigence("AGT-02")
@pytest.mark.cas("agent-33")
@pytest.mark.parametrize(
    "champs", [{"generation": "CPS4"}, {"generation": "CPS4", "emulation": "CPS3"}, {}]
)
def test_situations_that_only_the_old_volet_holds_are_read_there(ouvrir, tls, champs):
    longue = "PHARMACIE " + "X" * 230  # more than one READ BINARY
    voulues = [
        {"index": 2, "raison_sociale": "A", "struct_id_nat": "1750012345", "secteur": "SA33"},
        {"index": 16, "raison_sociale": longue, "struct_id_nat": "1752026005", "secteur": "SA07"},
    ]
    carte, canal = ouvrir(situations=voulues, **champs)
    sans_premier_volet(canal)
    with pytest.raises(CodePerdu):
        carte.situations()
    carte.login(bytearray(b"1234"))
    assert carte.situations() == voulues
    # The old volet selected meanwhile does not disturb the signature that follows.
    signees = carte.sign("sig", "RS256", [EMPREINTE])
    check_own(certificat(tls, "sig"), "RS256", [EMPREINTE], signees)


@pytest.mark.cas("agent-33")
@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_card_that_does_not_show_its_old_volet_has_no_situation(ouvrir, generation):
    carte, canal = ouvrir(generation=generation)
    sans_premier_volet(canal)
    for classe in (0xA0, 0x00) if generation == "CPS4" else (0xA0,):
        del canal.carte._puce._volets[classe]
    carte.login(bytearray(b"1234"))
    assert carte.situations() == []


@pytest.mark.exigence("AGT-02")
def test_a_cps4_in_emulation_is_driven_as_a_cps3(ouvrir, tls):
    carte, canal = ouvrir(generation="CPS4", emulation="CPS3")
    public = carte.public()
    assert (public["id_nat"], public["generation"]) == ("810100000040", "CPS4")
    assert carte.pin_state().essais == 3
    assert code(carte.login, bytearray(b"9417")) == "E_CPS_PIN_WRONG"
    assert carte.login(bytearray(b"1234")).etat == "presentee"
    for cle in ("auth", "sig"):
        signees = carte.sign(cle, "RS256", [EMPREINTE])
        check_own(certificat(tls, cle), "RS256", [EMPREINTE], signees)
    assert code(carte.sign, "sig", "PS256", [EMPREINTE]) == "E_SIGN_ALG"
    assert canal.sent("01A4") == 1  # asked once


@pytest.mark.cas("agent-35", "agent-36")
@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_counter_is_the_cards_and_a_code_is_given_once(ouvrir, generation):
    carte, canal = ouvrir(generation=generation)
    verify = "0120000104" if generation == "CPS4" else "0020000104"
    assert carte.pin_state().essais == 3
    for reste in (2, 1):
        saisi = bytearray(b"9417")
        with pytest.raises(ErreurAgent) as refus:
            carte.login(saisi)
        assert (refus.value.code, refus.value.details) == (
            "E_CPS_PIN_WRONG",
            {"tries_left": reste},
        )
        assert saisi == bytearray(4)
        assert carte.pin_state().essais == reste
    assert code(carte.login, bytearray(b"9417")) == "E_CPS_PIN_LOCKED"
    assert (carte.pin_state().etat, carte.pin_state().essais) == ("bloquee", 0)
    assert code(carte.login, bytearray(b"1234")) == "E_CPS_PIN_LOCKED"
    assert canal.sent(verify) == 4


def test_a_usage_counter_at_zero_is_no_try_left(ouvrir):
    def essais(reste):
        fichier = cps(MARTIN)["cps"]["pin"] | {"usage_left": reste}
        return ouvrir(pin=fichier)[0].pin_state().essais

    assert (essais(5), essais(0)) == (3, 0)


@pytest.mark.cas("agent-40")
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("cle", ["auth", "sig"])
def test_five_digests_are_signed_in_order_once_the_code_is_given(ouvrir, tls, generation, cle):
    carte, _ = ouvrir(generation=generation)
    empreintes = [hashlib.sha256(bytes([n])).digest() for n in range(5)]
    with pytest.raises(CodePerdu):
        carte.sign(cle, "RS256", empreintes)
    assert carte.login(bytearray(b"1234")).etat == "presentee"
    signatures = carte.sign(cle, "RS256", empreintes)
    check_own(certificat(tls, cle), "RS256", empreintes, signatures)
    assert code(check_own, certificat(tls, cle), "RS256", empreintes, signatures[::-1]) == (
        "E_SIGN_FAILED"
    )


@pytest.mark.cas("agent-45")
def test_pss_is_for_the_signature_key_of_a_cps4(ouvrir, tls):
    trois, _ = ouvrir()
    quatre, canal = ouvrir(generation="CPS4")
    for carte, cle in ((trois, "sig"), (trois, "auth"), (quatre, "auth")):
        assert code(carte.sign, cle, "PS256", [EMPREINTE]) == "E_SIGN_ALG"
    assert code(quatre.sign, "sig", "RS512", [EMPREINTE]) == "E_SIGN_ALG"
    assert canal.sent("") == 0
    quatre.login(bytearray(b"1234"))
    signatures = quatre.sign("sig", "PS256", [EMPREINTE])
    check_own(certificat(tls, "sig"), "PS256", [EMPREINTE], signatures)
    assert code(check_own, certificat(tls, "sig"), "RS256", [EMPREINTE], signatures) == (
        "E_SIGN_FAILED"
    )


def perdre(canal, rang=1):
    """The applet is lost before the `rang`-th command from now."""
    une = canal._une
    compte = iter(range(1, 10_000))

    def jouer(apdu):
        if next(compte) == rang:
            canal.carte._puce.lose_applet()
        return une(apdu)

    canal._une = jouer


@pytest.mark.exigence("AGT-02")
@pytest.mark.cas("agent-46")
@pytest.mark.parametrize("rang", range(1, 14))
def test_a_cps4_that_loses_its_applet_finds_it_again_unseen(ouvrir, tls, rang):
    carte, canal = ouvrir(generation="CPS4")
    perdre(canal, rang)
    assert carte.login(bytearray(b"1234")).etat == "presentee"
    assert carte.pin_state().essais == 3
    signatures = carte.sign("sig", "RS256", [EMPREINTE]) + carte.sign("auth", "RS256", [EMPREINTE])
    for cle, signature in zip(("sig", "auth"), signatures, strict=True):
        check_own(certificat(tls, cle), "RS256", [EMPREINTE], [signature])
    autre, canal = ouvrir(generation="CPS4")
    perdre(canal, rang)
    assert autre.public()["nom"] == "MARTIN"
    assert canal.sent("01A4040C07") == 1


def test_a_cps4_that_never_finds_its_applet_is_said(ouvrir):
    carte, _ = ouvrir(
        generation="CPS4",
        faults=[{"on": "apdu", "match": "01B0", "do": "sw", "sw": "6985", "repeat": True}],
    )
    with pytest.raises(ErreurAgent) as refus:
        carte.public()
    assert (refus.value.code, refus.value.details) == ("E_CARD_PROTOCOL", {"sw": "6985"})


@pytest.mark.cas("agent-46")
def test_a_wrong_code_after_a_lost_applet_spends_one_try_only(ouvrir):
    carte, canal = ouvrir(generation="CPS4")
    perdre(canal, 3)
    assert code(carte.login, bytearray(b"9417")) == "E_CPS_PIN_WRONG"
    assert carte.pin_state().essais == 2


@pytest.mark.cas("agent-47")
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("actua", "sain"),
    [
        ({"debut": "20260301101500", "fin": "20260301101700"}, True),
        ({"debut": "20260301101500", "fin": None}, False),
        ({"debut": None, "fin": None}, False),
        ({"debut": "20260301101500", "fin": "20261399101700"}, False),
    ],
)
def test_an_update_cut_short_makes_the_card_unusable(ouvrir, generation, actua, sain):
    carte, _ = ouvrir(generation=generation, ef_actua=actua)
    if sain:
        assert carte.public()["nom"] == "MARTIN"
    else:
        assert code(carte.public) == "E_CPS_BAD_ACTUA"


@pytest.mark.cas("agent-21")
@pytest.mark.parametrize(
    ("generation", "match", "acte"),
    [
        ("CPS3", "0020", lambda c: c.login(bytearray(b"1234"))),
        ("CPS4", "0120000104", lambda c: c.login(bytearray(b"1234"))),
        ("CPS3", "0088", lambda c: c.sign("auth", "RS256", [EMPREINTE])),
        ("CPS3", "002A", lambda c: c.sign("sig", "RS256", [EMPREINTE])),
        ("CPS4", "012A", lambda c: c.sign("sig", "RS256", [EMPREINTE])),
        ("CPS4", "112A", lambda c: c.sign("auth", "RS256", [EMPREINTE])),
    ],
)
def test_a_code_or_a_signature_lost_on_the_way_is_never_sent_again(ouvrir, generation, match, acte):
    carte, canal = ouvrir(
        generation=generation, faults=[{"on": "apdu", "match": match, "do": "drop"}]
    )
    if "20" not in match:
        carte.login(bytearray(b"1234"))
    assert code(acte, carte) == "E_CARD_REMOVED"
    assert canal.sent(match) == 1


@pytest.mark.cas("agent-21")
def test_a_reading_lost_on_the_way_is_asked_again(ouvrir):
    carte, _ = ouvrir(faults=[{"on": "apdu", "match": "00B0", "do": "drop"}])
    assert carte.public()["nom"] == "MARTIN"


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("fautes", "attendu"),
    [
        ([{"on": "apdu", "match": "B0", "do": "sw", "sw": "6F00"}], "E_CARD_PROTOCOL"),
        ([{"on": "apdu", "match": "A404", "do": "sw", "sw": "6A82"}], "E_CARD_UNKNOWN"),
        ([{"on": "apdu", "match": "A404", "do": "sw", "sw": "6F00"}], "E_CARD_PROTOCOL"),
        ([{"on": "apdu", "match": "A409", "do": "sw", "sw": "6F00"}], "E_CARD_PROTOCOL"),
        ([{"on": "apdu", "match": "B0", "do": "garbage", "repeat": True}], "E_CARD_UNKNOWN"),
    ],
)
def test_what_the_card_answers_wrong_is_named(ouvrir, generation, fautes, attendu):
    classe = "01" if generation == "CPS4" else "00"
    fautes = [f | {"match": classe + f["match"]} for f in fautes]
    assert code(ouvrir(generation=generation, faults=fautes)[0].public) == attendu


def test_a_card_without_contact_or_of_unknown_generation_is_not_read_so(tls):
    for atr, attendu in (
        (ATR_SANS_CONTACT, "E_NOT_SUPPORTED"),
        ("3B7B18000000122500648000049000", "E_CPS_LIB_MISSING"),
        ("3B7B180000001225006480000490", "E_CPS_LIB_MISSING"),
    ):
        canal = CanalVirtuel(cps(MARTIN), tls)
        canal.atr = bytes.fromhex(atr)
        assert code(CpsApdu, canal) == attendu


def test_no_code_on_keys_the_reader_does_not_have(ouvrir):
    assert code(ouvrir()[0].login, None) == "E_NOT_SUPPORTED"


def test_the_card_forgets_when_its_power_is_cut(ouvrir):
    carte, canal = ouvrir()
    carte.login(bytearray(b"1234"))
    carte.logout()
    assert carte.sign("sig", "RS256", [EMPREINTE])
    canal.carte.reset()
    with pytest.raises(CodePerdu):
        carte.sign("sig", "RS256", [EMPREINTE])
