"""Key M: which product, then which prescribed line, each by a digit."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ordonnance.panneau import line_list
from ordonnance.rules.appariement import FINIES
from ordonnance.selectors import dossier_of
from ordonnance.services import rattachement as service
from ordonnance.views.commun import acteur_of, close_dialogue, numerique_of, vente_of
from pharmacy import audit
from pharmacy.http import http_methods, read_id, render_dialogue
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import open_dialogue


@http_methods(read=("GET",), write=("POST",), droit="ordonnance.lire")
def rattacher(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """GET: the products, then the lines for one. POST: attached, and back to where one was."""
    vente = vente_of(request, vente_id)
    numerique = numerique_of(request, vente_id, numerique_id)
    if request.method == "POST":
        service.attach(
            acteur_of(request),
            numerique.pk,
            read_id(request.POST.get("produit")),
            request.POST.get("choix", ""),
        )
        return _back(request, vente_id, numerique_id)
    dossier = dossier_of(numerique, vente)
    if dossier is None or not dossier.rattachements:
        raise VenteRefusee("Aucun produit à rattacher : scannez-le d'abord.", "ORD-027")
    choisi = read_id(request.GET.get("produit"))
    seul = dossier.rattachements[0] if len(dossier.rattachements) == 1 else None
    libelles = {ligne.id: ligne.produit.libelle for ligne in dossier.prescription.lignes}
    audit.note(acteur_of(request), "ordonnance.rattacher.voir", f"on:{numerique.pk}")
    return render_dialogue(
        request,
        "ordonnance/_rattacher.html",
        {
            "vente": vente,
            "numerique": numerique,
            "retour": request.GET.get("retour", "") == "controle",
            "produit": next((r for r in dossier.rattachements if r.boite.ident == choisi), seul),
            "produits": [(r, libelles.get(r.id_ligne or "", "")) for r in dossier.rattachements],
            "lignes": [x for x in line_list(dossier) if x.ligne.statut not in FINIES],
        },
    )


def _back(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    url = f"/vente/{vente_id}/ordonnance/{numerique_id}/controle/"
    if request.POST.get("retour") != "controle":
        return close_dialogue(request, vente_id)
    return open_dialogue(request, url) if request.headers.get("HX-Request") else redirect(url)
