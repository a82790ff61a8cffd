"""Record the document that a person showed, or that there was none: from a sale, or the file."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from ins.forms import REPONSES, QualifierForm
from ins.reglages import PIECES_AJOUTEES, RAPPELS, tolerated_words
from ins.rules.pieces import REPRESENTANT, Piece, is_minor, piece_get, shown
from ins.selectors import answer_compared, is_blocked, rappel_rank
from ins.services import qualification
from ins.services.habilitations import check_identite, peut_identite
from ins.services.qualification import REFUSER_INSI, TRAITS_COMPARES
from ins.views.commun import (
    acteur_of,
    close_dialog,
    compared_rows,
    first_error,
    patient_of,
    render_dialog,
    sujet_of,
    trait_rows,
)
from ins.views.modification import render_traits
from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller


@dataclass(frozen=True)
class Sujet:
    """Who is looked at, and from where: the dialog posts and goes back there."""

    patient: Patient = field(repr=False)
    vente: Vente | None

    @property
    def action(self) -> str:
        """Return where the answer goes."""
        if self.vente is not None:
            return reverse("ins_qualifier", kwargs={"vente_id": self.vente.pk})
        return reverse("ins_fiche_qualifier", kwargs={"patient_id": self.patient.pk})

    @property
    def retour(self) -> str:
        """Return where Échap goes."""
        if self.vente is not None:
            return reverse("vente", kwargs={"vente_id": self.vente.pk})
        return reverse("ins_fiche", kwargs={"patient_id": self.patient.pk})

    @property
    def objet(self) -> str:
        """Return the object of the audit line."""
        return f"vente:{self.vente.pk}" if self.vente else f"patient:{self.patient.pk}"


@http_methods(read=("GET",), write=("POST",), droit="ins.qualifier")
def qualifier(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: which document, and what it shows. POST: recorded, the status follows."""
    vente, patient = sujet_of(request, vente_id)
    return _qualifier(request, Sujet(patient, vente))


@http_methods(read=("GET",), write=("POST",), droit="ins.qualifier")
def qualifier_fiche(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The same from the file of a patient, out of any sale."""
    return _qualifier(request, Sujet(patient_of(request, patient_id), None))


def _qualifier(request: HttpRequest, sujet: Sujet) -> HttpResponse:
    acteur = acteur_of(request)
    check_identite(acteur, "ins.qualifier")
    if request.method == "GET":
        audit.note(acteur, "ins.qualifier.voir", sujet.objet, sujet.patient)
        return _render(request, sujet)
    form = QualifierForm(request.POST, pieces=_offered(acteur, sujet.patient))
    if not form.is_valid():
        return _render(request, sujet, first_error(form))
    controle = _controle(form, sujet)
    try:
        qualification.qualify(acteur, sujet.patient.pk, controle)
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        sujet.patient.refresh_from_db()
        return _render(request, sujet, f"{exc.phrase} ({exc.code})")
    audit.note(acteur, "ins.controle", sujet.objet, sujet.patient)
    if controle.suite == REFUSER_INSI:
        sujet.patient.refresh_from_db()
        return render_traits(request, sujet.patient, controle, retour=sujet.retour)
    if sujet.vente is None:
        return aller(request, sujet.retour)
    return close_dialog(request, sujet.vente.pk)


def _controle(form: QualifierForm, sujet: Sujet) -> qualification.Controle:
    """Return the answer; what belongs to another answer is left out, whatever was posted."""
    lu = form.cleaned_data
    reponse = lu["reponse"]
    montree = reponse in {qualification.CONFORME, qualification.DIFFERENTE}
    differe = reponse == qualification.DIFFERENTE
    return qualification.Controle(
        reponse=reponse,
        traits_version=lu["traits_version"],
        piece=lu["piece"] if montree else "",
        representant=lu["representant"] if montree else "",
        perimee_le=lu["perimee_le"] if montree else None,
        ecarts=tuple(lu["ecarts"]) if differe else (),
        suite=lu["suite"] if differe else qualification.ATTENDRE,
        vente_id=sujet.vente.pk if sujet.vente else 0,
    )


def _offered(acteur: Acteur, patient: Patient) -> tuple[Piece, ...]:
    """Return the documents offered for this person in this officine (INS-07)."""
    ajoutees = str(parametres.valeur(acteur.officine_id, PIECES_AJOUTEES)).split()
    return shown(mineur=is_minor(patient.date_naissance, timezone.localdate()), ajoutees=ajoutees)


def _render(request: HttpRequest, sujet: Sujet, erreur: str = "") -> HttpResponse:
    acteur, patient = acteur_of(request), sujet.patient
    comparaison = answer_compared(patient)
    contexte: dict[str, Any] = {
        "vente": sujet.vente,
        "patient": patient,
        "action": sujet.action,
        "retour": sujet.retour,
        "comparaison": comparaison,
        "lignes": compared_rows(comparaison) if comparaison else trait_rows(patient),
        "mineur": is_minor(patient.date_naissance, timezone.localdate()),
        "rappel": rappel_rank(patient, sujet.vente) if sujet.vente else 0,
        "rappels": parametres.entier(acteur.officine_id, RAPPELS),
        "bloquee": is_blocked(patient),
        "tolerees": tolerated_words(acteur.officine_id),
        "donnees": request.POST,
        "coches": request.POST.getlist("ecarts"),
        "erreur": erreur,
    }
    return render_dialog(request, "ins/_qualifier.html", contexte | _choices(acteur, patient))


def _choices(acteur: Acteur, patient: Patient) -> dict[str, Any]:
    """Return the answers, the documents, the traits that may differ, and what follows."""
    return {
        "reponses": [
            {"code": code, "libelle": libelle, "effet": _effect(code, patient)}
            for code, libelle in REPONSES
        ],
        "pieces": _offered(acteur, patient),
        "representants": [piece_get(code) for code in REPRESENTANT],
        "traits_compares": list(TRAITS_COMPARES.items()),
        "suites": _follow_ups(acteur, patient),
    }


def _effect(code: str, patient: Patient) -> str:
    """Return what an answer will do, in words, for this identity."""
    avec_ins = bool(patient.ins_empreinte)
    return {
        "conforme": "L'identité devient qualifiée : le matricule INS peut sortir."
        if avec_ins
        else "L'identité devient validée. L'INS reste à récupérer.",
        "differente": "L'identité ne monte pas, le matricule ne sort pas. Une tâche le rappelle.",
        "aucune": "Rien ne change. La question revient aux prochaines délivrances.",
        "refusee": "Rien ne change. Date et auteur sont gardés ; la question n'est plus posée, "
        "² Q la reprend.",
    }[code]


def _follow_ups(acteur: Acteur, patient: Patient) -> list[dict[str, Any]]:
    """Return what the operator may do of an identity that a document contradicts (§2.4)."""
    avec_ins = bool(patient.ins_empreinte)
    traits = peut_identite(acteur, "ins.traits")
    return [
        {
            "code": REFUSER_INSI,
            "libelle": "Refuser les traits d'INSi" if avec_ins else "Corriger le dossier",
            "effet": "Vous saisissez les traits de la pièce : identité validée, sans INS."
            if traits.ok
            else traits.phrase,
            "interdit": not traits.ok,
        },
        {
            "code": qualification.ATTENDRE,
            "libelle": "Attendre",
            "effet": "La personne fait corriger son état civil (mairie, Insee ou caisse).",
            "interdit": False,
        },
        {
            "code": qualification.DOUTEUSE,
            "libelle": "Marquer l'identité douteuse",
            "effet": "INS retirée, plus d'appel à INSi, envois arrêtés.",
            "interdit": False,
        },
    ]
