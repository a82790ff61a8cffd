"""What the identity dialogs share: who acts, on whom, the table of traits, the way out."""

from datetime import date
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ins.referentiel.lieux import place_label
from ins.rules.traits import TraitsStricts, comparison_key
from ins.selectors import Comparaison
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from pharmacy.rendu import vente_get
from pharmacy.services.vente import VenteRefusee

TRAITS = (
    ("nom_naissance", "Nom de naissance"),
    ("prenoms_naissance", "Prénoms de naissance"),
    ("premier_prenom", "Premier prénom"),
    ("date_naissance", "Date de naissance"),
    ("sexe", "Sexe"),
    ("cog_naissance", "Lieu de naissance (code)"),
)


def acteur_of(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def vente_of(request: HttpRequest, vente_id: int) -> Vente:
    """Return the sale of the officine, as its fragments read it. VenteRefusee (404) otherwise."""
    vente = vente_get(acteur_of(request), vente_id)
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    return vente


def sujet_of(request: HttpRequest, vente_id: int) -> tuple[Vente, Patient]:
    """Return the sale of the officine and its patient. VenteRefusee (404) otherwise."""
    vente = vente_of(request, vente_id)
    if vente.patient is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    return vente, vente.patient


def patient_of(request: HttpRequest, patient_id: int) -> Patient:
    """Return a file of the officine, whatever became of it. VenteRefusee (404) otherwise."""
    patient = Patient.objects.filter(
        pk=patient_id, officine_id=acteur_of(request).officine_id
    ).first()
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    return patient


def close_dialog(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Empty the dialog (the stream refreshes the page), or go back to the sale without htmx."""
    if not request.headers.get("HX-Request"):
        return redirect("vente", vente_id=vente_id)
    return HttpResponse("")


def render_dialog(request: HttpRequest, gabarit: str, contexte: dict[str, Any]) -> HttpResponse:
    """Return a dialog: the fragment for htmx, the same fragment in a page otherwise."""
    status = 422 if contexte["erreur"] else 200
    if request.headers.get("HX-Request"):
        return render(request, gabarit, contexte, status=status)
    return render(request, "ins/page.html", contexte | {"gabarit": gabarit}, status=status)


def compared_rows(
    comparaison: Comparaison, choisis: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the table of traits: file, INSi, in words how they stand, and whose was chosen."""
    lignes = []
    for nom, libelle in TRAITS:
        local, recu = getattr(comparaison.local, nom), getattr(comparaison.recu, nom)
        ecart = nom in comparaison.ecarts_traits
        lignes.append(
            {
                "nom": nom,
                "choisi": (choisis or {}).get(nom, ""),
                "libelle": libelle,
                "local": shown(nom, local),
                "recu": shown(nom, recu),
                "ecart": ecart,
                "signe": "≠ différent" if ecart else sign_of(local, recu),
            }
        )
    return lignes


def sign_of(local: date | str | None, recu: date | str | None) -> str:
    """Return the sign and word of two values that the rules do not hold against each other."""
    if not local:
        return "+ ajouté" if recu else ""
    if not recu:
        return "− retiré"
    return "= identique" if comparison_key(str(local)) == comparison_key(str(recu)) else "≈ proche"


def shown(nom: str, valeur: date | str | None) -> date | str | None:
    """Return a trait as a person reads it: a place code with its name."""
    if nom != "cog_naissance" or not valeur:
        return valeur
    return f"{valeur} {place_label(str(valeur))}".strip()


def trait_rows(porteur: Patient | TraitsStricts) -> list[dict[str, Any]]:
    """Return the table of the traits of a file, or of an answer."""
    return [
        {"libelle": libelle, "local": shown(nom, getattr(porteur, nom))} for nom, libelle in TRAITS
    ]


def first_error(form: Form) -> str:
    return str(next(iter(form.errors.values()))[0])
