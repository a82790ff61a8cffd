"""« Tester ce poste » (AGT-14): what the server received of each device in the last minutes, and
what the agent says of its readers, of this machine and of its version (agent.md §5.7).

The page asks the agent and brings its answer: nothing of it is believed, kept, or shown to anyone
else. Sentences of a refusal are ours, by its code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from agent.protocol.messages import ERREURS
from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Poste, RecuCarte

DEPUIS = timedelta(minutes=10)
# operation of the receipt -> device, gesture
APPAREILS = {
    "vitale.read": ("Carte Vitale", "Insérez une carte Vitale, puce vers l'avant."),
    "apcv.read_nfc": (
        "Appli carte Vitale",
        "Posez sur le lecteur sans contact un téléphone qui montre l'appli.",
    ),
    "cps.read": ("Carte CPS", "Insérez votre carte CPS."),
}


@dataclass(frozen=True)
class Essai:
    """One device: what to do, and the last proved reading of it, if any."""

    appareil: str
    geste: str
    recu: RecuCarte | None


def trials(acteur: Acteur, poste: Poste, maintenant: datetime) -> list[Essai]:
    """Return each device with its last receipt of the last ten minutes; no data of anyone.

    PermissionError without the right.
    """
    decision = peut(acteur, "postes.gerer")
    if not decision.ok:
        raise PermissionError(decision.phrase)
    recus = RecuCarte.objects.filter(
        officine_id=acteur.officine_id, poste=poste, recu_le__gte=maintenant - DEPUIS
    ).defer("donnees")
    derniers = {r.operation: r for r in recus.order_by("recu_le")}
    return [Essai(nom, geste, derniers.get(op)) for op, (nom, geste) in APPAREILS.items()]


# verb -> the part of the page that its answer redraws
VERBES = {
    "state.get": "pharmacy/_essai_lecteurs.html",
    "reader.assign": "pharmacy/_essai_affecter.html",
    "diag.get": "pharmacy/_essai_diagnostic.html",
    "agent.update.check": "pharmacy/_essai_version.html",
}
USAGES = {
    "vitale": "Carte Vitale",
    "cps": "Carte CPS",
    "nfc": "Appli carte Vitale, sans contact",
    "ignore": "Aucune : laissé de côté",
}
ETATS = {
    "card": ("carte présente", "ok"),
    "empty": ("vide", "info"),
    "gone": ("débranché", "attention"),
    "ready": ("prêt", "ok"),
    "shared": ("écrit aussi dans les autres fenêtres", "attention"),
}
ROLES = {"comptoir": "comptoir", "patient": "côté patient"}
TONS = {"ok": "ok", "attention": "attention", "panne": "alerte"}
MUET = {
    "erreur": "L'agent de ce poste n'a pas répondu à cette page. Regardez son état en haut de "
    "l'écran ; s'il est absent, lancez-le, puis recommencez.",
    "code": "POS-012",
}
REPONSE_MAX, LIGNES_MAX, PHRASE_MAX = 65_536, 60, 400


@dataclass(frozen=True)
class LecteurDit:
    """One reader or scanner, in words; `usage` is empty when nobody told what it serves."""

    ident: str
    libelle: str
    etat: str
    ton: str
    usage: str = ""


@dataclass(frozen=True)
class ConstatDit:
    """One fact of the diagnosis."""

    phrase: str
    ton: str


@dataclass(frozen=True)
class Dit:
    """What the agent answered to one verb; all empty before it was asked."""

    verbe: str = ""
    lecteurs: list[LecteurDit] = field(default_factory=list)
    scanners: list[LecteurDit] = field(default_factory=list)
    constats: list[ConstatDit] = field(default_factory=list)
    usage: str = ""
    version: str = ""
    offerte: str = ""
    obligatoire: bool = False
    erreur: str = ""
    code: str = ""

    @property
    def usages(self) -> list[tuple[str, str]]:
        """What a reader may serve: value of the form, words."""
        return list(USAGES.items())


def read_answer(acteur: Acteur, poste: Poste, verbe: str, formulaire: Mapping[str, Any]) -> Dit:
    """Return in words what the agent answered; a refusal, or no answer, is a sentence and a code.

    KeyError for a verb not of the trial, PermissionError without the right.
    """
    decision = peut(acteur, "postes.gerer", poste)
    if not decision.ok:
        raise PermissionError(decision.phrase)
    lit = {
        "state.get": _readers,
        "reader.assign": lambda _lu: {"usage": USAGES.get(str(formulaire.get("use")), "")},
        "diag.get": _facts,
        "agent.update.check": _version,
    }[verbe]
    lu = _load(formulaire.get("reponse"))
    refus = MUET if lu is None else _refusal(lu)
    if verbe == "reader.assign":
        audit.note(
            acteur,
            "poste.lecteur",
            f"poste:{poste.pk}",
            resultat=refus["code"] if refus else "ok",
            precision=_short(formulaire.get("use"), 10),
        )
    return Dit(verbe, **(refus or lit(lu or {})))


def _load(brut: object) -> dict[str, Any] | None:
    """Return the answer the page brings, None when it brings none."""
    if not isinstance(brut, str) or len(brut) > REPONSE_MAX:
        return None
    try:
        lu = json.loads(brut)
    except (ValueError, RecursionError):
        return None
    return lu if isinstance(lu, dict) else None


def _refusal(lu: dict[str, Any]) -> dict[str, Any]:
    """Return the sentence of a refusal, empty when the agent did answer."""
    erreur = lu.get("erreur")
    if erreur is None:
        return {}
    code = erreur.get("code") if isinstance(erreur, dict) else None
    if not isinstance(code, str) or code not in ERREURS:
        return MUET
    return {"erreur": ERREURS[code][1], "code": code}


def _short(valeur: object, maximum: int) -> str:
    """Return a printable text of this length at most, empty for anything else."""
    texte = valeur if isinstance(valeur, str) else ""
    return texte[:maximum] if texte.isprintable() else ""


def _rows(valeur: object) -> list[dict[str, Any]]:
    """Return the objects of a list, sixty at most."""
    lignes = valeur if isinstance(valeur, list) else []
    return [ligne for ligne in lignes[:LIGNES_MAX] if isinstance(ligne, dict)]


def _readers(lu: dict[str, Any]) -> dict[str, Any]:
    return {
        "lecteurs": [
            LecteurDit(
                _short(ligne.get("id"), 64),
                _short(ligne.get("name"), 128),
                *ETATS.get(str(ligne.get("state")), ("état inconnu", "attention")),
                usage=_use(ligne.get("use")),
            )
            for ligne in _rows(lu.get("readers"))
        ],
        "scanners": [
            LecteurDit(
                _short(ligne.get("device"), 64),
                f"E-lecteur {ROLES.get(str(ligne.get('role')), '')}".strip(),
                *ETATS.get(str(ligne.get("state")), ("état inconnu", "attention")),
            )
            for ligne in _rows(lu.get("scanners"))
        ],
    }


def _use(valeur: object) -> str:
    """Return a use as `reader.assign` names it: the state calls the phone « apcv »."""
    usage = "nfc" if valeur in ("apcv", "apcv_nfc") else valeur
    return usage if isinstance(usage, str) and usage in USAGES else ""


def _facts(lu: dict[str, Any]) -> dict[str, Any]:
    return {
        "constats": [
            ConstatDit(
                _short(ligne.get("phrase"), PHRASE_MAX), TONS.get(str(ligne.get("niveau")), "info")
            )
            for ligne in _rows(lu.get("constats"))
        ]
    }


def _version(lu: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": _short(lu.get("current"), 20),
        "offerte": _short(lu.get("available"), 20),
        "obligatoire": lu.get("mandatory") is True,
    }
