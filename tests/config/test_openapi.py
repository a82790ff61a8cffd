"""The schema of the JSON addresses: valid, whole, with refusals, security and honest examples."""

import json
import re

import jsonschema
import pytest
from django.urls import get_resolver

from config.openapi import build_schema
from pharmacy.rules.portees import PORTEES
from tests.house.scene import Decor
from tests.pharmacy.outil import V1, Outil, probleme

METHODES = {"get", "post", "put", "patch", "delete"}
# No name is in an example, not even that of a test identity.
PERSONNES = {"NOM", "PRENOM", ""}
NOMS = re.compile(r"nom|prenom|naissance$|patronyme")


def operations():
    schema = build_schema()
    return [
        (chemin, methode, operation)
        for chemin, item in schema["paths"].items()
        for methode, operation in item.items()
        if methode in METHODES
    ]


def _addresses(motifs, debut=""):
    for motif in motifs:
        chemin = debut + str(motif.pattern)
        if hasattr(motif, "url_patterns"):
            yield from _addresses(motif.url_patterns, chemin)
        else:
            yield "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", chemin)


def _values(valeur, nom=""):
    """Yield (key, text) for every text inside a value."""
    if isinstance(valeur, dict):
        for cle, dedans in valeur.items():
            yield from _values(dedans, cle)
    elif isinstance(valeur, list):
        for dedans in valeur:
            yield from _values(dedans, nom)
    elif isinstance(valeur, str):
        yield nom, valeur


def _examples(operation):
    """Yield (schema, value) for every example of an operation."""
    contenus = [operation.get("requestBody", {}).get("content", {})]
    contenus += [reponse.get("content", {}) for reponse in operation["responses"].values()]
    for contenu in contenus:
        for media in contenu.values():
            for exemple in media.get("examples", {}).values():
                yield media["schema"], exemple["value"]


def _resolved(schema):
    """A piece of OpenAPI 3.0 as JSON Schema: references kept, `nullable` said as a type."""
    if isinstance(schema, list):
        return [_resolved(dedans) for dedans in schema]
    if not isinstance(schema, dict):
        return schema
    propre = {cle: _resolved(dedans) for cle, dedans in schema.items() if cle != "nullable"}
    if schema.get("nullable"):
        return {"anyOf": [propre, {"type": "null"}]}
    return propre


@pytest.mark.exigence("SEC-06")
def test_the_schema_is_valid_openapi(recwarn):
    from drf_spectacular.validation import validate_schema

    build_schema.cache_clear()
    validate_schema(build_schema())
    assert [str(w.message) for w in recwarn] == []


def test_writing_the_schema_warns_of_nothing(capsys):
    from drf_spectacular.drainage import GENERATOR_STATS

    build_schema.cache_clear()
    GENERATOR_STATS.reset()
    build_schema()
    assert (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache) == ({}, {})


@pytest.mark.exigence("SEC-06")
def test_every_json_address_is_in_the_schema_and_no_other():
    voulues = {a for a in _addresses(get_resolver().url_patterns) if a.startswith("/api/")}
    decrites = set(build_schema()["paths"])
    assert len(voulues) > 20
    assert decrites == voulues | {"/.well-known/agent-jwks.json"}


@pytest.mark.parametrize("operation", operations(), ids=lambda o: f"{o[1]} {o[0]}")
def test_an_address_says_its_refusals_its_security_and_an_example(operation):
    chemin, methode, dite = operation
    assert dite["operationId"]
    assert dite["description"]
    codes = set(dite["responses"])
    assert {c for c in codes if c[0] in "23"}
    assert "405" in codes
    if chemin.startswith(V1) or chemin == "/api/schema":
        assert {"200", "304", "400", "401", "403", "405", "429"} <= codes
        assert {"cle": []} in dite["security"]
        assert ("404" in codes) == ("{" in chemin)
    elif {"session": [], "csrf": []} in dite["security"]:
        assert {"400", "403", "409", "415"} <= codes
    else:
        assert dite["security"] in ([{"agent": []}], [{}])
    exemples = list(_examples(dite))
    assert exemples
    if methode == "post":
        assert dite["requestBody"]["required"]
        assert dite["requestBody"]["content"]["application/json"]["examples"]


@pytest.mark.parametrize("operation", operations(), ids=lambda o: f"{o[1]} {o[0]}")
def test_an_example_is_what_its_schema_says(operation):
    pieces = _resolved(build_schema()["components"])
    for schema, valeur in _examples(operation[2]):
        racine = _resolved(schema) | {"components": pieces}
        jsonschema.Draft202012Validator(racine).validate(valeur)


@pytest.mark.parametrize("sans", [(), ("patients",)], ids=["tout", "sans patients"])
def test_the_rows_of_an_officine_are_answered_as_the_schema_says(halle, sans):
    """What a drawn number never reaches: a sale with its patient, a sending, a file."""
    decor = Decor(halle, "finie")
    outil = Outil(halle, *(p for p in PORTEES if p not in sans))
    pieces = _resolved(build_schema()["components"])
    noms = {"ventes": "vente_id", "envois": "envoi_id", "patients": "patient_id"}
    vues = 0
    for chemin, _, dite in operations():
        if not chemin.startswith(V1) or any(nom in chemin for nom in sans):
            continue
        nom = chemin.removeprefix(V1 + "/").split("/")[0]
        reponse = outil.get(
            chemin.removeprefix(V1 + "/").format(
                ident=decor.ids[noms[nom]] if "{" in chemin else ""
            )
        )
        assert reponse.status_code == 200, chemin
        media = dite["responses"]["200"]["content"]["application/json"]
        racine = _resolved(media["schema"]) | {"components": pieces}
        jsonschema.Draft202012Validator(racine).validate(reponse.json())
        assert reponse.json().get("elements") != [], chemin
        vues += 1
    assert vues == 10 - len(sans)


@pytest.mark.exigence("SEC-08", "SEC-17")
def test_no_example_looks_like_someone():
    for chemin, _, dite in operations():
        for _, valeur in _examples(dite):
            for nom, texte in _values(valeur):
                assert not re.search(r"[12][ .]?\d{2}[ .]?(0[1-9]|1[0-2])[ .]?\d{8}", texte), chemin
                assert not re.fullmatch(r"[18]\d{10}", texte), chemin
                assert "@" not in texte, chemin
                if NOMS.search(nom) and nom not in {"lieu_naissance", "date_naissance"}:
                    assert texte in PERSONNES, (chemin, nom)


@pytest.mark.django_db
def test_the_schema_is_served_to_who_has_the_right_and_to_any_key(halle):
    reponse = halle.client("A01").get("/api/schema")
    assert reponse.json() == json.loads(json.dumps(build_schema()))
    assert halle.client("A02").get("/api/schema").status_code == 403
    outil = Outil(halle, "postes")
    par_cle = outil.client.get("/api/schema", HTTP_AUTHORIZATION=f"Bearer {outil.secret}")
    assert par_cle.json()["paths"].keys() == reponse.json()["paths"].keys()
    assert outil.client.get("/api/schema").status_code == 302
    probleme(outil.client.get("/api/schema", HTTP_AUTHORIZATION="Bearer non"), "INT-401")
