"""The event stream of a sale (server-sent events) and its polling fallback.

Theory of operation. Subscribe first, then send the state read in the database: nothing falls
between the two. Valkey carries names of parts; the HTML is rendered here, for this actor, from the
database. Each message carries the version of the sale. When Valkey goes away the stream ends, the
browser reconnects, and polls meanwhile.
"""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from pharmacy.acteurs import Acteur, peut
from pharmacy.flux import canal_officine, canal_vente
from pharmacy.http import http_methods, read_id
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Vente
from pharmacy.panels import fragment_noms
from pharmacy.rendu import render_fragment, vente_get
from pharmacy.session.middleware import is_present

logger = logging.getLogger(__name__)
BATTEMENT_S = 15
ABONNEMENT_S = 5


class Partie(Exception):
    """Who opened the stream has left, is locked, or lost the right: nothing more is sent."""


@dataclass(frozen=True)
class Ecoute:
    """Whose stream, of which sale, opened by which session."""

    acteur: Acteur
    vente_id: int
    session: str

    def read(self, noms: list[str]) -> list[dict[str, object]]:
        """Return the named fragments as JSON objects.

        Raises Partie when the operator may not see them any more.
        """
        return Passage(self).read(noms)


class Passage:
    """What one message makes us read: the session is checked, and the sale read, once for all."""

    def __init__(self, qui: Ecoute) -> None:
        self.qui = qui
        self._present = False
        self._vente: Vente | None = None

    def read(self, noms: list[str]) -> list[dict[str, object]]:
        """Return the named fragments as JSON objects; see `Ecoute.read`."""
        qui = self.qui
        with officine_context(qui.acteur.officine_id):
            if not self._present and not (
                peut(qui.acteur, "vente").ok and is_present(qui.session, qui.acteur)
            ):
                raise Partie
            self._present = True
            if noms and self._vente is None:
                self._vente = vente_get(qui.acteur, qui.vente_id)
            vente = self._vente
            if vente is None:
                return []
            rendus = [render_fragment(nom, vente, qui.acteur) for nom in noms]
            return [f.as_dict() for f in rendus if f is not None]

    def read_apart(self, noms: list[str]) -> list[dict[str, object]]:
        """Read in a thread of its own, and give the connection back."""
        try:
            return self.read(noms)
        finally:
            connection.close()


def _event(nom: str, data: object) -> bytes:
    return f"event: {nom}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def _events(qui: Ecoute, message: dict[str, Any] | None) -> AsyncIterator[bytes]:
    """Yield what a message of Valkey means; a silence is a heartbeat, told after the check.

    The first name is what the page waits for: it leaves first, then the next step (a window to
    open), then the other parts.
    """
    contenu = json.loads(message["data"]) if message else {}
    noms = contenu.get("fragments") or []
    lecture = sync_to_async(Passage(qui).read_apart)
    for fragment in await lecture(noms[:1]):
        yield _event("fragment", fragment)
    if message is None:
        yield _event("battement", {})
    if contenu.get("suite"):
        yield _event("suite", contenu["suite"])
    for fragment in await lecture(noms[1:]) if len(noms) > 1 else ():
        yield _event("fragment", fragment)


async def _subscribe(ecoute: PubSub, *canaux: str) -> None:
    """Return once Valkey listens: what is announced from now on is not lost."""
    await ecoute.subscribe(*canaux)
    for _canal in canaux:
        if await ecoute.get_message(timeout=ABONNEMENT_S) is None:
            raise OSError("valkey is silent")


async def _stream(qui: Ecoute) -> AsyncIterator[bytes]:
    acteur, vente_id = qui.acteur, qui.vente_id
    client = redis.asyncio.Redis.from_url(settings.VALKEY_URL)
    ecoute = client.pubsub()
    try:
        await _subscribe(
            ecoute, canal_vente(acteur.officine_id, vente_id), canal_officine(acteur.officine_id)
        )
        yield b"retry: 1000\n\n"
        for fragment in await sync_to_async(Passage(qui).read_apart)(fragment_noms()):
            yield _event("fragment", fragment)
        while True:
            message = await ecoute.get_message(timeout=BATTEMENT_S)
            if message is not None and message["type"] != "message":
                break  # subscribed again after a cut: what was announced meanwhile is lost
            async for evenement in _events(qui, message):
                yield evenement
    except Partie:
        yield _event("fin", {})
    except (RedisError, OSError):
        logger.warning("flux.coupe")
    finally:
        await ecoute.aclose()  # type: ignore[no-untyped-call]  # untyped in redis
        await client.aclose()


def flux(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """GET /flux?vente=N: the stream; 401 without an operator, 403, 404 elsewhere."""
    acteur: Acteur | None = getattr(request, "acteur", None)
    if request.method != "GET":
        return HttpResponse(status=405)
    if acteur is None:
        return HttpResponse(status=401)
    if not peut(acteur, "vente").ok:
        return HttpResponse(status=403)
    vente_id = read_id(request.GET.get("vente"))
    if vente_get(acteur, vente_id) is None:
        return HttpResponse(status=404)
    qui = Ecoute(acteur, vente_id, str(request.session.session_key))
    reponse = StreamingHttpResponse(_stream(qui), content_type="text/event-stream")
    reponse["X-Accel-Buffering"] = "no"
    return reponse


flux.droit = "vente"  # type: ignore[attr-defined]
flux.methodes = (("GET",), ())  # type: ignore[attr-defined]


@http_methods(read=("GET",), droit="vente")
def etat(request: HttpRequest) -> JsonResponse:
    """GET /flux/etat?vente=N: the same fragments, once (fallback)."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    vente = vente_get(acteur, read_id(request.GET.get("vente")))
    if vente is None:
        return JsonResponse({"fragments": []}, status=404)
    rendus = [render_fragment(nom, vente, acteur) for nom in fragment_noms()]
    return JsonResponse({"fragments": [f.as_dict() for f in rendus if f is not None]})
