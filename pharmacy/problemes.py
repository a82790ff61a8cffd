"""Refusals of the JSON addresses, as RFC 9457 says them: a sentence in French, a stable code."""

from typing import Any

from django.http import JsonResponse
from rest_framework.response import Response
from rest_framework.views import exception_handler

TYPE = "application/problem+json"
# Code -> (HTTP status, title, sentence with the next step).
PROBLEMES: dict[str, tuple[int, str, str]] = {
    "INT-400": (400, "Demande mal formée", "Corrigez le paramètre nommé dans « parametre »."),
    "INT-401": (
        401,
        "Clé absente ou refusée",
        "Donnez une clé d'intégration en cours, par « Authorization: Bearer ».",
    ),
    "INT-403": (
        403,
        "Hors de la portée de la clé",
        "Cette clé ne lit pas cela. Le titulaire en fait une autre, qui le lit.",
    ),
    "INT-404": (404, "Introuvable", "Rien de tel dans votre officine."),
    "INT-405": (405, "Méthode refusée", "Cette adresse ne fait que se lire, par GET."),
    "INT-429": (429, "Trop de demandes", "Attendez les secondes que dit « Retry-After »."),
    "INT-500": (500, "Panne", "La panne est de notre côté. Réessayez, puis prévenez l'éditeur."),
}
_PAR_STATUT = {statut: code for code, (statut, _, _) in PROBLEMES.items()}


def build_problem(code: str, **autres: object) -> dict[str, object]:
    """Return the JSON object of a refusal. KeyError for an unknown code."""
    statut, titre, phrase = PROBLEMES[code]
    return {"title": titre, "status": statut, "detail": phrase, "code": code, **autres}


def problem_reply(code: str) -> JsonResponse:
    """Return a refusal met outside any view: no such address, or a failure of ours."""
    return JsonResponse(build_problem(code), status=PROBLEMES[code][0], content_type=TYPE)


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None lets a bug be one."""
    reponse = exception_handler(exc, context)
    if reponse is None:
        return None
    code = _PAR_STATUT.get(reponse.status_code, "INT-400")
    nomme = getattr(exc, "parametre", "")
    reponse.status_code = PROBLEMES[code][0]
    reponse.data = build_problem(code, **({"parametre": nomme} if nomme else {}))
    reponse.content_type = TYPE
    return reponse
