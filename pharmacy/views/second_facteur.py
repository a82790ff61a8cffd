"""« Second facteur », one's own sheet: activate, replace, new recovery codes; and from outside."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.services import second_facteur as service
from pharmacy.services.connexion import ConnexionRefusee, confirm_password
from pharmacy.views.equipe import operateur_here


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), write=("POST",), droit="session")
def second_facteur(request: HttpRequest) -> HttpResponse:
    """One's own second factor. POST: the password again, then the first code, then the codes."""
    acteur = _acteur(request)
    faute, codes = "", []
    if request.method == "POST":
        try:
            codes = _act(request, acteur)
        except (ConnexionRefusee, service.FacteurRefuse) as exc:
            faute = exc.phrase
        else:
            if not codes:
                return redirect("second_facteur")
    contexte = {
        "facteur": service.state_of(acteur),
        "faute": faute,
        "acte": request.POST.get("acte", ""),
        "codes": codes,
        **service.proposal(acteur, request.user),  # type: ignore[arg-type]
    }
    return render(request, "pharmacy/second_facteur.html", contexte, status=422 if faute else 200)


def _act(request: HttpRequest, acteur: Acteur) -> list[str]:
    """Do what the form asks; return the recovery codes when there are new ones."""
    code = request.POST.get("code", "")[:20]
    acte = request.POST.get("acte", "")
    if acte == "confirmer":
        return service.confirm(acteur, code)
    confirm_password(acteur, request.POST.get("mot_de_passe", "")[:128])
    if acte == "codes":
        return service.renew_codes(acteur, code)
    if service.state_of(acteur).active_le is not None:
        service.verify(acteur, code)
    service.propose(acteur)
    return []


@http_methods(write=("POST",), droit="operateurs.reinitialiser", administration=True)
def retirer(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """Remove a colleague's second factor: they activate another one."""
    acteur = _acteur(request)
    service.remove(acteur, operateur_here(acteur, operateur_id))
    return redirect("equipe_operateur", operateur_id)
