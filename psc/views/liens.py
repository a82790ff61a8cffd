"""« Rattachements »: whose professional identity is whose; one's own; what is to be read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.http import http_methods, read_id
from pharmacy.models import Operateur
from pharmacy.services.connexion import ConnexionRefusee
from pharmacy.services.equipe import SaisieRefusee
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.equipe import doors
from pharmacy.views.operateur import operateur_of
from psc.services import rattachements as service


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), droit=service.DROIT)
def liste(request: HttpRequest) -> HttpResponse:
    """Who is attached to what, requests first."""
    acteur = _acteur(request)
    audit.note(acteur, "psc.lien.voir")
    contexte = {
        **doors(acteur),
        "actif": settings.PSC_ACTIF,
        "lignes": service.line_list(acteur.officine_id),
    }
    return render(request, "psc/liens.html", contexte)


@http_methods(read=("GET",), write=("POST",), droit=service.DROIT)
def lien(request: HttpRequest, operateur_id: int) -> HttpResponse:
    """The link of one operator: declare, approve, change, suspend, remove."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, operateur_id)
    faute: tuple[str, str] | None = None
    if request.method == "POST":
        try:
            return _act(request, acteur, operateur)
        except SaisieRefusee as exc:
            faute = (exc.champ, str(exc))
        except ConnexionRefusee as exc:
            faute = ("mot_de_passe", exc.phrase)
    else:
        audit.note(acteur, "psc.lien.voir", f"operateur:{operateur.pk}")
    contexte = {
        **doors(acteur),
        **_page(request, operateur, faute),
        "responsables": []
        if operateur.est_pharmacien
        else service.responsible_list(acteur.officine_id),
        "titulaire": acteur.role == Operateur.Role.TITULAIRE,
    }
    return render(request, "psc/lien.html", contexte, status=422 if faute else 200)


def _page(
    request: HttpRequest, operateur: Operateur, faute: tuple[str, str] | None
) -> dict[str, object]:
    """Return what both pages of a link show; what was typed comes back with its mistake."""
    return {
        "ligne": operateur,
        "vue": service.LigneLien(operateur, service.current(operateur)),
        "actif": settings.PSC_ACTIF,
        "champ_faute": faute[0] if faute else "",
        "faute": faute[1] if faute else "",
        "acte": request.POST.get("acte", "") if faute else "",
        "saisie": {
            nom: request.POST.get(nom, "") if faute else "" for nom in ("rpps", "national", "motif")
        },
        "fait": request.GET.get("fait", ""),
    }


def _typed(request: HttpRequest) -> service.IdentiteSaisie:
    return service.read_typed(request.POST.get("rpps", ""), request.POST.get("national", ""))


def _done(operateur: Operateur, fait: str, *, cle_juste: bool = True) -> HttpResponse:
    reponse = redirect("psc_lien", operateur.pk)
    suite = {"fait": fait if cle_juste else "cle"}
    reponse["Location"] += "?" + urlencode(suite)
    return reponse


def _act(request: HttpRequest, acteur: Acteur, operateur: Operateur) -> HttpResponse:
    """Play one act of the page. SaisieRefusee, ConnexionRefusee: shown beside the field."""
    acte, lien_id = request.POST.get("acte", ""), read_id(request.POST.get("lien"))
    if acte == "declarer":
        saisie = _typed(request)
        service.declare(acteur, operateur.pk, saisie)
        return _done(operateur, acte, cle_juste=saisie.cle_juste)
    if acte == "changer":
        saisie = _typed(request)
        service.change(acteur, operateur.pk, saisie, request.POST.get("mot_de_passe", ""))
        return _done(operateur, acte, cle_juste=saisie.cle_juste)
    if acte == "suspendre":
        service.suspend(acteur, lien_id, request.POST.get("motif", ""))
        return _done(operateur, acte)
    if acte == "responsable":
        service.entrust(acteur, lien_id, read_id(request.POST.get("responsable")))
        return _done(operateur, acte)
    if acte == "retirer":
        service.remove(acteur, lien_id, request.POST.get("mot_de_passe", ""))
        return _done(operateur, acte)
    simples: dict[str, Callable[[Acteur, int], object]] = {
        "approuver": service.approve,
        "reprendre": service.resume,
    }
    if acte not in simples:
        raise VenteRefusee("Cet acte n'existe pas.", "PSC-101")
    simples[acte](acteur, lien_id)
    return _done(operateur, acte)


@http_methods(read=("GET",), write=("POST",), droit="session")
def mon_lien(request: HttpRequest) -> HttpResponse:
    """One's own link: ask for it, read what changed; then on to where one was going."""
    acteur = _acteur(request)
    operateur = operateur_of(acteur, acteur.operateur_id)
    suite = request.POST.get("suite") or request.GET.get("suite") or ""
    if not url_has_allowed_host_and_scheme(suite, allowed_hosts=None):
        suite = ""
    faute: tuple[str, str] | None = None
    if request.method == "POST":
        try:
            return _act_of_mine(request, acteur, suite)
        except SaisieRefusee as exc:
            faute = (exc.champ, str(exc))
    contexte = {
        **_page(request, operateur, faute),
        "suite": suite,
        "direct": peut(acteur, service.DROIT).ok,
    }
    return render(request, "psc/mon_lien.html", contexte, status=422 if faute else 200)


def _act_of_mine(request: HttpRequest, acteur: Acteur, suite: str) -> HttpResponse:
    if request.POST.get("acte") == "lu":
        service.mark_read(acteur)
        return redirect(suite or "psc_mon_lien")
    saisie = _typed(request)
    service.propose(acteur, saisie)
    reponse = redirect("psc_mon_lien")
    reponse["Location"] += "?" + urlencode({"fait": "demander" if saisie.cle_juste else "cle"})
    return reponse
