"""Just enough of JSON Schema to hold an answer against docs/contrats/apcv.schema.json."""

import json
import re
from typing import Any

from tests.simulators.client_nu import RACINE

SCHEMA = json.loads((RACINE / "docs/contrats/apcv.schema.json").read_text(encoding="utf-8"))
CONNUS = {
    *("$ref", "type", "description", "required", "properties", "additionalProperties", "enum"),
    *("const", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"),
    "items",
}
TYPES = {"string": str, "integer": int, "object": dict, "array": list, "boolean": bool}


def problems(objet: Any, nom: str) -> list[str]:
    """Return what is wrong with an object under this definition of the contract."""
    return list(_walk(objet, SCHEMA["$defs"][nom], nom))


def _walk(valeur, schema, ou):
    assert set(schema) <= CONNUS, set(schema) - CONNUS  # a keyword this file does not read
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    genre = TYPES.get(schema.get("type"), object)
    if not isinstance(valeur, genre) or (genre is int and isinstance(valeur, bool)):
        yield f"{ou} : type"
        return
    yield from (f"{ou} : {regle}" for regle in _broken(valeur, schema))
    for rang, element in enumerate(valeur if "items" in schema else ()):
        yield from _walk(element, schema["items"], f"{ou}[{rang}]")
    if "properties" in schema:
        yield from _members(valeur, schema, ou)


def _broken(valeur, schema):
    """Yield the rules about the value itself that it breaks."""
    regles = {
        "enum": lambda permis: any(valeur == p and type(valeur) is type(p) for p in permis),
        "const": lambda seul: valeur == seul,
        "pattern": lambda motif: re.search(motif, valeur),
        "minimum": lambda n: valeur >= n,
        "maximum": lambda n: valeur <= n,
        **dict.fromkeys(("minLength", "minItems"), lambda n: len(valeur) >= n),
        **dict.fromkeys(("maxLength", "maxItems"), lambda n: len(valeur) <= n),
    }
    return [nom for nom, tient in regles.items() if nom in schema and not tient(schema[nom])]


def _members(valeur, schema, ou):
    yield from (f"{ou} : manque {n}" for n in schema.get("required", ()) if n not in valeur)
    for nom, membre in valeur.items():
        if nom in schema["properties"]:
            yield from _walk(membre, schema["properties"][nom], f"{ou}.{nom}")
        elif schema.get("additionalProperties") is False:
            yield f"{ou} : {nom} en trop"
