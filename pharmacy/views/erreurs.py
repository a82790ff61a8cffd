"""Pages of refusal: each says what did not happen and what to do."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from pharmacy.http import refuse
from pharmacy.problemes import problem_reply

API = "/api/"


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form does not come from a page of this session."""
    del reason
    return refuse(request, "Cette page a expiré. Rechargez-la : rien n'est perdu.", 403, "CSRF")


def introuvable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing at this address, in this officine."""
    del exception
    if request.path.startswith(API):
        return problem_reply("INT-404")
    return refuse(request, "Cette page n'existe pas dans votre officine.", 404)


def panne(request: HttpRequest) -> HttpResponse:
    """Something broke on our side; the sale is kept."""
    if request.path.startswith(API):
        return problem_reply("INT-500")
    # Without the request: the context processors read the base, which may be what is broken.
    return HttpResponse(render_to_string("pharmacy/panne.html"), status=500)
