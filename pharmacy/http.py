"""What every view declares: which methods read, which write, and the right it needs.

A read that tries to write business rows raises: a GET must be harmless, whatever calls it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from pharmacy import audit
from pharmacy.acteurs import (
    EN_VENTE,
    FERMER,
    SANS_VENTE,
    Acteur,
    AdministrationRequise,
    check_administration,
    peut,
)
from pharmacy.services.vente import VenteRefusee

# Rows a read may write: it is traced, and the session remembers the activity.
_PERMISES = re.compile(
    r'^\s*(INSERT INTO|UPDATE|DELETE FROM) "(pharmacy_audit|django_session)"', re.I
)
_ECRITURE = re.compile(r"^\s*(INSERT|UPDATE|DELETE|TRUNCATE|MERGE)\b", re.I)


class EcritureInterdite(RuntimeError):
    """A view declared as reading tried to write."""


@contextmanager
def read_only() -> Iterator[None]:
    """Refuse any write of business rows inside the block."""

    def guard(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401
        texte = str(sql)
        if _ECRITURE.match(texte) and not _PERMISES.match(texte):
            raise EcritureInterdite(texte.split("(", 1)[0][:60])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(guard):
        yield


def http_methods(
    *,
    read: tuple[str, ...] = (),
    write: tuple[str, ...] = (),
    droit: str | None = None,
    administration: bool = False,
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Declare a view. `droit` None: open to anyone (sign-in, health).

    `administration`: its writes need the administration mode (TIT-03).
    """

    def decorate(vue: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(vue)
        def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            methode = "GET" if request.method == "HEAD" else request.method or ""
            if methode not in {*read, *write}:
                return HttpResponseNotAllowed([*read, *write])
            refus = _check(request, droit, en_vente=droit in EN_VENTE or "vente_id" in kwargs)
            if refus is not None:
                return refus
            try:
                if methode in read:
                    with read_only():
                        return vue(request, *args, **kwargs)
                if administration:
                    check_administration(request.acteur)  # type: ignore[attr-defined]
                return vue(request, *args, **kwargs)
            except (PermissionError, VenteRefusee) as exc:
                return _refusal(request, droit, exc)

        inner.droit = droit  # type: ignore[attr-defined]
        inner.methodes = (read, write)  # type: ignore[attr-defined]
        inner.administration = administration  # type: ignore[attr-defined]
        return inner

    return decorate


def _refusal(
    request: HttpRequest, droit: str | None, exc: PermissionError | VenteRefusee
) -> HttpResponse:
    if isinstance(exc, VenteRefusee):
        return refuse(request, exc.phrase, 404 if exc.code.endswith("404") else 409, exc.code)
    if isinstance(exc, AdministrationRequise):
        return refuse(request, str(exc), 403, "ADM-001")
    note_refusal(request, droit)
    return refuse(request, str(exc), 403)


def suite_of(request: HttpRequest, defaut: str) -> str:
    """Return the page to go to next, asked by `suite`: one of ours, that a GET reads."""
    voulu = request.POST.get("suite") or request.GET.get("suite") or ""
    sur = url_has_allowed_host_and_scheme(voulu, allowed_hosts={request.get_host()})
    return voulu if sur and view_of(voulu) is not None else defaut


def view_of(chemin: str) -> Callable[..., HttpResponse] | None:
    """Return the view that a GET of this path shows to who is signed in; None without one."""
    try:
        vue = resolve(chemin.split("?", 1)[0]).func
    except Resolver404:
        return None
    lire: tuple[str, ...] = getattr(vue, "methodes", ((), ()))[0]
    return vue if lire and getattr(vue, "droit", None) is not None else None


def read_id(brut: object) -> int:
    """Return a row's id out of untrusted text; 0, which is no row's, for anything else."""
    texte = str(brut or "")
    return int(texte) if texte.isascii() and texte.isdigit() and len(texte) < 19 else 0


def _check(request: HttpRequest, droit: str | None, *, en_vente: bool) -> HttpResponse | None:
    """Return the refusal of who may not; of anyone, for a sale, while they administer."""
    if droit is None:
        return None
    acteur: Acteur | None = getattr(request, "acteur", None)
    if acteur is None:
        return _to_sign_in(request)
    if en_vente and acteur.administre:
        return refuse(request, f"{SANS_VENTE} {FERMER}", 403, "ADM-002")
    decision = peut(acteur, droit)
    if not decision.ok:
        note_refusal(request, droit)
        return refuse(request, f"{decision.phrase} {decision.geste}".strip(), 403)
    return None


def note_refusal(request: HttpRequest, droit: str | None) -> None:
    """Note that someone asked for what they may not do: which view, not what was sent."""
    acteur: Acteur | None = getattr(request, "acteur", None)
    if acteur is not None:
        vue = request.resolver_match.view_name if request.resolver_match else ""
        audit.note(acteur, "acces.refuse", f"vue:{vue}"[:60], None, "refus", (droit or "")[:40])


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    retour = request.get_full_path() if request.method == "GET" else "/"
    if request.headers.get("HX-Request"):
        reponse = HttpResponse(status=204)
        reponse["HX-Redirect"] = "/connexion/"
        return reponse
    return redirect("/connexion/?" + urlencode({"suite": retour}))


def refuse(request: HttpRequest, phrase: str, status: int, code: str = "") -> HttpResponse:
    """Return a refusal: one sentence and its code, as a page or as a fragment for the dialog."""
    gabarit = "pharmacy/_refus.html" if request.headers.get("HX-Request") else "pharmacy/refus.html"
    # Where to come back once the mode is open: the page that was looked at, which a GET reads.
    suite = request.path if view_of(request.path) else ""
    contexte = {"phrase": phrase, "code": code or f"HTTP-{status}", "suite": suite}
    reponse = render(request, gabarit, contexte, status=status)
    if request.headers.get("HX-Request"):
        reponse["HX-Retarget"] = "#message"
        reponse["HX-Reswap"] = "innerHTML"
    return reponse


def render_dialogue(
    request: HttpRequest, gabarit: str, contexte: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return a dialog: the fragment for htmx, the same fragment in a page for a plain link."""
    if request.headers.get("HX-Request"):
        return render(request, gabarit, contexte, status=status)
    return render(request, "pharmacy/dialogue.html", contexte | {"gabarit": gabarit}, status=status)
