"""The panel « Identité »: what is known of who is at the counter, in one of five faces."""

from typing import Any

from django.template.loader import render_to_string

from ins.errors import row_of
from ins.models import AppelInsi
from ins.rules.oid import is_nia
from ins.selectors import (
    EN_COURS,
    VERIFIER,
    Montre,
    age_s,
    appel_of_vente,
    appel_shown,
    demande_vitale,
    is_blocked,
    is_reminder_due,
    piece_active,
    question_file,
    recue_pending,
    relance_since,
)
from ins.services.appels import BUDGET_S
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi

_ECHECS = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)
_SANS_RESULTAT = {"01", "02", "91"}
_TARD = "INSi n'a pas répondu en 45 secondes. Poursuivez la délivrance ; relancez plus tard."


def render_panneau(vente: Vente, _acteur: Acteur) -> str:
    """Return the panel (ux.md, « A panel has five faces »)."""
    contexte: dict[str, Any] = {"vente": vente, "patient": vente.patient}
    contexte |= _nobody(vente) if vente.patient is None else known(vente.patient)
    return render_to_string("ins/_panneau.html", contexte)


def _nobody(vente: Vente) -> dict[str, Any]:
    """No file in the sale: the question asked about somebody unknown, if any."""
    appel = appel_of_vente(vente.officine_id, vente.pk)
    if appel is None or appel.decision == AppelInsi.Decision.REFUSEE:
        return {"face": "vide", "acte": "saisir"}
    return _last_call(appel) or {"face": "vide", "acte": "saisir"}


def known(patient: Patient) -> dict[str, Any]:
    """Return the face of a file: blocked, an answer to look at, a call under way, or its INS."""
    if is_blocked(patient):
        return {"face": "reponse", "bloquee": True}
    montre = appel_shown(patient)
    appel = montre.appel if montre else None
    if appel is not None:
        face = _last_call(appel)
        if face is not None and not (patient.ins_empreinte and face["face"] == "echec"):
            return face | {"qualifier": _may_qualify(patient, face)}
    return _recovered(patient, montre) if patient.ins_empreinte else _without_ins(patient, appel)


def _may_qualify(patient: Patient, face: dict[str, Any]) -> bool:
    return face["face"] == "echec" and patient.statut == Patient.Statut.PROV


def _last_call(appel: AppelInsi) -> dict[str, Any] | None:
    """Return what the last call asks of the counter; None when it is settled."""
    if appel.decision == AppelInsi.Decision.EN_ATTENTE:
        return {"face": "averifier", "appel": appel, "acte": "comparer"}
    if appel.envoi.etat in EN_COURS:
        return _waiting(appel)
    if appel.envoi.etat in _ECHECS or appel.code in _SANS_RESULTAT:
        return _failed(appel)
    return None


def _without_ins(patient: Patient, appel: AppelInsi | None) -> dict[str, Any]:
    """No INS: why, and what can be asked now; nothing once a person said why there is none.

    One read from a code is to be verified first.
    """
    if patient.motif_sans_ins:
        return {
            "face": "reponse",
            "sans_ins": True,
            "qualifier": patient.statut != Patient.Statut.VALI,
        }
    if _may_have_read(patient, appel) and recue_pending(patient) is not None:
        return {"face": "averifier", "acte": "verifier", "recue": True, "saisir": True}
    askable = demande_vitale(patient) is not None or question_file(patient) is not None
    controlee = patient.statut == Patient.Statut.VALI
    refusee = appel is not None and appel.decision == AppelInsi.Decision.REFUSEE
    return {
        "face": "reponse" if controlee or refusee else "vide",
        "acte": "relancer" if askable and patient.decede_le is None else "saisir",
        "saisir": True,
        "relance": relance_since(patient),
        "qualifier": not controlee,
        "controlee": controlee,
        "refusee": refusee,
        "appel": appel,
    }


def _may_have_read(patient: Patient, appel: AppelInsi | None) -> bool:
    """Tell whether an INS may wait to be verified: a code made the file, or was the last call."""
    if appel is None:
        return patient.methode == Patient.Methode.CODE
    return appel.operation == VERIFIER


def _waiting(appel: AppelInsi) -> dict[str, Any]:
    """Return a clock; after a first failure, what it was and that another try follows by itself."""
    attend = appel.envoi.etat == Envoi.Etat.A_ENVOYER and bool(appel.code)
    if attend and not appel.envoi.attend_service:
        return _failed(appel) | {"acte": "relancer" if age_s(appel) >= BUDGET_S else "voir"}
    if age_s(appel) >= BUDGET_S:
        return _failed(appel) | {"phrase": _TARD, "code": "INS-045"}
    if attend:
        return _failed(appel) | {"nouvel_essai": True}
    return {"face": "attente", "appel": appel}


def _failed(appel: AppelInsi) -> dict[str, Any]:
    contexte: dict[str, Any] = {"face": "echec", "appel": appel, "code": appel.code or "INS-045"}
    if appel.operation == VERIFIER:
        return contexte | _not_verified(appel)
    if appel.code in {"01", "02"}:
        ligne = row_of(appel.code)
        return contexte | {"phrase": f"{ligne.message} {ligne.geste}", "acte": "suite"}
    phrase = appel.envoi.dernier_message or _TARD
    if appel.envoi.dernier_code == "service_coupe":
        ligne = row_of("service_coupe")
        phrase = f"{ligne.message} {ligne.geste}"
    return contexte | {"phrase": phrase, "acte": "relancer"}


def _not_verified(appel: AppelInsi) -> dict[str, Any]:
    """A verification that did not confirm, or was not answered: then it may be asked again."""
    if appel.code in _SANS_RESULTAT:
        ligne = row_of(f"verification_{appel.code}")
        acte = "verifier" if appel.code == "91" else "relancer"
        return {"phrase": f"{ligne.message} {ligne.geste}", "acte": acte, "saisir": True}
    return {"phrase": appel.envoi.dernier_message or _TARD, "acte": "verifier"}


def _recovered(patient: Patient, montre: Montre | None) -> dict[str, Any]:
    """INS known: qualified, or waiting for a document (asked only while reminders are due)."""
    contexte: dict[str, Any] = {"nia": is_nia(patient.ins_oid), "ins": True, "acte": "voir"}
    if patient.statut == Patient.Statut.QUAL:
        return contexte | {"face": "reponse", "piece": piece_active(patient)}
    face = "averifier" if is_reminder_due(patient, montre) else "reponse"
    return contexte | {"face": face, "qualifier": True}
