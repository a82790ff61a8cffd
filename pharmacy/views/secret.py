"""« Mot de passe et PIN »: each operator changes their own."""

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy.acteurs import Acteur
from pharmacy.forms import ChangementForm
from pharmacy.http import http_methods
from pharmacy.models import Operateur, Poste
from pharmacy.services import secret, sessions
from pharmacy.services.connexion import ConnexionRefusee
from pharmacy.session.middleware import note_authentication

CHANGE = "C'est changé. Vos autres sessions sont fermées."
FERME = "Vos autres sessions sont fermées."


@http_methods(read=("GET",), write=("POST",), droit="session")
def changer(request: HttpRequest) -> HttpResponse:
    """The password of today, then a new one, a new PIN, both; or only the other sessions end."""
    form = ChangementForm(request.POST or None)
    if form.is_valid() and _change(request, form):
        return redirect("portail")
    statut = 422 if request.method == "POST" else 200
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    vues = sessions.session_list(acteur.officine_id, request.session.session_key)
    miennes = [vue for vue in vues if vue.operateur.pk == acteur.operateur_id]
    return render(request, "pharmacy/secret.html", {"form": form, "vues": miennes}, status=statut)


def _change(request: HttpRequest, form: ChangementForm) -> bool:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    ancienne = request.session.session_key
    try:
        operateur = secret.change_own(acteur, poste, form.changement, ancienne)
    except ConnexionRefusee as exc:
        form.add_error("actuel", exc.phrase)
    except ValidationError as exc:
        form.add_error("nouveau", exc)
    else:
        request.session["avis"] = FERME if form.fermer else CHANGE
        _renew(request, operateur, poste, ancienne)
        return True
    return False


def _renew(
    request: HttpRequest, operateur: Operateur, poste: Poste | None, ancienne: str | None
) -> None:
    """This session stays, under a new key."""
    update_session_auth_hash(request, operateur)
    note_authentication(request)
    request.session.save()
    sessions.note_opening(operateur, poste, str(request.session.session_key), ancienne)
