"""« Identités à traiter »: what a person must still look at, why, since when, what next."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ins.models import TacheIdentite
from ins.services import taches as service
from ins.views.commun import acteur_of, render_dialog
from pharmacy import audit
from pharmacy.acteurs import peut
from pharmacy.http import http_methods, read_id
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller

Nature = TacheIdentite.Nature
PAR_PAGE = 25
_SUITES = {
    Nature.PIECE_DIFFERENTE: "Revoir la pièce avec la personne, ou attendre l'état civil corrigé.",
    Nature.VERIFICATION: "Interroger INSi à la prochaine visite, carte Vitale en main.",
    Nature.AUTRE_MATRICULE: "Vérifier s'il s'agit de deux personnes ; au besoin, marquer douteuse.",
    Nature.COLLISION: "Comparer les deux dossiers : fusionner, ou marquer l'un douteux.",
    Nature.DOUBLON: "Comparer les deux dossiers : fusionner, ou signaler deux homonymes.",
    Nature.RELANCE: "Interroger INSi à la prochaine visite.",
    Nature.NOM: "Demander le nom de naissance à la personne et corriger le dossier.",
    Nature.TRANSMIS: "Prévenir ceux qui ont reçu ces documents.",
}
_ISSUES = {
    Nature.PIECE_DIFFERENTE: ("Pièce revue, conforme", "État civil corrigé"),
    Nature.VERIFICATION: ("INS récupérée de nouveau", "Personne non revue"),
    Nature.AUTRE_MATRICULE: ("Même personne", "Deux personnes, dossier marqué"),
    Nature.COLLISION: ("Dossiers fusionnés", "Dossiers distincts"),
    Nature.DOUBLON: ("Dossiers fusionnés", "Deux personnes distinctes"),
    Nature.RELANCE: ("INS récupérée", "Personne non revue"),
    Nature.NOM: ("Nom de naissance confirmé", "Nom de naissance corrigé"),
    Nature.TRANSMIS: ("Destinataires prévenus", "Aucun destinataire concerné"),
}


@http_methods(read=("GET",), droit="ins.taches")
def liste(request: HttpRequest) -> HttpResponse:
    """Every open item of the officine, the surest first, one nature or all."""
    acteur = acteur_of(request)
    ouvertes = TacheIdentite.objects.filter(officine_id=acteur.officine_id, close_le__isnull=True)
    comptes = dict(ouvertes.order_by().values_list("nature").annotate(Count("pk")))
    nature = request.GET.get("nature", "")
    nature = nature if nature in Nature.values else ""
    voulues = ouvertes.filter(nature=nature) if nature else ouvertes
    page = Paginator(
        voulues.select_related("patient", "autre").order_by("-score", "ouverte_le", "pk"), PAR_PAGE
    ).get_page(read_id(request.GET.get("page")) or 1)
    audit.note(acteur, "ins.taches", resultat=f"{len(page)}", precision=nature)
    return render(
        request,
        "ins/taches.html",
        {
            "page": page,
            "lignes": [{"tache": t, "suite": _SUITES[Nature(t.nature)]} for t in page],
            "natures": [
                {"code": code, "libelle": libelle, "nombre": comptes[code]}
                for code, libelle in Nature.choices
                if code in comptes
            ],
            "nature": nature,
            "total": sum(comptes.values()),
            "peut_fusionner": peut(acteur, "ins.fusionner").ok,
        },
    )


@http_methods(read=("GET",), write=("POST",), droit="ins.taches")
def clore(request: HttpRequest, tache_id: int) -> HttpResponse:
    """GET: what came of it? POST: closed, with these words."""
    acteur = acteur_of(request)
    tache = (
        TacheIdentite.objects.filter(pk=tache_id, officine_id=acteur.officine_id)
        .select_related("patient")
        .first()
    )
    if tache is None:
        raise VenteRefusee("Cette tâche n'existe pas dans votre officine.", "INS-404")
    if request.method == "GET":
        audit.note(acteur, "ins.tache.voir", f"tache:{tache.pk}", tache.patient_id)
        return _render(request, tache)
    choisie = request.POST.get("issue", "")
    autre = request.POST.get("autre", "")
    try:
        service.close_tache(acteur, tache_id, autre if choisie in {"", "autre"} else choisie)
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render(request, tache, f"{exc.phrase} ({exc.code})")
    return aller(request, reverse("ins_taches"))


def _render(request: HttpRequest, tache: TacheIdentite, erreur: str = "") -> HttpResponse:
    contexte: dict[str, Any] = {
        "vente": None,
        "tache": tache,
        "suite": _SUITES[Nature(tache.nature)],
        "issues": _ISSUES[Nature(tache.nature)],
        "autre": request.POST.get("autre", ""),
        "erreur": erreur,
    }
    return render_dialog(request, "ins/_tache_clore.html", contexte)
