"""The contracts we wrote: each example fits its schema, none can be taken for a real service."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from lxml import etree

CONTRATS = Path(__file__).resolve().parents[2] / "docs/contrats"
SCHEMAS = ("insi-verification", "adri")


APCV = json.loads((CONTRATS / "apcv.schema.json").read_text(encoding="utf-8"))
EXEMPLES_APCV = sorted((CONTRATS / "exemples-apcv").glob("*.json"))


def exemples(nom):
    return sorted((CONTRATS / f"exemples-{nom}").glob("*.xml"))


@pytest.mark.parametrize("nom", SCHEMAS)
def test_every_element_of_the_contract_has_an_example(nom):
    schema = etree.parse(str(CONTRATS / f"{nom}.xsd"))
    elements = {e.get("name") for e in schema.getroot().iterfind("{*}element")}
    racines = {etree.QName(etree.parse(str(f)).getroot()).localname for f in exemples(nom)}
    assert elements == racines


@pytest.mark.parametrize("nom", SCHEMAS)
def test_every_example_fits_its_contract(nom):
    schema = etree.XMLSchema(etree.parse(str(CONTRATS / f"{nom}.xsd")))
    for fichier in exemples(nom):
        schema.assertValid(etree.parse(str(fichier)))


@pytest.mark.parametrize("nom", SCHEMAS)
def test_a_contract_of_ours_says_so_and_lives_in_our_namespace(nom):
    texte = (CONTRATS / f"{nom}.xsd").read_text(encoding="utf-8")
    assert "NOTRE contrat" in texte
    assert f'targetNamespace="urn:sim:{nom}:1"' in texte


@pytest.mark.parametrize(
    ("avant", "apres"),
    [
        ("<Cle>74</Cle>", ""),
        ("<Sexe>F</Sexe>", "<Sexe>I</Sexe>"),
        ("1.4.8<", "1.4.2<"),
        ("ADRUN", "Adrun"),
        ("1975-12-31", "1975-12-32"),
    ],
)
def test_the_contract_refuses_an_identity_that_cannot_be_verified(avant, apres):
    schema = etree.XMLSchema(etree.parse(str(CONTRATS / "insi-verification.xsd")))
    texte = exemples("insi-verification")[0].read_text(encoding="utf-8")
    assert avant in texte
    abime = etree.fromstring(texte.replace(avant, apres, 1).encode())
    assert not schema.validate(abime)


def test_the_contract_of_the_appli_is_a_schema_of_ours():
    Draft202012Validator.check_schema(APCV)
    assert APCV["$id"] == "urn:sim:apcv:1"
    assert "NOTRE contrat" in APCV["title"]


@pytest.mark.parametrize("fichier", EXEMPLES_APCV, ids=lambda f: f.stem)
def test_every_example_of_the_appli_fits_its_type(fichier):
    exemple = json.loads(fichier.read_text(encoding="utf-8"))
    regle = {"$ref": f"#/$defs/{exemple['$type']}", "$defs": APCV["$defs"]}
    Draft202012Validator(regle).validate(exemple["corps"])


def test_every_message_of_the_appli_has_an_example():
    montres = {json.loads(f.read_text(encoding="utf-8"))["$type"] for f in EXEMPLES_APCV}
    messages = {n for n in APCV["$defs"] if n.startswith("demande") or n == "erreur"}
    assert messages | {"contexte", "renouvellement"} == montres
