"""The panel « Carte et droits »: what an appli carte Vitale gave, how long it holds, the rights."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from ins.errors_adri import sentence_of as sentence_of_adri
from ins.errors_apcv import sentence_of as sentence_of_apcv
from ins.models import ContexteApcv, DroitsAssure
from ins.selectors_apcv import BUDGET_S, contexte_current, droits_last, is_over
from ins.services.droits import is_askable
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi

_FINIS = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)
# The most pressing face of the two parts is the panel's (ux.md, « A panel has five faces »).
_RANG = ("averifier", "attente", "echec", "reponse", "vide")
_EXONERATIONS = {
    "ALD": "ALD",
    "MATERNITE": "Maternité",
    "INVALIDITE": "Invalidité",
    "ATMP": "Accident du travail",
}
# A refused reading is shown that long, then the panel forgets it.
_OUBLI_S = 300
_PERIODE_S = 10


def render_panneau(vente: Vente, _acteur: Acteur) -> str:
    """Return the panel."""
    appli = _appli(vente)
    droits = _droits(vente.patient) if vente.patient is not None else {"face": "vide"}
    face = min(appli["face"], droits["face"], key=_RANG.index)
    delais = [d for d in (appli.get("revenir_s"), droits.get("revenir_s")) if d]
    return render_to_string(
        "ins/_droits.html",
        {
            "vente": vente,
            "patient": vente.patient,
            "face": face,
            "appli": appli,
            "droits": droits,
            "regle": bool(settings.ADRI_URL),
            "actes": not vente.est_finie
            and (appli.get("choisir") or droits.get("relancer") or droits.get("demander")),
            "revenir_s": min(delais, default=0),
        },
    )


def _appli(vente: Vente) -> dict[str, Any]:
    contexte = contexte_current(vente)
    if contexte is None:
        return {"face": "vide"}
    faits: dict[str, Any] = {"contexte": contexte, "renouvelle": contexte.prolonge_id is not None}
    if contexte.etat == ContexteApcv.Etat.DEMANDE:
        return faits | _asked(contexte)
    if contexte.etat == ContexteApcv.Etat.ECHEC:
        vu = (timezone.now() - contexte.cree_le).total_seconds() < _OUBLI_S
        oubliee = vente.carte_presente or not vu
        return {"face": "vide"} if oubliee else faits | _refused(contexte)
    if is_over(contexte):
        return faits | {"face": "averifier", "expire": True}
    if contexte.etat == ContexteApcv.Etat.A_CHOISIR:
        return faits | {"face": "averifier", "choisir": True} | _validity(contexte)
    if contexte.patient_id != vente.patient_id:
        return {"face": "vide"}
    return faits | {"face": "reponse", "valable": True} | _validity(contexte)


def _asked(contexte: ContexteApcv) -> dict[str, Any]:
    """Within 45 s a clock; beyond, or when our own side is not ready, a failure that says so."""
    age = (timezone.now() - contexte.cree_le).total_seconds()
    envoi = contexte.envoi
    bloque = envoi.etat == Envoi.Etat.A_ENVOYER and envoi.dernier_code and not envoi.attend_service
    if age >= BUDGET_S or bloque:
        return _refused(contexte)
    return {"face": "attente", "revenir_s": int(BUDGET_S - age) + 1}


def _refused(contexte: ContexteApcv) -> dict[str, Any]:
    code = contexte.code or "delai_depasse"
    phrase = sentence_of_apcv(code, contexte.envoi.dernier_message)
    return {"face": "echec", "phrase": phrase, "code": code}


def _validity(contexte: ContexteApcv) -> dict[str, Any]:
    """Return what is left, in words, and when to come back to say it again."""
    assert contexte.expire_le is not None  # noqa: S101 - a context that is not over has an end
    reste = max(1, int((contexte.expire_le - timezone.now()).total_seconds()) + 1)
    if reste <= 60:
        return {"reste": f"{reste}\u00a0s", "revenir_s": min(_PERIODE_S, reste)}
    return {"reste": f"{(reste + 59) // 60}\u00a0min", "revenir_s": reste % 60 or 60}


def _droits(patient: Patient) -> dict[str, Any]:
    if not settings.ADRI_URL:
        return {"face": "vide"}
    derniers = droits_last(patient)
    if derniers is None:
        return {"face": "vide", "demander": is_askable(patient)}
    etat = derniers.envoi.etat
    faits: dict[str, Any] = {"ligne": derniers}
    if etat == Envoi.Etat.ENVOYE:
        return faits | _answered(derniers)
    bloque = etat == Envoi.Etat.A_ENVOYER and derniers.code and not derniers.envoi.attend_service
    age = (timezone.now() - derniers.demande_le).total_seconds()
    if etat in _FINIS or bloque or age >= BUDGET_S:
        return faits | {"face": "echec", "relancer": True} | _why(derniers)
    return faits | {"face": "attente", "revenir_s": int(BUDGET_S - age) + 1}


def _why(derniers: DroitsAssure) -> dict[str, str]:
    code = derniers.code or "delai_depasse"
    return {"phrase": sentence_of_adri(code, derniers.envoi.dernier_message), "code": code}


def _answered(derniers: DroitsAssure) -> dict[str, Any]:
    ancienne = _is_old(derniers.recu_le)
    if derniers.code != "00":
        return {"face": "averifier", "relancer": ancienne} | _why(derniers)
    codes = str(derniers.exonerations).split()
    return {
        "face": "reponse",
        "ouverts": True,
        "relancer": ancienne,
        "exonerations": [_EXONERATIONS.get(code, code) for code in codes],
        "ald": "ALD" in codes,
        "css": str(derniers.css) == "oui",
    }


def _is_old(recu_le: datetime | None) -> bool:
    """Tell whether the rights known are not today's."""
    return recu_le is None or timezone.localdate(recu_le) != timezone.localdate()
