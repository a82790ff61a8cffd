"""Ask INSi by typed traits; then try otherwise (01) or complete (02)."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ins.forms import ComplementForm, TraitsForm
from ins.models import AppelInsi
from ins.rules.question import Question, said
from ins.selectors import DERNIER_APPEL, propositions, question_file, question_of
from ins.services import appels
from ins.views.commun import acteur_of, first_error, render_dialog
from ins.views.sujet import Sujet, get_sujet, leave
from pharmacy import audit, parametres
from pharmacy.http import http_methods
from pharmacy.services.vente import VenteRefusee


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def traits(request: HttpRequest, vente_id: int = 0, patient_id: int = 0) -> HttpResponse:
    """GET: birth name, first names, and what the file lacks. POST: asked, FIN launches (INS-11)."""
    sujet = get_sujet(request, vente_id, patient_id)
    acteur = acteur_of(request)
    if request.method == "GET":
        audit.note(acteur, "ins.traits.voir", sujet.nom, sujet.patient)
        return _render_traits(request, sujet, TraitsForm(None, sujet.patient))
    form = TraitsForm(request.POST, sujet.patient)
    valide = form.is_valid()
    if "apercu" in request.GET:
        return render(request, "ins/_apercu.html", {"lignes": form.apercu})
    if not valide:
        return _render_traits(request, sujet, form, first_error(form))
    try:
        confirme = form.cleaned_data["confirme"]
        appels.ask_traits(acteur, sujet.cible, form.question, confirme=confirme)
    except VenteRefusee as exc:
        return _again(request, sujet, form, exc)
    audit.note(acteur, "ins.traits", sujet.nom, sujet.patient)
    return leave(request, sujet)


def _again(request: HttpRequest, sujet: Sujet, form: TraitsForm, exc: VenteRefusee) -> HttpResponse:
    if exc.code.endswith("404"):
        raise exc
    return _render_traits(request, sujet, form, f"{exc.phrase} ({exc.code})")


def _render_traits(
    request: HttpRequest, sujet: Sujet, form: TraitsForm, erreur: str = ""
) -> HttpResponse:
    return render_dialog(
        request,
        "ins/_saisie.html",
        {
            "sujet": sujet,
            "vente": sujet.vente,
            "patient": sujet.patient,
            "liens": sujet.liens,
            "form": form,
            "du_dossier": sujet.patient is not None and not form.manquants,
            "lignes": form.apercu if form.is_bound else [],
            "erreur": erreur,
        },
    )


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def suite(request: HttpRequest, vente_id: int = 0, patient_id: int = 0) -> HttpResponse:
    """GET: after 01, variants by one key; after 02, what to add, in order. POST: asked again."""
    sujet = get_sujet(request, vente_id, patient_id)
    acteur = acteur_of(request)
    appel = sujet.appel()
    if request.method == "GET":
        audit.note(acteur, "ins.suite.voir", sujet.nom, sujet.patient)
        return _render_suite(request, sujet, appel)
    try:
        question = _next_question(request, sujet, appel)
        appels.ask_traits(acteur, sujet.cible, question)
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render_suite(request, sujet, appel, f"{exc.phrase} ({exc.code})")
    audit.note(acteur, "ins.suite", sujet.nom, sujet.patient)
    return leave(request, sujet)


def _next_question(request: HttpRequest, sujet: Sujet, appel: AppelInsi | None) -> Question:
    """Return the question chosen on the screen. VenteRefusee when it is not one of those shown."""
    if appel is None or appel.code not in {"01", "02"}:
        raise VenteRefusee("Aucune réponse d'INSi n'est à compléter.", "INS-019")
    if "variante" in request.POST:
        choisie = request.POST["variante"]
        for nom, variante in propositions(appel, sujet.patient):
            if nom == choisie and variante.question is not None:
                return variante.question
        raise VenteRefusee("Cette proposition n'est plus valable : choisissez-en une.", "INS-020")
    return _completed(request, sujet, appel)


def _completed(request: HttpRequest, sujet: Sujet, appel: AppelInsi) -> Question:
    question = _asked(sujet, appel)
    if question is None:
        raise VenteRefusee("Saisissez d'abord les traits (² X).", "INS-003")
    form = ComplementForm(request.POST)
    if not form.is_valid():
        raise VenteRefusee(first_error(form), "INS-021")
    prenoms, lieu = form.cleaned_data["prenoms"], form.cleaned_data["lieu"]
    par_le_lieu = request.POST.get("complement") == "lieu"
    if par_le_lieu or (lieu and lieu != question.lieu and len(prenoms) < 2):
        if not lieu:
            raise VenteRefusee("Donnez le code du lieu de naissance.", "INS-021")
        return replace(question, lieu=lieu)
    if len(prenoms) < 2:
        raise VenteRefusee("Ajoutez au moins un prénom, ou le lieu de naissance.", "INS-021")
    return replace(question, prenoms=prenoms, ensemble=True, lieu=lieu or question.lieu)


def _asked(sujet: Sujet, appel: AppelInsi) -> Question | None:
    return question_of(appel) or (question_file(sujet.patient) if sujet.patient else None)


def _render_suite(
    request: HttpRequest, sujet: Sujet, appel: AppelInsi | None, erreur: str = ""
) -> HttpResponse:
    contexte: dict[str, Any] = {
        "sujet": sujet,
        "vente": sujet.vente,
        "patient": sujet.patient,
        "liens": sujet.liens,
        "code": appel.code if appel is not None else "",
        "erreur": erreur,
        "envoyee": (),
        "variantes": [],
        "donnees": request.POST,
    }
    if appel is not None and appel.code in {"01", "02"}:
        contexte |= _after_answer(sujet, appel)
    return render_dialog(request, "ins/_suite.html", contexte)


def _after_answer(sujet: Sujet, appel: AppelInsi) -> dict[str, Any]:
    dernier = str(parametres.valeur(appel.officine_id, DERNIER_APPEL))
    question = _asked(sujet, appel)
    envoyee = question_of(appel)
    variantes = propositions(appel, sujet.patient) if appel.code == "01" else []
    return {
        "envoyee": said(envoyee, dernier) if envoyee else (),
        "question": question,
        "peut_prenoms": question is not None and not question.ensemble,
        "peut_lieu": question is not None and not question.lieu,
        "variantes": [
            {
                "nom": nom,
                "code": variante.code,
                "libelle": variante.libelle,
                "envoi": said(variante.question, dernier) if variante.question else (),
            }
            for nom, variante in variantes
        ],
    }
