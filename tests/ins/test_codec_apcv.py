"""JSON of the appli carte Vitale: our contract, whatever a broken peer may say."""

import copy
import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ins.codec.apcv import (
    DemandeContexte,
    build_contexte,
    build_renouvellement,
    parse_contexte,
    parse_erreur,
    parse_renouvellement,
    scrub,
)
from teleservices.errors import InvalidReply
from tests.conftest import RACINE

CONTRATS = RACINE / "docs/contrats"
SCHEMA = json.loads((CONTRATS / "apcv.schema.json").read_text(encoding="utf-8"))
CHAINE = "APCVSIM1." + "a" * 60 + "." + "b" * 86


def exemple(nom):
    return json.loads((CONTRATS / f"exemples-apcv/{nom}.json").read_text("utf-8"))["corps"]


def fits(genre, octets):
    Draft202012Validator({"$ref": f"#/$defs/{genre}", "$defs": SCHEMA["$defs"]}).validate(
        json.loads(octets)
    )


def octets(objet):
    return json.dumps(objet).encode()


def lire(objet, environnement="simulateur"):
    return parse_contexte(octets(objet), environnement)


@pytest.fixture
def contexte():
    return copy.deepcopy(exemple("02-contexte"))


# What we send


@given(
    mode=st.sampled_from([1, 2]),
    ps=st.from_regex(r"\A[0-9]{10,14}\Z"),
    structure=st.from_regex(r"\A[0-9]{10,14}\Z"),
    poste=st.text(min_size=1, max_size=64),
)
def test_each_request_that_opens_a_context_fits_the_contract(mode, ps, structure, poste):
    corps = build_contexte(DemandeContexte(mode, CHAINE, ps, structure, poste))
    fits("demandeContexte", corps)
    assert json.loads(corps)["contexteApCV"] == CHAINE


def test_a_request_that_renews_fits_the_contract():
    fits("demandeRenouvellement", build_renouvellement(2, CHAINE, "V-12"))


def test_the_example_is_what_we_would_send():
    attendu = exemple("01-demande")
    demande = DemandeContexte(
        attendu["mode"],
        attendu["contexteApCV"],
        attendu["ps"]["idNat"],
        attendu["structure"]["idNat"],
        attendu["poste"],
    )
    assert json.loads(build_contexte(demande)) == attendu
    assert "APCVSIM1" not in repr(demande)


# What we read


def test_the_example_of_a_context_is_read_whole(contexte):
    lu = lire(contexte)
    assert lu.validite.identifiant == "c_7d1c1c526f0e"
    assert lu.validite.fin.isoformat() == "2026-11-25T10:30:00+01:00"
    assert (lu.usage, lu.demonstration, lu.nir_assure) == ("titulaire", False, "2751263220749")
    zoe, anthony = lu.beneficiaires
    assert (zoe.ins.matricule, zoe.ins.oid) == ("275126322074974", "1.2.250.1.213.1.4.8")
    assert zoe.ins.traits.date_naissance == date(1975, 12, 31)
    assert (zoe.ins.traits.premier_prenom, zoe.ins.traits.cog_naissance) == ("ZOE", "63220")
    assert not zoe.ins.date_interpretee
    assert (anthony.nom_usuel, anthony.nom_patronymique, anthony.ins) == ("", "CORSE", None)
    assert anthony.nir_certifie == ""
    assert lu.beneficiaire(2) is anthony
    assert lu.beneficiaire(3) is None
    for trait in ("ADRUN", "ZOE", "2751263220749", "jeton"):
        assert trait not in repr(lu)


def test_a_renewal_is_read():
    assert parse_renouvellement(octets(exemple("04-renouvele"))).identifiant == "c_9a0b44c0d1e2"


@pytest.mark.parametrize("nom", ["05-expire", "06-deja-utilise"])
def test_a_refusal_gives_its_code(nom):
    assert parse_erreur(octets(exemple(nom))) == exemple(nom)["code"]


@pytest.mark.parametrize("brut", [b"", b"<html/>", b"[]", b'{"code":3}', b'{"code":"pas un code"}'])
def test_what_is_no_refusal_gives_no_code(brut):
    assert parse_erreur(brut) == ""


def test_a_lunar_birth_date_is_completed_and_marked(contexte):
    contexte["beneficiaires"][0]["ins"]["dateNaissance"] = "1950-00-00"
    ins = lire(contexte).beneficiaires[0].ins
    assert (ins.traits.date_naissance, ins.date_interpretee) == (date(1950, 12, 31), True)


def test_a_first_name_that_does_not_agree_with_the_list_leaves_the_first_of_the_list(contexte):
    contexte["beneficiaires"][0]["ins"] |= {"prenomsNaissance": "ZOE ANNE", "prenom1": "ANNE"}
    assert lire(contexte).beneficiaires[0].ins.traits.premier_prenom == "ZOE"


@pytest.mark.cas("ins-34")
@pytest.mark.parametrize(
    ("oid", "environnement", "admis"),
    [
        ("1.2.250.1.213.1.4.9", "production", True),
        ("1.2.250.1.213.1.4.10", "simulateur", True),
        ("1.2.250.1.213.1.4.10", "production", False),
        ("1.2.250.1.213.1.4.11", "production", False),
        ("1.2.250.1.213.1.4.2", "simulateur", False),
    ],
)
def test_an_oid_is_read_only_where_it_may_be(contexte, oid, environnement, admis):
    contexte["beneficiaires"][0]["ins"]["oid"] = oid
    if admis:
        assert lire(contexte, environnement).beneficiaires[0].ins.oid == oid
        return
    with pytest.raises(InvalidReply) as refus:
        lire(contexte, environnement)
    assert refus.value.code == "oid_refuse"


INS = ("beneficiaires", 0, "ins")
ZOE = ("beneficiaires", 0)


@pytest.mark.parametrize(
    ("chemin", "valeur", "code"),
    [
        (("usage",), "autre", "champ_usage"),
        (("usage",), None, "champ_usage"),
        (("demonstration",), "non", "champ_usage"),
        (("beneficiaires",), [], "champ_beneficiaires"),
        (("beneficiaires",), {}, "champ_beneficiaires"),
        (("beneficiaires",), ["x"], "champ_beneficiaires"),
        (("contexteApCV",), "APCVSIM1", "champ_contexteApCV"),
        (("contexteApCV", "token"), "court", "champ_token"),
        (("contexteApCV", "identifiant"), "../x", "champ_identifiant"),
        (("contexteApCV", "dateFinValidite"), "20261399250000", "champ_dateFinValidite"),
        (("nirAssure",), "x", "champ_nirAssure"),
        ((*ZOE, "numero"), True, "champ_numero"),
        ((*ZOE, "numero"), 20, "champ_numero"),
        ((*ZOE, "numero"), 2, "champ_numero"),
        ((*ZOE, "nomUsuel"), 3, "champ_nomUsuel"),
        ((*ZOE, "prenom"), "A" * 101, "champ_prenom"),
        ((*ZOE, "nomPatronymique"), "A\x00", "champ_nomPatronymique"),
        ((*ZOE, "dateNaissance"), "1975", "champ_dateNaissance"),
        ((*ZOE, "ins"), [], "champ_ins"),
        ((*INS, "statut"), "RECUPEREE", "champ_statut"),
        ((*INS, "matricule"), "A75126322074974", "champ_matricule"),
        ((*INS, "matricule"), "2751263220749AB", "champ_matricule"),
        ((*INS, "dateNaissance"), "0000-01-01", "date_illisible"),
        ((*INS, "nomNaissance"), " ", "champ_nomNaissance"),
        ((*INS, "prenomsNaissance"), "", "champ_prenomsNaissance"),
        ((*INS, "sexe"), "I", "champ_sexe"),
        ((*INS, "lieuNaissance"), "Paris", "champ_lieuNaissance"),
    ],
)
def test_a_field_out_of_the_contract_is_no_answer(contexte, chemin, valeur, code):
    cible = contexte
    for etape in chemin[:-1]:
        cible = cible[etape]
    cible[chemin[-1]] = valeur
    with pytest.raises(InvalidReply) as refus:
        lire(contexte)
    assert refus.value.code == code
    assert "ADRUN" not in str(refus.value) + refus.value.message_fr


@pytest.mark.parametrize("brut", [b"", b"[]", b"<html>", b"{" * 5000, b"\xff"])
def test_what_is_not_a_json_object_is_no_answer(brut):
    for lire_octets in (lambda o: parse_contexte(o, "simulateur"), parse_renouvellement):
        with pytest.raises(InvalidReply):
            lire_octets(brut)


# What a journal may keep


def test_the_journal_keeps_a_message_without_its_secrets():
    for nom in ("01-demande", "02-contexte", "03-renouveler", "04-renouvele"):
        propre = scrub(octets(exemple(nom))).decode()
        assert not re.search(r"APCVSIM1|jeton-de", propre)
    assert json.loads(scrub(octets(exemple("05-expire")))) == exemple("05-expire")


def test_what_the_journal_kept_of_a_context_is_read_again(contexte):
    lu = parse_contexte(scrub(octets(contexte)), "simulateur")
    assert lu.beneficiaires == lire(contexte).beneficiaires


@pytest.mark.parametrize(("brut", "garde"), [(b"", b""), (b"jeton=secret", b'{"illisible":true}')])
def test_of_what_cannot_be_read_nothing_is_kept(brut, garde):
    assert scrub(brut) == garde


@given(st.binary(max_size=60))
def test_no_bytes_make_the_codec_fall(brut):
    scrub(brut)
    parse_erreur(brut)
    with pytest.raises(InvalidReply):
        parse_contexte(brut, "simulateur")
