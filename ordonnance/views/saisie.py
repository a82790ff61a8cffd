"""F3: the « Code 2D » window (step 3), and what happens when the service does not answer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agent.protocol.classification import CodeLu, lire_code
from ordonnance.scan import fetch_suite, sign_suite
from ordonnance.selectors import numerique_of_vente, to_regularise
from ordonnance.services import confirmation, recuperation
from ordonnance.views.commun import (
    acteur_of,
    close_dialogue,
    confirmation_url,
    numerique_of,
    vente_of,
)
from pharmacy import audit
from pharmacy.acteurs import peut
from pharmacy.http import http_methods, render_dialogue
from pharmacy.motifs import motifs_en_vigueur
from pharmacy.rendu import render_fragment
from pharmacy.selectors.produit import produit_libelle
from pharmacy.services.vente import VenteRefusee
from pharmacy.suites import Suite
from pharmacy.views.vente import aller


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


@http_methods(read=("GET",), droit="ordonnance.lire")
def panneau(request: HttpRequest, vente_id: int) -> HttpResponse:
    """The panel as it is now: the page asks when 45 s are over, should nothing have come."""
    fragment = render_fragment("ordonnance", vente_of(request, vente_id), acteur_of(request))
    return HttpResponse(fragment.html if fragment else "")


@http_methods(write=("POST",), droit="ordonnance.lire")
def relancer(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Ask the service again; the card is asked when no signature is kept."""
    numerique = numerique_of(request, vente_id, numerique_id)
    acteur = acteur_of(request)
    recuperation.retry(acteur, numerique.pk)
    if numerique.etat == "papier":
        return aller(request, "/ordonnances/a-regulariser/")
    return close_dialogue(request, vente_id, sign_suite(acteur, "Récupération relancée"))


@http_methods(write=("POST",), droit="ordonnance.lire")
def signer(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Have the card in the reader sign what waits for it."""
    numerique_of(request, vente_id, numerique_id)
    return close_dialogue(request, vente_id, sign_suite(acteur_of(request), "Rien à signer"))


@http_methods(write=("POST",), droit="file.agir")
def clore(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Close a paper delivery for which nothing will be sent, with a reason."""
    numerique = numerique_of(request, vente_id, numerique_id)
    confirmation.close_paper(acteur_of(request), numerique.pk, request.POST.get("motif", ""))
    return aller(request, "/ordonnances/a-regulariser/")


@http_methods(write=("POST",), droit="ordonnance.lire")
def papier(request: HttpRequest, vente_id: int, numerique_id: int) -> HttpResponse:
    """Go on from the paper; the fetch waits for the service."""
    numerique = numerique_of(request, vente_id, numerique_id)
    try:
        recuperation.to_paper(acteur_of(request), numerique.pk)
    except VenteRefusee as exc:
        if exc.code != "ORD-019":
            raise
        suite = Suite(exc.phrase, "attention", dialogue=confirmation_url(numerique), code=exc.code)
        return close_dialogue(request, vente_id, suite)
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
    return render(
        request,
        "ordonnance/regulariser.html",
        {"lignes": to_regularise(acteur), "peut_clore": peut(acteur, "file.agir").ok},
    )
