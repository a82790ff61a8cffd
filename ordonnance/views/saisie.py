"""F3: the « Code 2D » window (step 3), and what happens when the service does not answer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agent.protocol.classification import CodeLu, lire_code
from ordonnance.scan import fetch_suite
from ordonnance.selectors import numerique_of_vente, to_regularise
from ordonnance.services import confirmation, recuperation
from ordonnance.views.commun import acteur_of, close_dialogue, numerique_of, vente_of
from pharmacy import audit
from pharmacy.http import http_methods, render_dialogue
from pharmacy.motifs import motifs_en_vigueur
from pharmacy.selectors.produit import produit_libelle


@http_methods(read=("GET",), write=("POST",), droit="ordonnance.lire")
def saisie(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: the window. POST: a number typed (or a proposal confirmed), fetched at once."""
    vente = vente_of(request, vente_id)
    if request.method == "GET":
        deja = numerique_of_vente(vente)
        return render_dialogue(
            request, "ordonnance/_saisie.html", {"vente": vente, "numerique": deja}
        )
    texte = request.POST.get("numero", "")[:200]
    code = lire_code(texte, "saisie", motifs_en_vigueur(), nom_produit=produit_libelle)
    confirme = request.POST.get("confirme") == code.numero and code.suite == "confirmation"
    if code.classe != "ordonnance" or not (code.suite == "appel" or confirme):
        return _ask_again(request, vente_id, texte, code)
    suite = fetch_suite(acteur_of(request), vente.pk, code.numero, "saisie", page=True)
    return close_dialogue(request, vente.pk, suite)


def _ask_again(request: HttpRequest, vente_id: int, texte: str, code: CodeLu) -> HttpResponse:
    phrase = code.message or "Ce n'est pas un numéro d'Ordonnance Numérique."
    return render_dialogue(
        request,
        "ordonnance/_saisie.html",
        {
            "vente": vente_of(request, vente_id),
            "saisie": texte,
            "erreur": phrase,
            "propose": code.numero if code.suite == "confirmation" else "",
        },
        status=422,
    )


@http_methods(write=("POST",), droit="ordonnance.lire")
def relancer(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Ask the service again."""
    numerique = numerique_of(request, vente_id, numerique_id)
    recuperation.retry(acteur_of(request), numerique.pk)
    return close_dialogue(request, vente_id)


@http_methods(write=("POST",), droit="ordonnance.lire")
def papier(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Go on from the paper; the fetch waits for the service."""
    numerique = numerique_of(request, vente_id, numerique_id)
    recuperation.to_paper(acteur_of(request), numerique.pk)
    return close_dialogue(request, vente_id)


@http_methods(write=("POST",), droit="ordonnance.lire")
def arreter(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Take the prescription out of the sale; its lock is given back."""
    numerique = numerique_of(request, vente_id, numerique_id)
    confirmation.stop(acteur_of(request), numerique.pk)
    return close_dialogue(request, vente_id)


@http_methods(read=("GET",), droit="ordonnance.lire")
def attente(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """FIN while the fetch is not done: wait, go on from the paper, or stop."""
    numerique = numerique_of(request, vente_id, numerique_id)
    return render_dialogue(
        request,
        "ordonnance/_attente.html",
        {"vente": vente_of(request, vente_id), "numerique": numerique},
    )


@http_methods(read=("GET",), droit="ordonnance.lire")
def a_regulariser(request: HttpRequest) -> HttpResponse:
    """« Exécutions à régulariser »: sales ended on paper, whose execution is still owed."""
    acteur = acteur_of(request)
    audit.note(acteur, "ordonnance.regulariser.voir")
    return render(request, "ordonnance/regulariser.html", {"lignes": to_regularise(acteur)})
