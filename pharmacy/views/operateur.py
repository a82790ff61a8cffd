"""One operator: arrival, sheet, departure in one act, return (TIT-01)."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.forms import DepartForm, OperateurForm
from pharmacy.http import http_methods
from pharmacy.models import Operateur
from pharmacy.restes import reste_list
from pharmacy.services import equipe as service
from pharmacy.services import second_facteur, sessions
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.equipe import doors, render_team


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def operateur_of(acteur: Acteur, operateur_id: int) -> Operateur:
    """Return an operator of the officine, here or gone. VenteRefusee when there is none."""
    operateur = Operateur.objects.filter(pk=operateur_id, officine_id=acteur.officine_id).first()
    if operateur is None:
        raise VenteRefusee("Cet opérateur n'existe pas dans votre officine.", "OPE-404")
    return operateur


def _initial(operateur: Operateur) -> dict[str, object]:
    return {
        "prenom": operateur.prenom,
        "nom": operateur.nom,
        "role": operateur.role,
        "rpps": operateur.rpps,
        "rpps_vu": operateur.rpps,
        "arrivee": operateur.arrivee,
    }


def _render(request: HttpRequest, form: OperateurForm, **autres: object) -> HttpResponse:
    return render(
        request,
        "pharmacy/operateur.html",
        {
            "form": form,
            "ligne": None,
            "facteur_actif": False,
            **doors(_acteur(request)),
            **autres,
        },
        status=422 if form.errors else 200,
    )


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def arrivee(request: HttpRequest) -> HttpResponse:
    """Someone starts: their code, who they are, their temporary password, shown this once."""
    form = OperateurForm(
        request.POST or None, avec_code=True, initial={"arrivee": timezone.localdate()}
    )
    if form.is_valid():
        try:
            operateur, secret = service.arrive(
                _acteur(request), form.cleaned_data["code"], form.saisi
            )
        except service.SaisieRefusee as exc:
            form.add_error(exc.champ, str(exc))
        else:
            return render_team(request, temporaire={"operateur": operateur, "secret": secret})
    return _render(request, form, acte="arrivee")


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def fiche(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """The sheet of an operator; a change of role holds at their next request."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, operateur_id)
    form = OperateurForm(request.POST or None, avec_code=False, initial=_initial(operateur))
    if form.is_valid():
        try:
            service.modify(acteur, operateur.pk, form.saisi)
        except service.SaisieRefusee as exc:
            form.add_error(exc.champ, str(exc))
        else:
            return redirect("equipe")
    actif = second_facteur.is_active(operateur)
    return _render(request, form, ligne=operateur, acte="fiche", facteur_actif=actif)


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def retour(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """Someone comes back under their code, with a temporary password, shown this once."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, operateur_id)
    initial = {**_initial(operateur), "arrivee": timezone.localdate()}
    form = OperateurForm(request.POST or None, avec_code=False, initial=initial)
    if form.is_valid():
        try:
            operateur, secret = service.come_back(acteur, operateur.pk, form.saisi)
        except service.SaisieRefusee as exc:
            form.add_error(exc.champ, str(exc))
        else:
            return render_team(request, temporaire={"operateur": operateur, "secret": secret})
    return _render(request, form, ligne=operateur, acte="retour")


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def depart(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """What a departure ends, then the departure: now, or at the end of a day."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, operateur_id)
    faute = ""
    if request.method == "POST":
        try:
            return _leave(request, acteur, operateur)
        except service.SaisieRefusee as exc:
            faute = str(exc)
    contexte = {
        **doors(acteur),
        "ligne": operateur,
        "faute": faute,
        "depart": request.POST.get("depart", ""),
        "seul": service.is_the_only_one(operateur),
        "sessions": sum(
            vue.operateur.pk == operateur.pk
            for vue in sessions.session_list(acteur.officine_id, None)
        ),
        "restes": reste_list(acteur, operateur),
    }
    return render(request, "pharmacy/depart.html", contexte, status=422 if faute else 200)


def _leave(request: HttpRequest, acteur: Acteur, operateur: Operateur) -> HttpResponse:
    quand = request.POST.get("quand", "")
    if quand == "maintenant":
        service.leave(acteur, operateur.pk)
        if operateur.pk == acteur.operateur_id:
            logout(request)
            return redirect("/connexion/")
    elif quand == "annuler":
        service.plan_departure(acteur, operateur.pk, None)
    else:
        champ = DepartForm(request.POST)
        if not champ.is_valid():
            raise service.SaisieRefusee("depart", champ.phrase)
        service.plan_departure(acteur, operateur.pk, champ.cleaned_data["depart"])
    return redirect("equipe")
