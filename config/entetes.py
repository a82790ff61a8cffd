"""Security headers of every page, and one address only: `localhost` is sent to 127.0.0.1."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponsePermanentRedirect,
)

# The agent of the poste answers on the loopback; no page of ours uses a device by itself.
PERMISSIONS = ", ".join(
    [
        "loopback-network=(self)",
        "local-network-access=(self)",
        *(
            f"{nom}=()"
            for nom in (
                "bluetooth",
                "camera",
                "display-capture",
                "geolocation",
                "hid",
                "microphone",
                "midi",
                "payment",
                "serial",
                "usb",
            )
        ),
    ]
)


def _other_name(request: HttpRequest) -> HttpResponse | None:
    """Answer `localhost`: this machine's page by its one address; elsewhere, the probe alone."""
    if request.META.get("HTTP_HOST", "").split(":")[0] != "localhost":
        return None
    if settings.HOTE_AUTORISE.startswith("127.0.0.1"):
        return HttpResponsePermanentRedirect(settings.ADRESSE + request.get_full_path())
    return None if request.path.startswith("/sante") else HttpResponseBadRequest()


class EntetesMiddleware:
    """Add the CSP (nonce, agent ports), framing, referrer and permissions headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        ports = settings.AGENT_PORTS
        # The relay by its whole address: some browsers do not count a websocket as 'self'.
        relais = settings.ADRESSE.replace("http", "ws", 1)
        self.agent = " ".join(
            [*(f"ws://127.0.0.1:{p} http://127.0.0.1:{p}" for p in ports), relais]
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send a foreign name away, or run the view; add the headers whatever the answer."""
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        reponse = _other_name(request) or self.get_response(request)
        reponse["Content-Security-Policy"] = self._csp(request.csp_nonce)  # type: ignore[attr-defined]
        reponse.setdefault("Referrer-Policy", "same-origin")
        reponse["X-Content-Type-Options"] = "nosniff"
        reponse["X-Frame-Options"] = "DENY"
        reponse["Cross-Origin-Opener-Policy"] = "same-origin"
        reponse["Cross-Origin-Resource-Policy"] = "same-origin"
        reponse["Permissions-Policy"] = PERMISSIONS
        if settings.ADRESSE.startswith("https://"):
            reponse["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if not request.path.startswith(settings.STATIC_URL):
            reponse["Cache-Control"] = "no-store"
        return reponse

    def _csp(self, nonce: str) -> str:
        return (
            f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; "
            f"img-src 'self' data:; font-src 'self'; connect-src 'self' {self.agent}; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
