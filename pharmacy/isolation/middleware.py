"""Each request works for one officine: that of the session, or that of the workstation's cookie."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.core import signing
from django.db import connection
from django.http import HttpRequest, HttpResponse

from pharmacy.isolation.contexte import officine_context

logger = logging.getLogger(__name__)
COOKIE_POSTE: str = settings.POSTE_COOKIE_NAME
_SEL = "comptoir.poste"


def poste_cookie_build(officine_id: int, poste_id: int) -> str:
    """Return the signed value that makes a browser a workstation."""
    return signing.dumps({"o": officine_id, "p": poste_id}, salt=_SEL)


def poste_cookie_read(request: HttpRequest) -> tuple[int, int] | None:
    """Return (officine, poste) of this browser; None without a cookie of ours."""
    brut = request.COOKIES.get(COOKIE_POSTE, "")
    if not brut:
        return None
    try:
        contenu = signing.loads(brut, salt=_SEL)
        return int(contenu["o"]), int(contenu["p"])
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        logger.warning("cookie de poste refusé : il n'est pas signé d'ici")
        return None


def officine_of_finess(finess: str) -> int | None:
    """Return the id of an open officine; the only look-up that crosses officines at sign-in."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT comptoir_officine_par_finess(%s)", [finess])
        ligne = curseur.fetchone()
    return ligne[0] if ligne else None


class OfficineMiddleware:
    """Set `request.poste_cookie` and run the rest under the officine's context."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request for its officine, or for none (then no row exists)."""
        cookie = poste_cookie_read(request)
        request.poste_cookie = cookie  # type: ignore[attr-defined]
        officine_id = request.session.get("officine") or (cookie[0] if cookie else None)
        if officine_id is None:
            return self.get_response(request)
        with officine_context(int(officine_id)):
            return self.get_response(request)
