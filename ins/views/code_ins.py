"""An INS datamatrix was read: whose file, and what to do with it; verify an INS kept aside."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from agent.protocol.ins import BLOC_INCONNU, GS_PERDUS, SEXE_MATRICULE
from ins.rules.oid import is_nia
from ins.rules.traits import diff
from ins.selectors import recue_pending, traits_of
from ins.services import datamatrix
from ins.services.datamatrix import Lue, Situation
from ins.services.verification import verify_waiting
from ins.views.commun import TRAITS, acteur_of, close_dialog, render_dialog, sign_of, sujet_of
from pharmacy import audit
from pharmacy.http import http_methods, read_id
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee

_ALERTES = {
    GS_PERDUS: "Réglez le lecteur : séparateurs perdus.",
    SEXE_MATRICULE: "Le premier chiffre du matricule ne correspond pas au sexe : vérifiez le "
    "document.",
    BLOC_INCONNU: "Le code contient une donnée inconnue, laissée de côté.",
}


@http_methods(read=("GET",), write=("POST",), droit="ins.appeler")
def code_ins(request: HttpRequest, vente_id: int, lecture_id: int) -> HttpResponse:
    """GET: the reading beside the files it may be about. POST: which one, or a new one."""
    acteur = acteur_of(request)
    lecture, lue = datamatrix.load(acteur, vente_id, lecture_id)
    if request.method == "GET":
        situation = datamatrix.find(acteur.officine_id, lue)
        for patient in situation.dossiers:
            audit.note(acteur, "ins.code.voir", f"vente:{vente_id}", patient)
        contexte = _context(lue, situation) | {"vente": lecture.vente, "lecture": lecture}
        return render_dialog(request, "ins/_code_ins.html", contexte)
    reponse = request.POST.get("reponse", "")
    if reponse in {"creer", "creer_sans"}:
        datamatrix.create(acteur, vente_id, lecture_id, verifier=reponse == "creer")
    elif dossier := read_id(request.POST.get("dossier")):
        datamatrix.take(acteur, vente_id, lecture_id, dossier)
    else:
        raise VenteRefusee("Choisissez une des réponses proposées.", "INS-101")
    return close_dialog(request, vente_id)


def _context(lue: Lue, situation: Situation) -> dict[str, Any]:
    return {
        "genre": situation.genre,
        "nia": is_nia(lue.oid),
        "alertes": [_ALERTES[code] for code in lue.alertes if code in _ALERTES],
        "lignes": _rows(lue, situation.dossiers[0] if len(situation.dossiers) == 1 else None),
        "seul": situation.dossiers[0] if len(situation.dossiers) == 1 else None,
        "dossiers": situation.dossiers,
        "erreur": "",
    }


def _rows(lue: Lue, patient: Patient | None) -> list[dict[str, Any]]:
    """Return the traits of the code, beside those of the one file it may be about."""
    lus = lue.traits(patient.premier_prenom if patient else "")
    ecarts = diff(traits_of(patient), lus) if patient else ()
    lignes = []
    for nom, libelle in TRAITS:
        local, lu = getattr(patient, nom) if patient else None, getattr(lus, nom)
        ecart = nom in ecarts
        lignes.append(
            {
                "libelle": libelle,
                "local": local,
                "lu": lu,
                "ecart": ecart,
                "signe": "≠ différent" if ecart else sign_of(local, lu),
            }
        )
    return lignes


@http_methods(write=("POST",), droit="ins.appeler")
def verifier_lue(request: HttpRequest, vente_id: int) -> HttpResponse:
    """Ask INSi to verify the INS kept aside for the patient of the sale."""
    vente, patient = sujet_of(request, vente_id)
    recue = recue_pending(patient)
    if recue is None:
        raise VenteRefusee("Aucune INS lue n'attend de vérification.", "INS-090")
    verify_waiting(acteur_of(request), recue.pk, vente.pk)
    return close_dialog(request, vente_id)
