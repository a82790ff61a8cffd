"""The protocol core alone: messages, boxes, identities, keyboards; and whatever text comes."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protocol import claviers, gs1, ins, messages
from agent.protocol.classification import Motifs, lire_code
from agent.protocol.claviers import repair_azerty, repair_caps_lock
from agent.protocol.messages import ErreurAgent

GS = "\x1d"
BOITE = "0103400930000014"
NOM_MAX = "A" * 100


# Messages

TEXTES = st.text(max_size=40) | st.text(alphabet="\ud800\udfff\x00é0{}[]\"'\\", max_size=20)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTES,
    lambda x: st.lists(x, max_size=4) | st.dictionaries(TEXTES, x, max_size=4),
    max_leaves=20,
)
ENVELOPPES = st.fixed_dictionaries(
    {}, optional={"v": st.just(1) | JSONS, "type": JSONS, "id": JSONS, "payload": JSONS}
).map(json.dumps)


@given(st.text() | JSONS.map(json.dumps) | ENVELOPPES)
def test_any_frame_is_a_request_or_a_stable_code(trame):
    try:
        requete = messages.parse_request(trame)
    except ErreurAgent as erreur:  # its code must have a sentence: KeyError otherwise
        messages.build_error(messages.request_id(trame), erreur).encode()
    else:
        messages.build_response(requete.ident, requete.payload).encode()
        assert messages.request_id(trame) == requete.ident


@pytest.mark.parametrize(
    ("trame", "code"),
    [
        ('{"v":1,"type":"ping","id":""}', "E_PROTO_PAYLOAD"),
        ('{"v":1,"type":"ping","id":"a","payload":[]}', "E_PROTO_PAYLOAD"),
        ('{"v":1,"type":null,"id":"a"}', "E_PROTO_TYPE"),
        ('{"v":0,"type":"ping","id":"a"}', "E_PROTO_VERSION"),
        ("7", "E_PROTO_JSON"),
    ],
)
def test_a_malformed_envelope_has_its_code(trame, code):
    with pytest.raises(ErreurAgent, match=code):
        messages.parse_request(trame)
    assert messages.request_id(trame) in {"", "a"}


def test_a_request_does_not_show_its_payload():
    requete = messages.parse_request('{"v":1,"type":"auth","id":"a","payload":{"token":"secret"}}')
    assert requete.payload == {"token": "secret"}
    assert "secret" not in repr(requete)


@pytest.mark.cas("agent-64", "agent-65")
def test_limits_of_a_frame_are_exact():
    vide = '{"v":1,"type":"ping","id":"a","payload":{"t":""}}'
    plein = vide.replace('""', '"' + "x" * (messages.TAILLE_MAX - len(vide)) + '"')
    assert messages.parse_request(plein).verbe == "ping"
    with pytest.raises(ErreurAgent, match="E_TOO_BIG"):
        messages.parse_request(plein.replace("xx", "xxx", 1))
    profond = '{"v":1,"type":"ping","id":"a","payload":{"t":%s}}'
    assert messages.parse_request(profond % ("[" * 13 + "{}" + "]" * 13))
    with pytest.raises(ErreurAgent, match="E_PROTO_JSON"):
        messages.parse_request(profond % ("[" * 15 + "]" * 15))


@pytest.mark.exigence("AGT-10")
def test_each_code_has_a_sentence_and_a_next_step():
    for code, (_, phrase) in messages.ERREURS.items():
        trame = json.loads(messages.build_error("a", ErreurAgent(code)))
        assert trame["error"]["message"].endswith("."), code
        assert len(phrase) > 20


def test_frames_of_the_agent_are_versioned():
    bonjour = json.loads(messages.build_hello("", "i", "c", "1"))
    assert (bonjour["v"], bonjour["payload"]["enrolled"]) == (1, False)
    evenement = json.loads(messages.build_event("scan", 4, "t", {"é": 1}))
    assert (evenement["seq"], evenement["payload"]) == (4, {"é": 1})


# Boxes


@pytest.mark.cas("agent-71")
@pytest.mark.parametrize("prefixe", ["", GS, "]d2", "]d2" + GS, "]C1", "]Q3", "]e0"])
def test_a_box_is_read_whatever_announces_it(prefixe):
    lu = lire_code(f"{prefixe}{BOITE}1726120010ABC{GS}21XYZ", "scan")
    assert lu.classe == "gs1"
    assert lu.champs == {
        "gtin": "03400930000014",
        "cip13": "3400930000014",
        "peremption": "2026-12-31",
        "lot": "ABC",
        "numero_serie": "XYZ",
    }
    assert not lu.ambigu


@pytest.mark.cas("agent-72")
def test_lost_separators_give_no_lot_and_say_so():
    lu = lire_code(f"]d2{BOITE}1726120010ABC21XYZ1234", "scan")
    assert lu.ambigu
    assert lu.champs["gtin"] == "03400930000014"
    assert lu.champs["peremption"] == "2026-12-31"
    assert (lu.champs["lot"], lu.champs["numero_serie"]) == ("", "")
    assert {c.get("10") for c in lu.candidats} >= {"ABC", "ABC21XYZ1234"}


def test_a_long_lot_that_only_a_cut_explains_is_a_candidate():
    texte = f"{BOITE}10{'L' * 20}21SERIE"
    lu = gs1.parse(texte)
    assert lu.ambigu
    assert "10" not in lu.champs
    assert [c["10"] for c in lu.candidats] == ["L" * 20]
    assert gs1.parse(f"{BOITE}10{'L' * 18}21SERIE21").ambigu


@pytest.mark.cas("agent-73")
def test_a_serial_number_may_hold_what_looks_like_fields():
    lu = gs1.parse(f"{BOITE}21A10B17C{GS}17261231")
    assert (lu.champs["21"], lu.champs["17"], lu.ambigu) == ("A10B17C", "2026-12-31", False)


@pytest.mark.parametrize(
    ("texte", "erreurs"),
    [
        (f"0103400930000015{'17261231'}", ("gtin_cle",)),
        (f"{BOITE}17261331", ("date_17",)),
        (f"{BOITE}17260230", ("date_17",)),
        (f"{BOITE}11AAAAAA", ("date_11",)),
        (f"{BOITE}{BOITE}", ("ai_double",)),
        (f"{BOITE}ZZ", ("ai_inconnu",)),
        (f"{BOITE}10{GS}", ("valeur_10",)),
        (f"{BOITE}17261231{GS}1726", ("valeur_17",)),
    ],
)
def test_what_is_wrong_is_delivered_and_said(texte, erreurs):
    assert gs1.parse(texte).erreurs == erreurs


@pytest.mark.parametrize("texte", ["", GS, "ZZ", "01034", "01" * 150])
def test_what_is_not_a_box_is_none(texte):
    assert gs1.parse(texte) is None


def test_a_forced_symbology_that_does_not_parse_is_refused():
    assert lire_code("]d2ZZZZ", "scan").message == "Code de boîte illisible. Scannez de nouveau."
    assert lire_code("]d210ABC", "scan").message == "Ce code ne porte pas de produit."
    assert lire_code(f"10ABC{GS}21X", "scan").classe == "inconnu"
    assert lire_code(f"ZZ{GS}21X", "scan").classe == "inconnu"


def test_centuries_and_last_days_of_a_date():
    assert gs1.parse_date("510101") == "1951-01-01"
    assert gs1.parse_date("500101") == "2050-01-01"
    assert gs1.parse_date("240200") == "2024-02-29"
    assert gs1.parse_date("2402") is None
    assert gs1.is_check_digit_right("²400930000014") is False


def test_a_text_made_to_be_explored_for_ever_ends_at_once():
    debut = time.perf_counter()
    gs1.parse("10A21B30C37D240E710F711G712H713I714J715K716L" + "10" * 60)
    assert time.perf_counter() - debut < 0.5


@given(st.text(alphabet="0123456789AZ17\x1d", max_size=60))
def test_a_box_of_any_text_never_raises(texte):
    lu = gs1.parse(texte)
    assert lu is None or all(isinstance(v, str) for v in lu.champs.values())


# Identities


def test_the_vectors_of_the_ins_datamatrix_are_read_as_written(partage):
    fichier = partage / "data/ins/datamatrix-ins-vectors.json"
    for vecteur in json.loads(fichier.read_text(encoding="utf-8"))["vectors"]:
        lu = lire_code(vecteur["raw"], "scan")
        if not vecteur["valid"]:
            assert lu.suite == "refus", vecteur["name"]
            continue
        attendu = {k: v for k, v in vecteur["parsed"].items() if v is not None}
        assert (lu.classe, lu.champs) == ("ins_datamatrix", attendu), vecteur["name"]
        assert lu.repare is ("drops" in vecteur["name"])


def datamatrix(**blocs):
    champs = {
        "S1": "279035121518989",
        "S2": "1.2.250.1.213.1.4.10",
        "S3": "DOMINIQUE" + GS,
        "S4": "PAT-TROIS" + GS,
        "S5": "F",
        "S6": "28-03-1979",
        "S7": "51215",
        **blocs,
    }
    return "IS01" + "0" * 22 + "".join(k + v for k, v in champs.items() if v is not None)


@pytest.mark.cas("agent-74", "agent-75")
@pytest.mark.parametrize("nom", ["S5S6S7", NOM_MAX, "JACQUES", "D'ARTAGNAN S4"])
def test_a_name_may_hold_what_looks_like_a_field(nom):
    fin = "" if len(nom) == 100 else GS
    lu = ins.parse(datamatrix(S4=nom + fin))
    assert (lu.champs["nom_naissance"], lu.refus) == (nom, "")


@pytest.mark.cas("ins-70")
@pytest.mark.parametrize(
    ("texte", "refus"),
    [
        (datamatrix().replace("IS01", "IS02"), "ins_version"),
        (datamatrix(S5=None), "ins_incomplet"),
        (datamatrix(S4=GS), "ins_incomplet"),
        (datamatrix(S2="1.2.250.1.213.1.4.2" + GS), "ins_oid"),
        (datamatrix(S1="279035121518988"), "ins_cle"),
        (datamatrix(S1="27903512151898X"), "ins_cle"),
        (datamatrix(S5="I"), "ins_sexe"),
        (datamatrix(S6="31-02-1979"), "ins_date"),
        (datamatrix(S6="1979-03-28"), "ins_date"),
        (datamatrix(S7="51"), "ins_lieu"),
        (datamatrix(S7="5121X"), "ins_lieu"),
        (datamatrix(S4="Dupont" + GS), "ins_nom"),
        (datamatrix(S3="ZOÉ" + GS), "ins_nom"),
        (datamatrix(S2="1;2;250;1;213;1;4;10"), "ins_clavier"),
        (datamatrix(S2="1:2:250:1:213:1:4:8" + GS), "ins_clavier"),
        (datamatrix() + "S5F", "ins_doublon"),
        (datamatrix() + "5F", "ins_decoupage"),
        (datamatrix().replace(GS, "") + "ZZ", "ins_decoupage"),
        (datamatrix().replace(GS, "") + "S5F", "ins_doublon"),
    ],
)
def test_a_doubtful_identity_is_refused_with_its_reason(texte, refus):
    assert ins.parse(texte).refus == refus
    lu = lire_code(texte, "scan")
    assert (lu.suite, lu.message) == ("refus", ins.PHRASES[refus])


def test_every_defect_of_an_identity_has_a_sentence_of_its_own():
    assert len(set(ins.PHRASES.values())) == len(ins.PHRASES)


@pytest.mark.parametrize("place", ["milieu", "fin"])
def test_a_field_of_an_unknown_identifier_is_skipped_and_said(place):
    texte = (
        datamatrix(S4="PAT-TROIS" + GS + "T9RIEN" + GS)
        if place == "milieu"
        else (datamatrix() + "ZZRIEN")
    )
    lu = ins.parse(texte)
    assert (lu.refus, lu.erreurs) == ("", (ins.BLOC_INCONNU,))
    assert lu.champs == ins.parse(datamatrix()).champs


def test_a_sex_that_the_matricule_contradicts_is_an_alert_only():
    lu = ins.parse(datamatrix(S5="M"))
    assert (lu.refus, lu.erreurs) == ("", (ins.SEXE_MATRICULE,))


def _azerty(texte):
    """What a French keyboard types when the reader believes it is an American one."""
    vers = {us: fr for fr, us in claviers._VERS_US.items()}
    return "".join(vers.get(c, c) for c in texte)


def test_a_wrong_keyboard_is_undone_when_everything_comes_back():
    lu = lire_code(_azerty(datamatrix(S4="D'ARTAGNAN" + GS)), "clavier")
    assert (lu.classe, lu.suite, lu.repare) == ("ins_datamatrix", "aiguillage", True)
    assert lu.champs["nom_naissance"] == "D'ARTAGNAN"


@pytest.mark.cas("ins-70")
@pytest.mark.parametrize("canal", ["scan", "clavier"])
def test_a_code_that_the_keyboard_spoilt_says_so(canal):
    lu = lire_code("IS01".replace("01", "à&") + "à" * 22 + "¨" * 80, canal)
    assert (lu.classe, lu.suite, lu.message) == (
        "ins_datamatrix",
        "refus",
        ins.PHRASES["ins_clavier"],
    )


@pytest.mark.cas("ins-69")
def test_without_separators_a_name_that_ends_with_s_keeps_it():
    lu = ins.parse(datamatrix(S3="JACQUES", S4="BORDES").replace(GS, ""))
    assert (lu.champs["prenoms"], lu.champs["nom_naissance"]) == ("JACQUES", "BORDES")
    assert lu.erreurs == (ins.GS_PERDUS,)


@pytest.mark.cas("ins-68")
def test_lost_separators_are_found_again_and_the_reader_is_to_be_set():
    lu = lire_code(datamatrix().replace(GS, ""), "scan")
    assert lu.champs == lire_code(datamatrix(), "scan").champs
    assert lu.message.endswith("Réglez le lecteur : séparateurs perdus.")


@pytest.mark.cas("ins-67")
def test_a_test_oid_takes_no_separator():
    lu = ins.parse(datamatrix())
    assert (lu.champs["oid"], lu.champs["prenoms"]) == ("1.2.250.1.213.1.4.10", "DOMINIQUE")


@pytest.mark.cas("ins-70")
def test_a_2d_doc_is_told_from_an_ins():
    lu = lire_code("DC04FR00" + datamatrix()[8:], "scan")
    assert (lu.classe, lu.suite) == ("2ddoc", "refus")


def test_an_odd_header_is_an_alert_only():
    lu = ins.parse(datamatrix().replace("IS010", "IS011"))
    assert (lu.erreurs, lu.refus) == (("ins_entete",), "")


@pytest.mark.parametrize("ecrit", ["<GS>", "{GS}", "^]", "␝", r"\x1d", r"\x1D"])
def test_a_separator_spelled_out_is_a_separator(ecrit):
    assert ins.parse(datamatrix().replace(GS, ecrit)) == ins.parse(datamatrix())


@given(st.text(alphabet="S1234567\x1dA-.0", max_size=60))
def test_an_identity_of_any_text_never_raises(corps):
    texte = "IS01" + "0" * 22 + "S1" + corps
    assert ins.is_ins(texte)
    lu = ins.parse(texte)
    assert lu.refus or set(lu.champs) >= {"matricule", "oid", "sexe"}
    assert lire_code(texte, "scan").classe in {"ins_datamatrix", "inconnu"}


# Keyboards


@pytest.mark.exigence("AGT-05")
@pytest.mark.cas("agent-85", "agent-86")
def test_a_damaged_keyboard_is_repaired_only_when_it_is_certain():
    lu = lire_code("à&Jè,çSH&TZ§GHHGHT", "clavier")
    assert lu.classe == "inconnu"
    assert repair_azerty("&é\"'(-è_çà") == "1234567890"
    assert repair_azerty("abc") is None
    assert repair_azerty("&^") is None
    assert repair_caps_lock("ABC") is None
    assert repair_caps_lock("é") is None
    assert repair_caps_lock("a!") is None
    boite = lire_code("']àd1_".replace("'", "") + "x", "clavier")
    assert boite.classe == "inconnu"


def test_a_box_typed_through_the_wrong_keyboard_keeps_its_fields():
    vers_azerty = dict(zip("1234567890", "&é\"'(-è_çà", strict=True))
    tape = "".join(vers_azerty.get(c, c) for c in f"{BOITE}17261200")
    lu = lire_code(tape, "clavier")
    assert (lu.classe, lu.repare, lu.champs["peremption"]) == ("gs1", True, "2026-12-31")
    assert lire_code(tape, "scan").classe == "inconnu"


# The rest of the classes


@pytest.mark.cas("agent-76", "agent-77")
@pytest.mark.parametrize(
    ("texte", "classe", "suite"),
    [
        ("DC04FR000001", "2ddoc", "refus"),
        ("APCVSIM1." + "A" * 60, "apcv", "aiguillage"),
        ("AMCSIM1|x", "attestation_amc", "aiguillage"),
        ("BADGE-12", "badge", "aiguillage"),
        ("https://eprescription.hin.ch/x", "url", "refus"),
        ("javascript:alert(1)", "inconnu", "refus"),
        ('{"urls":["Task/1"]}', "inconnu", "refus"),
        ("a\x00b", "inconnu", "refus"),
        ("x" * 4097, "rejet", "refus"),
        (" \r\n", "rejet", "rien"),
        ("01K7M4QX9TRB2VWZ3", "inconnu", "refus"),
        ("1234567890123", "inconnu", "refus"),
        ("12345678", "inconnu", "refus"),
    ],
)
def test_each_class_has_its_follow_up(texte, classe, suite):
    lu = lire_code(texte, "scan", Motifs(badge="^BADGE-"))
    assert (lu.classe, lu.suite) == (classe, suite)
    assert set(lu.as_dict()) >= {"classe", "champs", "erreurs"}


@pytest.mark.parametrize(
    ("texte", "debut"),
    [
        ("2790351215189", "Ceci ressemble à un numéro de sécurité sociale"),
        ("279035121518989", "Ceci ressemble à un numéro de sécurité sociale"),
        ("10101010101", "Ceci est un numéro RPPS"),
        ("01K7", "Le numéro compte 18 caractères, 4 lus."),
        ("01K7!", "Ce code n'est pas une ordonnance numérique."),
        (". -", ""),
    ],
)
def test_what_is_typed_by_hand_has_its_own_answers(texte, debut):
    lu = lire_code(texte, "saisie")
    assert lu.message.startswith(debut)
    assert lu.suite in {"refus", "rien"}


def test_empty_grammars_are_never_matched():
    motifs = Motifs(apcv="", attestation_amc="", badge="")
    assert Motifs(**motifs.as_dict()) == motifs
    assert lire_code("APCVSIM1." + "A" * 60, "scan", motifs).classe == "inconnu"


def test_a_lot_that_ends_like_a_field_is_a_lot():
    lu = gs1.parse(f"{BOITE}10ABCDEFG17")
    assert (lu.champs["10"], lu.ambigu) == ("ABCDEFG17", False)


def test_an_unreadable_frame_has_no_id():
    assert messages.request_id("{") == ""
    assert messages.request_id('{"id":7}') == ""


def test_a_success_answers_its_request():
    assert json.loads(messages.build_response("a", {"t": 1})) == {
        "v": 1,
        "type": "res",
        "id": "a",
        "ok": True,
        "payload": {"t": 1},
    }
