"""Configuration / Officine / Paramètres Officine, and the « Données » menu."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy import parametres
from pharmacy.acteurs import Acteur, peut
from pharmacy.http import http_methods


@http_methods(read=("GET",), droit="session")
def donnees(request: HttpRequest) -> HttpResponse:
    """C données: what the officine keeps and sets."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return render(
        request,
        "pharmacy/donnees.html",
        {
            "peut_vendre": peut(acteur, "vente").ok,
            "peut_equipe": peut(acteur, "operateurs.debloquer").ok,
            "peut_reprendre": peut(acteur, "ins.importer").ok,
            "peut_verifier": peut(acteur, "ins.verifier_lot").ok,
        },
    )


@http_methods(read=("GET",), write=("POST",), droit="parametres.lire")
def officine(request: HttpRequest) -> HttpResponse:
    """Every setting with its default, effect, author; the titulaire changes them."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    erreur = ""
    if request.method == "POST":
        try:
            with transaction.atomic():
                parametres.modifier(
                    acteur, request.POST.get("cle", ""), request.POST.get("valeur", "")
                )
            return redirect("parametres_officine")
        except parametres.ValeurRefusee as exc:
            erreur = str(exc)
        except KeyError:
            erreur = "Ce paramètre n'existe pas."
    lignes = [
        {
            "reglage": reglage,
            "valeur": parametres.valeur(acteur.officine_id, reglage.cle),
            "ligne": parametres.en_vigueur(acteur.officine_id, reglage.cle),
        }
        for reglage in parametres.reglage_list()
    ]
    return render(
        request,
        "pharmacy/parametres.html",
        {"lignes": lignes, "modifiable": peut(acteur, "parametres.modifier").ok, "erreur": erreur},
        status=422 if erreur else 200,
    )
