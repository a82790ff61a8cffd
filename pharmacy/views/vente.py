"""The sale screen and its acts. Every act works as a plain POST and as an htmx swap."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.etapes import next_dialogue
from pharmacy.forms import PrescriptionForm
from pharmacy.http import http_methods, read_id, refuse, render_dialogue
from pharmacy.models import Patient, Vente
from pharmacy.panels import panneau_list
from pharmacy.rendu import render_fragment, vente_get
from pharmacy.selectors.patient import patient_search
from pharmacy.selectors.produit import dispositif_get, produit_get, produit_search
from pharmacy.services import lecture
from pharmacy.services import vente as service
from pharmacy.services.vente import Boite, VenteRefusee


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _vente(request: HttpRequest, vente_id: int) -> Vente:
    vente = vente_get(_acteur(request), vente_id)
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    return vente


def aller(request: HttpRequest, url: str) -> HttpResponse:
    """Go to `url`, by htmx or by a plain redirect."""
    if request.headers.get("HX-Request"):
        reponse = HttpResponse(status=204)
        reponse["HX-Redirect"] = url
        return reponse
    return redirect(url)


def retour(request: HttpRequest, vente_id: int) -> HttpResponse:
    """After an act: htmx gets the lines again (the stream brings the rest); a form goes back."""
    if not request.headers.get("HX-Request"):
        return redirect("vente", vente_id=vente_id)
    vente = _vente(request, vente_id)
    fragment = render_fragment("lignes", vente, _acteur(request))
    return HttpResponse(fragment.html if fragment else "")


@http_methods(read=("GET",), droit="session")
def portail(request: HttpRequest) -> HttpResponse:
    """The first page: what one can do, and the sales put aside."""
    acteur = _acteur(request)
    if not peut(acteur, "vente").ok:
        return render(request, "pharmacy/portail.html", {"peut_vendre": False})
    audit.note(acteur, "portail.voir")
    attente = (
        Vente.objects.filter(officine_id=acteur.officine_id, etat=Vente.Etat.EN_ATTENTE)
        .select_related("patient", "ouverte_par", "tenue_par", "poste")
        .order_by("-ouverte_le")[:20]
    )
    return render(
        request,
        "pharmacy/portail.html",
        {
            "attente": attente,
            "ailleurs": service.vente_elsewhere(acteur),
            "courante": service.vente_current(acteur),
            "peut_vendre": True,
        },
    )


@http_methods(read=("GET",), write=("POST",), droit="vente")
def courante(request: HttpRequest) -> HttpResponse:
    """Go to the sale under way on this poste; POST (and the first GET of a poste) opens one."""
    acteur = _acteur(request)
    vente = service.vente_current(acteur)
    if vente is None and request.method == "POST":
        vente = service.vente_open(acteur)
    if vente is None:
        return render(request, "pharmacy/nouvelle.html")
    return aller(request, f"/vente/{vente.pk}/")


@http_methods(read=("GET",), droit="vente")
def page(request: HttpRequest, vente_id: int) -> HttpResponse:
    """The sale screen: band, products, panels."""
    acteur = _acteur(request)
    vente = _vente(request, vente_id)
    if vente.est_finie:
        return redirect("vente_fin_page", vente_id=vente.pk)
    audit.note(acteur, "vente.voir", f"vente:{vente.pk}", vente.patient_id)
    panneaux = [(p, render_fragment(p.nom, vente, acteur)) for p in panneau_list()]
    return render(
        request,
        "pharmacy/vente.html",
        {
            "vente": vente,
            "bandeau": render_fragment("bandeau", vente, acteur),
            "lignes": render_fragment("lignes", vente, acteur),
            "panneaux": panneaux,
        },
    )


@http_methods(read=("GET",), write=("POST",), droit="vente")
def produits(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: search a product. POST: add one (by CIP, or a free label for what is unknown)."""
    vente = _vente(request, vente_id)
    if request.method == "GET":
        saisie = request.GET.get("q", "")
        return render(
            request,
            "pharmacy/_produits.html",
            {"vente": vente, "produits": produit_search(saisie), "q": saisie},
        )
    cip = request.POST.get("cip", "").strip()
    libelle = request.POST.get("libelle", "").strip()[:300]
    produit = produit_get(cip) if cip else None
    if produit is None and not libelle:
        raise VenteRefusee(
            "Ce code n'est pas dans la base des médicaments. Donnez un libellé libre.", "VTE-007"
        )
    dispositif = dispositif_get(vente, libelle) if produit is None else None
    boite = Boite(
        cip13=produit.pk if produit else "",
        lpp=dispositif.lpp if dispositif else "",
        libelle=dispositif.libelle if dispositif else libelle,
    )
    service.ligne_add(_acteur(request), vente.pk, boite)
    return retour(request, vente.pk)


@http_methods(write=("POST",), droit="vente")
def ligne(request: HttpRequest, vente_id: int, ligne_id: int) -> HttpResponse:
    """Change the number of boxes: `+`, `-`, a number, 0 takes the row out."""
    vente = _vente(request, vente_id)
    actuelle = vente.lignes.filter(pk=ligne_id).first()
    if actuelle is None:
        raise VenteRefusee("Cette ligne n'est plus dans la vente.", "VTE-404")
    brut = request.POST.get("quantite", "")
    if brut in {"+", "-"}:
        quantite = actuelle.quantite + (1 if brut == "+" else -1)
    elif brut.isascii() and brut.isdigit() and len(brut) <= 2:
        quantite = int(brut)
    else:
        raise VenteRefusee("Donnez une quantité entre 1 et 99.", "VTE-004")
    service.ligne_change(_acteur(request), vente.pk, ligne_id, quantite)
    return retour(request, vente.pk)


@http_methods(write=("POST",), droit="vente")
def exoneration(request: HttpRequest, vente_id: int, ligne_id: int) -> HttpResponse:
    """Change the exoneration proposed for a product."""
    vente = _vente(request, vente_id)
    service.ligne_exonerate(
        _acteur(request), vente.pk, ligne_id, request.POST.get("exoneration", "")
    )
    return retour(request, vente.pk)


@http_methods(write=("POST",), droit="vente")
def annuler_retrait(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Ctrl+Z: put back the last row taken out."""
    vente = _vente(request, vente_id)
    derniere = vente.lignes.filter(annulee=True).order_by("-pk").first()
    if derniere is None:
        raise VenteRefusee("Rien à rétablir.", "VTE-008")
    service.ligne_change(_acteur(request), vente.pk, derniere.pk, derniere.quantite)
    return retour(request, vente.pk)


@http_methods(write=("POST",), droit="vente")
def fin(request: HttpRequest, vente_id: int) -> HttpResponse:
    """FIN: the next dialog still due (control), otherwise the end of the sale."""
    vente = _vente(request, vente_id)
    dialogue = next_dialogue(_acteur(request), vente)
    if dialogue:
        return open_dialogue(request, dialogue)
    service.vente_terminate(_acteur(request), vente.pk)
    return aller(request, f"/vente/{vente.pk}/fin/page/")


def open_dialogue(request: HttpRequest, url: str) -> HttpResponse:
    """Open `url` in the dialog of the page, or as a page."""
    if request.headers.get("HX-Request"):
        reponse = HttpResponse(status=204)
        reponse["HX-Trigger"] = json.dumps({"comptoir:suite": {"dialogue": url}})
        return reponse
    return redirect(url)


@http_methods(read=("GET",), droit="vente")
def fin_page(request: HttpRequest, vente_id: int) -> HttpResponse:
    """What was done, what is still to leave, and « Rendez la carte »."""
    vente = _vente(request, vente_id)
    if not vente.est_finie:
        return redirect("vente", vente_id=vente.pk)
    audit.note(_acteur(request), "vente.voir", f"vente:{vente.pk}", vente.patient_id)
    fragments = [
        render_fragment(nom, vente, _acteur(request)) for nom in [p.nom for p in panneau_list()]
    ]
    lignes = list(vente.lignes.filter(annulee=False))
    total = sum((item.prix_centimes or 0) * item.quantite for item in lignes)
    return render(
        request,
        "pharmacy/fin.html",
        {"vente": vente, "fragments": fragments, "lignes": lignes, "total": total},
    )


@http_methods(write=("POST",), droit="vente")
def attente(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Put the sale aside."""
    service.vente_hold(_acteur(request), _vente(request, vente_id).pk)
    return aller(request, "/")


@http_methods(write=("POST",), droit="vente")
def reprendre(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Resume a sale on this poste."""
    service.vente_resume(_acteur(request), _vente(request, vente_id).pk)
    return aller(request, f"/vente/{vente_id}/")


@http_methods(write=("POST",), droit="vente")
def annuler(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Abandon the sale."""
    service.vente_cancel(_acteur(request), _vente(request, vente_id).pk)
    return aller(request, "/")


@http_methods(read=("GET",), write=("POST",), droit="vente")
def patient(request: HttpRequest, vente_id: int) -> HttpResponse:
    """F2: find the patient. POST chooses one, or searches while typing: no trait in an address."""
    vente = _vente(request, vente_id)
    acteur = _acteur(request)
    if "patient" in request.POST:
        choisi = Patient.objects.filter(
            pk=read_id(request.POST.get("patient")), officine_id=acteur.officine_id, actif=True
        ).first()
        if choisi is None:
            raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
        service.patient_choose(acteur, vente.pk, choisi, "recherche")
        return aller(request, f"/vente/{vente.pk}/")
    saisie = request.POST.get("q", "")
    trouves = patient_search(acteur, saisie)
    if saisie:
        audit.note(acteur, "patient.chercher", f"vente:{vente.pk}", resultat=trouves.bilan)
    contexte = {"vente": vente, "trouves": trouves, "q": saisie}
    if "q" in request.POST and request.headers.get("HX-Request"):
        return render(request, "pharmacy/_patients_trouves.html", contexte)
    return render_dialogue(request, "pharmacy/_patient_choix.html", contexte)


@http_methods(read=("GET",), write=("POST",), droit="vente")
def beneficiaires(request: HttpRequest, vente_id: int, recu_id: int) -> HttpResponse:
    """Which person of the card? Nothing is preselected."""
    vente = _vente(request, vente_id)
    acteur = _acteur(request)
    if request.method == "POST":
        brut = request.POST.get("rang", "")
        rang = int(brut) if brut in map(str, range(20)) else -1
        suite = lecture.beneficiaire_choose(acteur, vente, recu_id, rang)
        if suite.ton != "info":
            raise VenteRefusee(suite.phrase, suite.code)
        return aller(request, f"/vente/{vente.pk}/")
    recu, porteurs = lecture.reading_kept(acteur, recu_id)
    audit.note(acteur, "carte.voir", f"recu:{recu.pk}")
    return render_dialogue(
        request,
        "pharmacy/_beneficiaires.html",
        {"vente": vente, "porteurs": porteurs, "recu": recu},
    )


@http_methods(write=("POST",), droit="vente")
def prescription(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Date and prescriber typed by hand."""
    vente = _vente(request, vente_id)
    form = PrescriptionForm(request.POST)
    if not form.is_valid():
        return refuse(request, form.phrase, 422, "VTE-009")
    service.prescription_set(
        _acteur(request), vente.pk, form.cleaned_data["date_prescription"], form.prescripteur
    )
    return retour(request, vente.pk)


@http_methods(read=("GET",), droit="session")
def touches(request: HttpRequest) -> HttpResponse:
    """F1: every key."""
    return render_dialogue(request, "pharmacy/_touches.html", {})
