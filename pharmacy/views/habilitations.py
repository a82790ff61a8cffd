"""The matrix of the rights: by role, then for one person (TIT-02)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import Operateur
from pharmacy.services import habilitations as service
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.equipe import doors
from pharmacy.views.operateur import operateur_of


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def roles(request: HttpRequest) -> HttpResponse:
    """Right × role: ticked is held, a dash is the law. Effective at everybody's next request."""
    acteur = _acteur(request)
    erreur = None
    if request.method == "POST":
        try:
            service.change_roles(
                acteur, request.POST.getlist("droit"), request.POST.get("marque", "")
            )
            return redirect("equipe_habilitations")
        except VenteRefusee as exc:
            erreur = exc
    matrice = service.matrix_of_roles(acteur.officine_id)
    contexte = {
        **doors(acteur),
        "matrice": matrice,
        "roles": [Operateur.Role(role).label for role in service.ROLES],
        "personnes": Operateur.objects.filter(
            officine_id=acteur.officine_id, habilitations__isnull=False
        )
        .distinct()
        .order_by("code"),
        "erreur": erreur,
    }
    return render(request, "pharmacy/habilitations.html", contexte, status=409 if erreur else 200)


@http_methods(read=("GET",), write=("POST",), droit="operateurs.gerer", administration=True)
def personne(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """The rights of one person, beside those of their role."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, operateur_id)
    erreur = None
    if request.method == "POST":
        try:
            service.change_person(
                acteur,
                operateur,
                request.POST.getlist("droit"),
                request.POST.get("marque", ""),
            )
            return redirect("equipe_habilitations_personne", operateur.pk)
        except VenteRefusee as exc:
            erreur = exc
    contexte = {
        **doors(acteur),
        "ligne": operateur,
        "matrice": service.matrix_of_person(operateur),
        "fixe": operateur.role == Operateur.Role.TITULAIRE or not operateur.actif,
        "erreur": erreur,
    }
    return render(
        request, "pharmacy/habilitations_personne.html", contexte, status=409 if erreur else 200
    )
