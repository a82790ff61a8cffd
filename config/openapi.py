"""`/api/schema`: the OpenAPI description of every JSON address, for who may read it."""

import json
from functools import lru_cache, wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from pharmacy import contrat
from pharmacy.api_integration import VueIntegration
from pharmacy.http import http_methods

ADRESSE = "/api/schema"


def keep_ours(endpoints: list[Any], **_kwargs: object) -> list[Any]:
    """Keep what the schema describes: the JSON addresses."""
    return [point for point in endpoints if point[0].startswith(("/api/", "/.well-known/"))]


def complete(result: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
    """Add the named pieces, the security schemes, and what a signed-in person may read too."""
    pieces = result.setdefault("components", {})
    pieces["schemas"] = dict(sorted(contrat.COMPOSANTS.items()))
    pieces["securitySchemes"] = contrat.SCHEMAS_DE_SECURITE
    for operation in (o for adresse in result["paths"].values() for o in adresse.values()):
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
    lecture = result["paths"][ADRESSE]["get"]
    lecture["security"] = [*contrat.SECURITES["cle"], {"session": []}]
    return result


@lru_cache(maxsize=1)
def build_schema() -> dict[str, Any]:
    """Return the whole schema: it changes with the code alone."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


class SchemaParCle(VueIntegration):
    """GET: the schema, for a tool that has a key, whatever its scopes."""

    @contrat.integration("Schema", exemple={"openapi": "3.0.3", "info": {}, "paths": {}})
    def get(self, _request: Request) -> Response:
        """Answer the OpenAPI schema."""
        return Response(build_schema())


@http_methods(read=("GET",), droit="integrations.gerer")
def _for_people(request: HttpRequest) -> HttpResponse:
    """The schema, as a file that a person gives to who writes a tool."""
    del request
    texte = json.dumps(build_schema(), ensure_ascii=False, indent=1)
    return HttpResponse(texte, content_type="application/json")


_for_tools = SchemaParCle.as_view()


@wraps(_for_people)
def schema(request: HttpRequest) -> HttpResponseBase:
    """Answer the schema to a key, or to who is signed in with the right."""
    if "Authorization" in request.headers:
        return _for_tools(request)
    return _for_people(request)


# drf-spectacular looks for a class and its initkwargs behind each address.
schema.cls = SchemaParCle  # type: ignore[attr-defined]
schema.initkwargs = {}  # type: ignore[attr-defined]
schema.csrf_exempt = True  # type: ignore[attr-defined]
contrat.COMPOSANTS["Schema"] = {
    "type": "object",
    "properties": {"openapi": contrat.TEXTE, "info": {"type": "object"}},
    "required": ["openapi", "info", "paths"],
}
