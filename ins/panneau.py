"""The panel « Identité »: what is known of who is at the counter, in one of five faces."""

from typing import Any

from django.template.loader import render_to_string

from ins.errors import row_of
from ins.models import AppelInsi
from ins.rules.oid import is_nia
from ins.selectors import (
    EN_COURS,
    age_s,
    appel_last,
    demande_traits,
    demande_vitale,
    is_blocked,
    is_reminder_due,
    piece_active,
)
from ins.services.appels import BUDGET_S
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi

_ECHECS = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)
_TARD = "INSi n'a pas répondu en 45 secondes. Poursuivez la délivrance ; relancez plus tard."


def render_panneau(vente: Vente, _acteur: Acteur) -> str:
    """Return the panel (ux.md, « A panel has five faces »)."""
    contexte: dict[str, Any] = {"vente": vente, "patient": vente.patient, "face": "vide"}
    if vente.patient is not None:
        contexte |= _known(vente.patient)
    return render_to_string("ins/_panneau.html", contexte)


def _known(patient: Patient) -> dict[str, Any]:
    if is_blocked(patient):
        return {"face": "reponse", "bloquee": True}
    appel = appel_last(patient)
    if appel is not None and appel.decision == AppelInsi.Decision.EN_ATTENTE:
        return {"face": "averifier", "appel": appel, "comparer": True}
    if appel is not None and appel.envoi.etat in EN_COURS:
        return _waiting(appel)
    return _recovered(patient) if patient.ins_empreinte else _without_ins(patient, appel)


def _without_ins(patient: Patient, appel: AppelInsi | None) -> dict[str, Any]:
    """No INS: why, and what can be asked now; nothing once a person said why there is none."""
    if patient.motif_sans_ins:
        return {
            "face": "reponse",
            "sans_ins": True,
            "qualifier": patient.statut != Patient.Statut.VALI,
        }
    askable = demande_vitale(patient) is not None or demande_traits(patient) is not None
    if appel is not None and _is_without_result(appel):
        return _failed(appel) | {"relancer": askable}
    controlee = patient.statut == Patient.Statut.VALI
    refusee = appel is not None and appel.decision == AppelInsi.Decision.REFUSEE
    return {
        "face": "reponse" if controlee or refusee else "vide",
        "relancer": askable,
        "qualifier": not controlee,
        "controlee": controlee,
        "refusee": refusee,
        "appel": appel,
    }


def _waiting(appel: AppelInsi) -> dict[str, Any]:
    """Within 45 s a clock; beyond, or when our own side is not ready, a failure that says so."""
    if appel.envoi.etat == Envoi.Etat.A_ENVOYER and not appel.envoi.attend_service and appel.code:
        return _failed(appel) | {"relancer": age_s(appel) >= BUDGET_S}
    if age_s(appel) >= BUDGET_S:
        return {"face": "echec", "phrase": _TARD, "code": "INS-045", "relancer": True}
    return {"face": "attente", "appel": appel}


def _is_without_result(appel: AppelInsi) -> bool:
    return appel.envoi.etat in _ECHECS or appel.code in {"01", "02"}


def _failed(appel: AppelInsi) -> dict[str, Any]:
    if appel.code in {"01", "02"}:
        ligne = row_of(appel.code)
        phrase = f"{ligne.message} {ligne.geste}"
    else:
        phrase = appel.envoi.dernier_message or _TARD
    return {"face": "echec", "phrase": phrase, "code": appel.code or "INS-045", "appel": appel}


def _recovered(patient: Patient) -> dict[str, Any]:
    """INS known: qualified, or waiting for a document (asked only while reminders are due)."""
    contexte: dict[str, Any] = {"nia": is_nia(patient.ins_oid), "ins": True}
    if patient.statut == Patient.Statut.QUAL:
        return contexte | {"face": "reponse", "piece": piece_active(patient)}
    face = "averifier" if is_reminder_due(patient) else "reponse"
    return contexte | {"face": face, "qualifier": True}
