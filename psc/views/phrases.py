"""What is said of an attempt: one sentence, what to do now, and the code for a call to support.

A person whom we do not admit is told the same thing whatever the reason: no account is guessed.
"""

from dataclasses import dataclass

from psc.errors import CODES
from psc.models import TentativePsc
from psc.services import tentatives

_CODE = "Utilisez votre code et votre mot de passe."
_TITULAIRE = "Voyez le titulaire."
_FERMEE = "Sa connexion à Pro Santé Connect est fermée."
_REFUS = ("Compte non autorisé.", f"{_TITULAIRE} Pro Santé Connect est déconnecté.")
# reason of a refusal -> sentence, next step, code on the screen.
_PHRASES: dict[str, tuple[str, str, str]] = {
    "compte_non_autorise": (*_REFUS, "PSC-201"),
    "plusieurs_operateurs": (*_REFUS, "PSC-202"),
    "poste_non_autorise": (*_REFUS, "PSC-203"),
    "rpps_ambigu": (*_REFUS, "PSC-204"),
    "rpps_contradictoire": (*_REFUS, "PSC-204"),
    "autre_environnement": (*_REFUS, "PSC-205"),
    "autre_personne": (
        "La personne authentifiée n'est pas l'opérateur de ce poste.",
        f"Votre session continue. {_FERMEE}",
        "PSC-206",
    ),
    "session_verrouillee": (
        "L'écran s'est verrouillé pendant la connexion.",
        "Déverrouillez-le par votre code, puis recommencez.",
        "PSC-207",
    ),
    "abandonnee": (
        "Connexion abandonnée.",
        "Celle de Pro Santé Connect est fermée aussi.",
        "PSC-208",
    ),
    "reste": ("Vous restez l'opérateur du poste.", _FERMEE, "PSC-209"),
    "lien_demande": (
        "Demande de rattachement enregistrée.",
        f"Le titulaire la verra dans la console. D'ici là : {_CODE[0].lower()}{_CODE[1:]}",
        "PSC-210",
    ),
}
_ETATS: dict[str, tuple[str, str, str]] = {
    tentatives.ANNULEE: ("Connexion annulée.", _CODE, "PSC-220"),
    tentatives.REMPLACEE: (
        "Une autre connexion a commencé sur ce poste : celle-ci ne sert plus.",
        "Continuez dans la fenêtre la plus récente.",
        "PSC-221",
    ),
    tentatives.EXPIREE: (
        "Cette connexion a duré plus de dix minutes.",
        f"Recommencez, ou : {_CODE[0].lower()}{_CODE[1:]}",
        "PSC-222",
    ),
}


@dataclass(frozen=True)
class Parole:
    """A sentence, what to do now, a short code."""

    phrase: str
    geste: str
    code: str


def of_code(code: str) -> Parole:
    """Return what is said of a reason: of a decision, or of the protocol (`psc.errors`)."""
    if code in _PHRASES:
        return Parole(*_PHRASES[code])
    ligne = CODES.get(code)
    if ligne is None:
        return Parole("La connexion n'a pas abouti.", _CODE, "PSC-299")
    return Parole(ligne.message, ligne.geste, code)


def of_tentative(tentative: TentativePsc) -> Parole | None:
    """Return what is said of an attempt that came to nothing; None while it lives, or succeeded."""
    etat = tentatives.status_of(tentative)
    if etat.startswith(tentatives.REFUSEE):
        return of_code(etat.partition(":")[2])
    return Parole(*_ETATS[etat]) if etat in _ETATS else None
