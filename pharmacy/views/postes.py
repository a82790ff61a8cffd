"""« Postes » : which agents the officine trusts; to pair one, to look at it, to end it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from agent.protocol.enrolement import show_code
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import CodeEnrolement, Poste
from pharmacy.postes import enrolement, essai
from pharmacy.services.vente import VenteRefusee


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _poste(acteur: Acteur, poste_id: int) -> Poste:
    poste = Poste.objects.filter(pk=poste_id, officine_id=acteur.officine_id).first()
    if poste is None:
        raise VenteRefusee("Ce poste n'existe pas dans votre officine.", "POS-404")
    return poste


@http_methods(read=("GET",), write=("POST",), droit="postes.gerer")
def postes(request: HttpRequest) -> HttpResponse:
    """Every workstation: its agent, its version, its last sign of life. POST adds one."""
    acteur = _acteur(request)
    manque = False
    if request.method == "POST":
        try:
            return redirect(
                "poste", enrolement.add_poste(acteur, request.POST.get("libelle", "")).pk
            )
        except ValueError:
            manque = True
    lignes = Poste.objects.filter(officine_id=acteur.officine_id).order_by("libelle", "pk")
    contexte = {"lignes": lignes, "manque": manque}
    return render(request, "pharmacy/postes.html", contexte, status=422 if manque else 200)


def _pairing(acteur: Acteur, poste: Poste) -> dict[str, Any]:
    donne = enrolement.code_current(acteur, poste)
    vivant = donne is not None and donne.expire_le > timezone.now()
    return {
        "ligne": poste,
        "donne": donne,
        "etape": donne.etat
        if donne is not None and (vivant or not donne.secret)
        else "perime"
        if donne is not None
        else "aucun",
        "code": show_code(donne.secret) if donne is not None and vivant and donne.secret else "",
        "etats": CodeEnrolement.Etat,
    }


@http_methods(read=("GET",), droit="postes.gerer")
def poste(request: HttpRequest, poste_id: int) -> HttpResponse:
    """One workstation, and where its pairing stands."""
    acteur = _acteur(request)
    return render(request, "pharmacy/poste.html", _pairing(acteur, _poste(acteur, poste_id)))


@http_methods(read=("GET",), droit="postes.gerer")
def poste_etat(request: HttpRequest, poste_id: int) -> HttpResponse:
    """The pairing alone, asked every two seconds while an agent is awaited."""
    acteur = _acteur(request)
    contexte = _pairing(acteur, _poste(acteur, poste_id))
    return render(request, "pharmacy/_poste_association.html", contexte)


@http_methods(write=("POST",), droit="postes.gerer")
def poste_code(request: HttpRequest, poste_id: int) -> HttpResponse:
    """Draw a code for this poste's agent."""
    acteur = _acteur(request)
    enrolement.issue_code(acteur, _poste(acteur, poste_id))
    return redirect("poste", poste_id)


@http_methods(write=("POST",), droit="postes.gerer")
def poste_decider(request: HttpRequest, poste_id: int) -> HttpResponse:
    """The titulaire compared the six digits: the same, or not."""
    acteur = _acteur(request)
    decide = enrolement.decide(
        acteur,
        _poste(acteur, poste_id),
        request.POST.get("comparaison", "")[:6],
        accord=request.POST.get("accord") == "oui",
    )
    if not decide:
        raise VenteRefusee(
            "Cette demande d'association n'est plus en cours. Faites un nouveau code.", "ENR-005"
        )
    return redirect("poste", poste_id)


@http_methods(write=("POST",), droit="postes.gerer", administration=True)
def poste_revoquer(request: HttpRequest, poste_id: int) -> HttpResponse:
    """End the trust in this poste's agent, now."""
    acteur = _acteur(request)
    enrolement.revoke(acteur, _poste(acteur, poste_id))
    return redirect("poste", poste_id)


@http_methods(read=("GET",), droit="postes.gerer")
def poste_essai(request: HttpRequest, poste_id: int) -> HttpResponse:
    """« Tester ce poste » : one gesture a device, and what the server received of it."""
    acteur = _acteur(request)
    contexte = _trial(acteur, _poste(acteur, poste_id))
    return render(request, "pharmacy/poste_essai.html", contexte)


@http_methods(read=("GET",), droit="postes.gerer")
def poste_essai_etat(request: HttpRequest, poste_id: int) -> HttpResponse:
    """What the server received, asked every two seconds while someone tries the devices."""
    acteur = _acteur(request)
    contexte = _trial(acteur, _poste(acteur, poste_id))
    return render(request, "pharmacy/_poste_essai.html", contexte)


@http_methods(write=("POST",), droit="postes.gerer")
def poste_essai_agent(request: HttpRequest, poste_id: int, verbe: str) -> HttpResponse:
    """What the agent of this browser answered to one verb of the trial, in words."""
    acteur = _acteur(request)
    ligne = _poste(acteur, poste_id)
    if verbe not in essai.VERBES:
        raise VenteRefusee("Ce geste n'existe pas dans l'essai d'un poste.", "POS-404")
    dit = essai.read_answer(acteur, ligne, verbe, request.POST)
    if request.headers.get("HX-Request"):
        return render(request, essai.VERBES[verbe], {"ligne": ligne, "dit": dit})
    return render(request, "pharmacy/poste_essai.html", {**_trial(acteur, ligne), "dit": dit})


def _trial(acteur: Acteur, poste: Poste) -> dict[str, Any]:
    return {
        "ligne": poste,
        "appareils": essai.trials(acteur, poste, timezone.now()),
        "dit": essai.Dit(),
    }
