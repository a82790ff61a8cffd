"""« Journal » in Données: search, who opened a file, the seal; reading it is itself noted."""

import csv
from dataclasses import replace
from datetime import date, datetime
from io import StringIO
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods, read_id
from pharmacy.models import Patient
from pharmacy.rules.actes import actes_of
from pharmacy.selectors import journal as selecteur
from pharmacy.selectors import sceau as selecteur_sceau
from pharmacy.selectors.patient import patient_search
from pharmacy.services.vente import VenteRefusee

PERIODE = "Donnez deux dates (jj/mm/aaaa), la première avant la seconde. Celles d'avant restent."
COLONNES = ("numero", "quand", "operateur", "role", "poste", "acte", "objet", "dossier",
            "resultat", "precision")  # fmt: skip


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


@http_methods(read=("GET",), write=("POST",), droit="journal.lire")
def journal(request: HttpRequest) -> HttpResponse:
    """Search by operator, file, act and days; a file is found by POST (no trait in an address)."""
    acteur = _acteur(request)
    criteres, erreur = _read(request)
    patient, criteres = _patient(acteur, criteres)
    noms = selecteur.Noms(acteur.officine_id)
    trouves = None
    if request.method == "POST":
        trouves = patient_search(acteur, request.POST.get("q", ""))
        audit.note(acteur, "patient.chercher", resultat=trouves.bilan)
    etat = selecteur_sceau.state(acteur.officine_id)
    page = selecteur.journal_page(acteur, criteres, noms)
    _note(acteur, "journal.chercher", criteres, len(page.lignes))
    return render(
        request,
        "pharmacy/journal.html",
        {
            "page": page,
            "criteres": criteres,
            "erreur": erreur,
            "patient": patient,
            "trouves": trouves,
            "q": request.POST.get("q", ""),
            "noms": noms,
            "familles": selecteur.familles(),
            "etat": etat,
            "suite": _query(criteres, avant=page.suite) if page.suite else "",
            "debut": _query(criteres) if criteres.avant else "",
            "export": _query(criteres),
        },
        status=422 if erreur else 200,
    )


@http_methods(read=("GET",), droit="journal.lire")
def export(request: HttpRequest) -> HttpResponse:
    """The same search as a CSV file, for a spreadsheet: numbers, never a patient's name."""
    acteur = _acteur(request)
    criteres, erreur = _read(request)
    _, criteres = _patient(acteur, criteres)
    if erreur:
        return redirect("journal")
    lignes, coupe = selecteur.journal_export(acteur, criteres, selecteur.Noms(acteur.officine_id))
    _note(acteur, "journal.exporter", criteres, len(lignes))
    sortie = StringIO()
    ecrit = csv.writer(sortie, delimiter=";")
    ecrit.writerow(COLONNES)
    for ligne in lignes:
        valeurs = vars(ligne) | {
            "quand": timezone.localtime(ligne.quand).isoformat(timespec="seconds"),
            "dossier": ligne.patient_id or "",
        }
        ecrit.writerow([_cell(valeurs[nom]) for nom in COLONNES])
    if coupe:
        ecrit.writerow(["", "", "Des lignes plus anciennes existent : demandez moins de jours."])
    reponse = HttpResponse("\ufeff" + sortie.getvalue(), content_type="text/csv; charset=utf-8")
    nom = f"journal-{criteres.du:%Y-%m-%d}-{criteres.au:%Y-%m-%d}.csv"
    reponse["Content-Disposition"] = f'attachment; filename="{nom}"'
    return reponse


def _cell(valeur: object) -> object:
    """A text that a spreadsheet would take for a formula is kept a text."""
    texte = str(valeur)
    return f"'{texte}" if texte[:1] in "=+-@\t\r" and texte[:1] else valeur


@http_methods(read=("GET",), droit="journal.lire")
def dossier(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Who opened this file: operators first, then the acts; one page, to print (TIT-13)."""
    acteur = _acteur(request)
    lus, erreur = _read(request, depuis=date(timezone.localdate().year - 3, 1, 1))
    patient, criteres = _patient(
        acteur,
        selecteur.Criteres(lus.du, lus.au, patient_id=patient_id, avant=lus.avant, acces=True),
    )
    noms = selecteur.Noms(acteur.officine_id)
    page = selecteur.journal_page(acteur, criteres, noms)
    passages = selecteur.who_opened(acteur, criteres, noms)
    _note(acteur, "journal.dossier", criteres, len(page.lignes))
    return render(
        request,
        "pharmacy/journal_dossier.html",
        {
            "patient": patient,
            "page": page,
            "passages": passages,
            "criteres": criteres,
            "erreur": erreur,
            "maintenant": timezone.now(),
            "suite": _query(criteres, avant=page.suite) if page.suite else "",
        },
        status=422 if erreur else 200,
    )


@http_methods(read=("GET",), droit="journal.lire")
def sceau(request: HttpRequest) -> HttpResponse:
    """The seal: last check, what waits, the heads of the chains, to print and keep apart."""
    acteur = _acteur(request)
    etat = selecteur_sceau.state(acteur.officine_id)
    audit.note(acteur, "journal.sceau")
    return render(
        request,
        "pharmacy/journal_sceau.html",
        {"etat": etat, "maintenant": timezone.now()},
    )


def _patient(
    acteur: Acteur, criteres: selecteur.Criteres
) -> tuple[Patient | None, selecteur.Criteres]:
    """Return (the file asked for, the search widened to those merged into it)."""
    if not criteres.patient_id:
        return None, criteres
    patient = Patient.objects.filter(pk=criteres.patient_id, officine_id=acteur.officine_id).first()
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    dossiers = selecteur.same_files(acteur.officine_id, patient.pk)
    return patient, replace(criteres, dossiers=dossiers)


def _read(request: HttpRequest, depuis: date | None = None) -> tuple[selecteur.Criteres, str]:
    """Return (what is searched, the sentence when the days cannot be)."""
    defaut_du, defaut_au = selecteur.default_days()
    defaut_du = depuis or defaut_du
    try:
        du = _day(request.GET.get("du", ""), defaut_du)
        au = _day(request.GET.get("au", ""), defaut_au)
        erreur = "" if du <= au else PERIODE
    except ValueError:
        du, au, erreur = defaut_du, defaut_au, PERIODE
    if erreur:
        du, au = defaut_du, defaut_au
    choix = request.GET.get("acte", "")
    return (
        selecteur.Criteres(
            du=du,
            au=au,
            operateur_id=read_id(request.GET.get("operateur")),
            patient_id=read_id(request.GET.get("patient")),
            acte=choix if actes_of(choix) else "",
            avant=selecteur.read_key(request.GET.get("avant", "")),
        ),
        erreur,
    )


def _day(texte: str, defaut: date) -> date:
    """Return a day typed « 25/11/2026 », or as our links write it; ValueError for none of ours."""
    net = texte.strip()
    if not net:
        return defaut
    jour = datetime.strptime(net, "%d/%m/%Y").date() if "/" in net else date.fromisoformat(net)  # noqa: DTZ007
    if not 2000 <= jour.year <= 2200:
        raise ValueError(texte)
    return jour


def _query(criteres: selecteur.Criteres, avant: str = "") -> str:
    champs: dict[str, Any] = {
        "operateur": criteres.operateur_id,
        "patient": criteres.patient_id,
        "acte": criteres.acte,
        "du": criteres.du.isoformat(),
        "au": criteres.au.isoformat(),
        "avant": avant,
    }
    return urlencode({nom: v for nom, v in champs.items() if v})


def _note(acteur: Acteur, acte: str, criteres: selecteur.Criteres, nombre: int) -> None:
    """Note what was asked: the days, and numbers of an operator and of a file."""
    objet = f"operateur:{criteres.operateur_id}" if criteres.operateur_id else criteres.acte
    audit.note(
        acteur,
        acte,
        objet,
        criteres.patient_id or None,
        resultat=f"{nombre}",
        precision=f"{criteres.du:%Y-%m-%d}/{criteres.au:%Y-%m-%d}",
    )
