"""Configuration: take over the patient base of another software. The titulaire alone."""

import csv
import io

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ins.models import ImportPatients
from ins.services import reprise as service
from ins.views.commun import acteur_of
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller

_MONTRES = 50


@http_methods(read=("GET",), write=("POST",), droit="ins.importer")
def accueil(request: HttpRequest) -> HttpResponse:
    """Give a file, or see the last one."""
    acteur = acteur_of(request)
    erreur = None
    if request.method == "POST":
        fichier = request.FILES.get("fichier")
        try:
            deposee = service.deposit(acteur, fichier.read() if fichier else b"")
            return redirect("ins_reprise_suivi", import_id=deposee.pk)
        except VenteRefusee as exc:
            erreur = exc
    passees = (
        ImportPatients.objects.filter(officine_id=acteur.officine_id)
        .defer("contenu")
        .select_related("demande_par")
        .order_by("-pk")[:10]
    )
    contexte = {"passees": passees, "erreur": erreur, "taille_mo": service.TAILLE_MAX // 1_000_000}
    return render(request, "ins/reprise.html", contexte, status=422 if erreur else 200)


@http_methods(read=("GET",), droit="ins.importer")
def suivi(request: HttpRequest, import_id: int) -> HttpResponse:
    """How far an import is; the page asks again by itself while a worker has it."""
    importe = service.import_get(acteur_of(request), import_id)
    gabarit = "ins/_reprise.html" if request.headers.get("HX-Request") else "ins/reprise_suivi.html"
    return render(
        request,
        gabarit,
        {
            "importe": importe,
            "immobile": service.is_still(importe),
            "constats": importe.constats.order_by("nature", "ligne", "pk")[:_MONTRES]
            if not importe.est_en_cours
            else [],
            "montres": _MONTRES,
        },
    )


@http_methods(write=("POST",), droit="ins.importer")
def confirmer(request: HttpRequest, import_id: int) -> HttpResponse:
    """Write what was read."""
    service.confirm(acteur_of(request), import_id)
    return aller(request, f"/donnees/reprise/{import_id}/")


@http_methods(write=("POST",), droit="ins.importer")
def annuler(request: HttpRequest, import_id: int) -> HttpResponse:
    """Give up before the end."""
    service.cancel(acteur_of(request), import_id)
    return aller(request, f"/donnees/reprise/{import_id}/")


@http_methods(write=("POST",), droit="ins.importer")
def relancer(request: HttpRequest, import_id: int) -> HttpResponse:
    """Ring again for one that nobody advances."""
    service.restart(acteur_of(request), import_id)
    return aller(request, f"/donnees/reprise/{import_id}/")


@http_methods(read=("GET",), droit="ins.importer")
def constats(request: HttpRequest, import_id: int) -> HttpResponse:
    """The list of what is to be corrected or exists already, for a spreadsheet."""
    acteur = acteur_of(request)
    importe = service.import_get(acteur, import_id)
    audit.note(acteur, "patient.importer", f"reprise:{importe.pk}", resultat="constats")
    texte = io.StringIO()
    feuille = csv.writer(texte, delimiter=";")
    feuille.writerow(["ligne", "nature", "colonne", "constat", "dossier"])
    for constat in importe.constats.order_by("ligne", "pk"):
        cellules = (constat.get_nature_display(), constat.colonne, constat.phrase)
        feuille.writerow([constat.ligne, *map(harmless, cellules), constat.patient_id or ""])
    reponse = HttpResponse("\ufeff" + texte.getvalue(), content_type="text/csv; charset=utf-8")
    reponse["Content-Disposition"] = f'attachment; filename="reprise-{importe.pk}.csv"'
    return reponse


def harmless(cellule: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP, « CSV injection »)."""
    return f"'{cellule}" if cellule[:1] in {"=", "+", "-", "@", "\t", "\r"} else cellule
