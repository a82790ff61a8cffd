"""JSON bodies of the page, read without trust: UTF-8, bounded in size and in depth, text that is
text."""

import json
import math
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

PROFONDEUR_MAX = 32


class CorpsJson(BaseParser):
    """Answers 400 to what no page of ours sends: the views below then meet ordinary values only."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: object = None, parser_context: object = None
    ) -> Any:  # noqa: ANN401
        """Return the value. Raises ParseError; its text never quotes the body."""
        maximum = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        octets = stream.read(maximum + 1)
        if len(octets) > maximum:
            raise ParseError("taille")
        try:
            valeur = json.loads(octets.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError) as exc:
            raise ParseError("json") from exc
        if not is_sane(valeur):
            raise ParseError("json")
        return valeur


def _refuse(constante: str) -> NoReturn:
    raise ValueError(constante)


def is_sane(valeur: object) -> bool:
    """Tell whether a value is shallow, its numbers finite, its text without lone surrogates."""
    etage = [valeur]
    for _ in range(PROFONDEUR_MAX):
        if not all(map(_is_plain, etage)):
            return False
        etage = [dedans for v in etage for dedans in _inside(v)]
        if not etage:
            return True
    return False


def _is_plain(valeur: object) -> bool:
    if isinstance(valeur, str):
        return valeur.isascii() or not any("\ud800" <= c <= "\udfff" for c in valeur)
    return not isinstance(valeur, float) or math.isfinite(valeur)


def _inside(valeur: object) -> list[object]:
    if isinstance(valeur, dict):
        return [*valeur.keys(), *valeur.values()]
    return valeur if isinstance(valeur, list) else []
