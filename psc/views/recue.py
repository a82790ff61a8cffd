"""The service ends a session by itself: one address without cookie, without page (psc.md §5.6)."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from pharmacy.http import http_methods
from psc.services import deconnexion_recue as service
from teleservices.errors import InvalidReply, Rejected, TeleserviceError

logger = logging.getLogger(__name__)


@csrf_exempt
@http_methods(write=("POST",))
def deconnexion_recue(request: HttpRequest) -> HttpResponse:
    """Take a logout token: 200 whatever it ended, 400 for one that is worth nothing.

    503 when its signature cannot be checked now: the service may send it again.
    """
    reponse = _answer(request.POST.getlist("logout_token"))
    reponse["Cache-Control"] = "no-store"
    return reponse


def _answer(jetons: list[str]) -> HttpResponse:
    if not (settings.PSC_ACTIF and settings.PSC_DECONNEXION_RECUE):
        return HttpResponse(status=404)
    if len(jetons) != 1:
        return JsonResponse({"error": "invalid_request"}, status=400)
    try:
        service.receive(jetons[0])
    except (InvalidReply, Rejected) as exc:
        logger.warning("psc.deconnexion_refusee %s", exc.code)
        return JsonResponse({"error": "invalid_request"}, status=400)
    except TeleserviceError as exc:
        logger.warning("psc.deconnexion_impossible %s", exc.code)
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    return HttpResponse(status=200)
