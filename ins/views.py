"""Identity dialogs: compare INSi's answer with the file, and record a document."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ins.forms import REPONSES, SANS_PIECE, DecisionForm, QualifierForm
from ins.models import AppelInsi
from ins.rules.pieces import shown
from ins.rules.traits import comparison_key
from ins.selectors import Comparaison, appel_last, compare, is_blocked, piece_active
from ins.services import acceptation, appels, qualification
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.http import http_methods
from pharmacy.models import Patient, Vente
from pharmacy.rendu import vente_get
from pharmacy.services.vente import VenteRefusee

_TRAITS = (
    ("nom_naissance", "Nom de naissance"),
    ("prenoms_naissance", "Prénoms de naissance"),
    ("premier_prenom", "Premier prénom"),
    ("date_naissance", "Date de naissance"),
    ("sexe", "Sexe"),
    ("cog_naissance", "Lieu de naissance (code)"),
)


def _acteur(request: HttpRequest) -> Acteur:
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    return acteur


def _sujet(request: HttpRequest, vente_id: int) -> tuple[Vente, Patient]:
    """Return the sale of the officine and its patient. VenteRefusee (404) otherwise."""
    vente = vente_get(_acteur(request), vente_id)
    if vente is None:
        raise VenteRefusee("Cette vente n'existe pas dans votre officine.", "VTE-404")
    if vente.patient is None:
        raise VenteRefusee("Choisissez d'abord le patient (F2).", "INS-001")
    return vente, vente.patient


def _close(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Empty the dialog (the stream refreshes the page), or go back to the sale without htmx."""
    if not request.headers.get("HX-Request"):
        return redirect("vente", vente_id=vente_id)
    return HttpResponse("")


def _dialogue(request: HttpRequest, gabarit: str, contexte: dict[str, Any]) -> HttpResponse:
    """Return a dialog: the fragment for htmx, the same fragment in a page otherwise."""
    status = 422 if contexte["erreur"] else 200
    if request.headers.get("HX-Request"):
        return render(request, gabarit, contexte, status=status)
    return render(request, "ins/page.html", contexte | {"gabarit": gabarit}, status=status)


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def identite(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: traits of the file and of INSi side by side. POST: accepted, or refused and why."""
    vente, patient = _sujet(request, vente_id)
    acteur = _acteur(request)
    if request.method == "GET":
        audit.note(acteur, "ins.voir", f"vente:{vente.pk}", patient)
        return _render_identite(request, vente, patient)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _render_identite(request, vente, patient, _first_error(form))
    reponse = form.cleaned_data["reponse"]
    _check_own_call(acteur, form.cleaned_data["appel"], patient)
    acceptation.decide(
        acteur,
        form.cleaned_data["appel"],
        accepter=reponse == "accepter",
        motif="" if reponse == "accepter" else reponse,
    )
    audit.note(acteur, "ins.repondre", f"vente:{vente.pk}", patient)
    return _close(request, vente_id)


def _check_own_call(acteur: Acteur, appel_id: int, patient: Patient) -> None:
    """Refuse an answer about another patient than the one of the sale."""
    if not AppelInsi.objects.filter(
        pk=appel_id, officine_id=acteur.officine_id, patient=patient
    ).exists():
        raise VenteRefusee("Cette réponse n'existe pas pour ce patient.", "INS-404")


def _render_identite(
    request: HttpRequest, vente: Vente, patient: Patient, erreur: str = ""
) -> HttpResponse:
    appel = appel_last(patient)
    comparaison = None
    if appel is not None and appel.decision == AppelInsi.Decision.EN_ATTENTE:
        comparaison = compare(appel, patient)
    return _dialogue(
        request,
        "ins/_identite.html",
        {
            "vente": vente,
            "patient": patient,
            "appel": appel,
            "comparaison": comparaison,
            "lignes": _rows(comparaison) if comparaison else _file_rows(patient),
            "motifs": list(acceptation.MOTIFS_REFUS.items()),
            "apres": _after(patient),
            "erreur": erreur,
        },
    )


def _rows(comparaison: Comparaison) -> list[dict[str, Any]]:
    """Return the table of traits: file, INSi, and in words how they stand to each other."""
    lignes = []
    for nom, libelle in _TRAITS:
        local, recu = getattr(comparaison.local, nom), getattr(comparaison.recu, nom)
        ecart = nom in comparaison.verdict.ecarts
        lignes.append(
            {
                "libelle": libelle,
                "local": local,
                "recu": recu,
                "ecart": ecart,
                "signe": "≠ différent" if ecart else _sign(local, recu),
            }
        )
    return lignes


def _sign(local: date | str | None, recu: date | str | None) -> str:
    """Return the sign and word of two values that the rules do not hold against each other."""
    if not local:
        return "+ ajouté" if recu else ""
    if not recu:
        return "− retiré"
    return "= identique" if comparison_key(str(local)) == comparison_key(str(recu)) else "≈ proche"


def _file_rows(patient: Patient) -> list[dict[str, Any]]:
    return [{"libelle": libelle, "local": getattr(patient, nom)} for nom, libelle in _TRAITS]


def _after(patient: Patient) -> str:
    """Return what accepting will do, in words."""
    if piece_active(patient) is not None:
        return (
            "Les traits d'INSi remplacent ceux du dossier ; la pièce déjà vue est comparée à eux."
        )
    return "Les traits d'INSi remplacent ceux du dossier. Il restera à contrôler une pièce."


@http_methods(write=("POST",), droit="ins.appeler")
def relancer(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Ask INSi, or ask again."""
    vente, patient = _sujet(request, vente_id)
    appels.retry(_acteur(request), vente.pk)
    audit.note(_acteur(request), "ins.relancer", f"vente:{vente.pk}", patient)
    return _close(request, vente_id)


@http_methods(read=("GET",), write=("POST",), droit="ins.qualifier")
def qualifier(request: HttpRequest, vente_id: int) -> HttpResponse:
    """GET: which document, and what it shows. POST: recorded, the status follows."""
    vente, patient = _sujet(request, vente_id)
    acteur = _acteur(request)
    if request.method == "GET":
        audit.note(acteur, "ins.qualifier.voir", f"vente:{vente.pk}", patient)
        return _render_qualifier(request, vente, patient)
    form = QualifierForm(request.POST)
    if not form.is_valid():
        return _render_qualifier(request, vente, patient, _first_error(form))
    try:
        qualification.qualify(acteur, patient.pk, _controle(form))
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        patient.refresh_from_db()
        return _render_qualifier(request, vente, patient, f"{exc.phrase} ({exc.code})")
    audit.note(acteur, "ins.controle", f"vente:{vente.pk}", patient)
    return _close(request, vente_id)


def _controle(form: QualifierForm) -> qualification.Controle:
    return qualification.Controle(
        reponse=form.cleaned_data["reponse"],
        traits_version=form.cleaned_data["traits_version"],
        piece=form.cleaned_data["piece"],
    )


def _render_qualifier(
    request: HttpRequest, vente: Vente, patient: Patient, erreur: str = ""
) -> HttpResponse:
    return _dialogue(
        request,
        "ins/_qualifier.html",
        {
            "vente": vente,
            "patient": patient,
            "lignes": _file_rows(patient),
            "pieces": shown(),
            "reponses": [
                {"code": code, "libelle": libelle, "effet": _effect(code, patient)}
                for code, libelle in REPONSES
            ],
            "sans_piece": [
                {"code": code, "libelle": libelle, "effet": _effect(code, patient)}
                for code, libelle in SANS_PIECE
            ],
            "bloquee": is_blocked(patient),
            "donnees": request.POST,
            "erreur": erreur,
        },
    )


def _effect(code: str, patient: Patient) -> str:
    """Return what an answer will do, in words, for this identity."""
    avec_ins = bool(patient.ins_empreinte)
    return {
        "conforme": "L'identité devient qualifiée : le matricule INS peut sortir."
        if avec_ins
        else "L'identité devient validée. L'INS reste à récupérer.",
        "differente": "L'identité n'est pas qualifiée, le matricule ne sort pas. La personne fait "
        "corriger son état civil.",
        "douteuse": "L'identité devient douteuse : INS retirée, plus d'appel à INSi.",
        "aucune": "Rien ne change. La question revient aux prochaines délivrances.",
        "refusee": "Rien ne change. La question n'est plus posée ; ² Q la reprend.",
    }[code]


def _first_error(form: DecisionForm | QualifierForm) -> str:
    return str(next(iter(form.errors.values()))[0])
