"""« Opérateurs et postes »: the titulaire unlocks, gives a temporary password, names a browser."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.http import http_methods
from pharmacy.models import Operateur, Poste
from pharmacy.services import connexion as service
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.session import make_poste


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _operateur(acteur: Acteur, operateur_id: int) -> Operateur:
    operateur = Operateur.objects.filter(
        pk=operateur_id, officine_id=acteur.officine_id, actif=True
    ).first()
    if operateur is None:
        raise VenteRefusee("Cet opérateur n'existe pas dans votre officine.", "OPE-404")
    return operateur


@http_methods(read=("GET",), droit="operateurs.debloquer")
def equipe(request: HttpRequest) -> HttpResponse:
    """Who works here, who is locked out, which browser is which workstation."""
    return render_team(request)


def doors(acteur: Acteur) -> dict[str, object]:
    """Return which rooms of the console its navigation shows to this actor."""
    return {
        "droits": {
            "debloquer": peut(acteur, "operateurs.debloquer").ok,
            "gerer": peut(acteur, "operateurs.gerer").ok,
            "reinitialiser": peut(acteur, "operateurs.reinitialiser").ok,
            "sessions": peut(acteur, "sessions.fermer").ok,
            "postes": peut(acteur, "postes.gerer").ok,
            "rattacher": peut(acteur, "psc.rattacher").ok,
        }
    }


def render_team(request: HttpRequest, **autres: object) -> HttpResponse:
    """Show the team; `temporaire` is a password given just now, shown this once."""
    acteur = _acteur(request)
    blocages = service.blocage_list(acteur.officine_id)
    operateurs = list(Operateur.objects.filter(officine_id=acteur.officine_id).order_by("code"))
    return render(
        request,
        "pharmacy/equipe.html",
        {
            **doors(acteur),
            "jour": timezone.localdate(),
            "lignes": [
                {"operateur": operateur, "bloque_jusqua": blocages.get(operateur.code)}
                for operateur in operateurs
                if operateur.actif
            ],
            "partis": [operateur for operateur in operateurs if not operateur.actif],
            "postes": Poste.objects.filter(officine_id=acteur.officine_id).order_by("code"),
            "temporaire": None,
            **autres,
        },
    )


@http_methods(write=("POST",), droit="operateurs.debloquer")
def debloquer(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """Free an operator on every poste."""
    acteur = _acteur(request)
    service.operateur_debloquer(acteur, _operateur(acteur, operateur_id))
    return redirect("equipe")


@http_methods(write=("POST",), droit="operateurs.reinitialiser")
def reinitialiser(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """Show a temporary password, this once: no address and no session keeps it."""
    acteur = _acteur(request)
    if operateur_id == acteur.operateur_id:
        raise VenteRefusee("Ce mot de passe est le vôtre : il ne se remplace pas ici.", "OPE-001")
    operateur = _operateur(acteur, operateur_id)
    secret = service.operateur_reinitialiser(acteur, operateur)
    return render_team(request, temporaire={"operateur": operateur, "secret": secret})


@http_methods(write=("POST",), droit="postes.gerer")
def associer(request: HttpRequest, poste_id: int) -> HttpResponse:
    """This browser becomes that workstation."""
    acteur = _acteur(request)
    poste = (
        Poste.objects.filter(pk=poste_id, officine_id=acteur.officine_id)
        .exclude(etat=Poste.Etat.REVOQUE)
        .first()
    )
    if poste is None:
        raise VenteRefusee("Ce poste n'existe pas dans votre officine.", "POS-404")
    audit.note(acteur, "poste.associer", f"poste:{poste.pk}")
    reponse = redirect("equipe")
    make_poste(reponse, poste)
    return reponse
