"""The settings of Pro Santé Connect: those of the installation, read once into plain values.

What an officine chooses (first use always confirmed, parking, matching structure) is registered
with the screens that obey it, not before. Source: psc.md §4.2.
"""

from datetime import timedelta

from django.conf import settings

from psc.echanges import Reglages
from psc.jetons import Pair
from psc.rules.etats import Limites

ENVIRONNEMENTS = {"simulateur": "simulateur", "bac_a_sable": "bas", "production": "prod"}


def environnement() -> str:
    """Return the environment of the identities: simulateur, bas, prod."""
    return ENVIRONNEMENTS[settings.ENVIRONNEMENT]


def read_reglages() -> Reglages:
    """Return what the client needs. ValueError for an algorithm that can be forged."""
    par_certificat = settings.PSC_AUTHENTIFICATION == "certificat"
    return Reglages(
        pair=Pair(
            settings.PSC_EMETTEUR,
            settings.PSC_CLIENT_ID,
            tuple(settings.PSC_ALGORITHMES),
            frozenset(settings.PSC_ACR_ACCEPTES),
            settings.PSC_MARGE_S,
        ),
        hotes=frozenset(hote.lower() for hote in settings.PSC_HOTES),
        redirection=settings.PSC_REDIRECTION,
        apres_deconnexion=settings.PSC_APRES_DECONNEXION,
        secret="" if par_certificat else settings.PSC_CLIENT_SECRET,
        authentification="none" if par_certificat else settings.PSC_AUTHENTIFICATION,
        scope=settings.PSC_SCOPE,
        acr_values=settings.PSC_ACR,
        prompt_login=settings.PSC_PROMPT_LOGIN,
        age_max_s=settings.PSC_AGE_MAX_S,
    )


def read_limites() -> Limites:
    """Return how long a session lives: settings only ever lower four hours and thirty minutes."""
    return Limites(
        timedelta(seconds=settings.PSC_DUREE_MAX_S),
        timedelta(seconds=settings.PSC_INACTIVITE_MAX_S),
    )


def missing() -> list[str]:
    """Return the names of the variables without which nobody can connect."""
    par_certificat = settings.PSC_AUTHENTIFICATION == "certificat"
    obligatoires = {
        "COMPTOIR_PSC_EMETTEUR": settings.PSC_EMETTEUR,
        "COMPTOIR_PSC_CLIENT_ID": settings.PSC_CLIENT_ID,
        "COMPTOIR_PSC_REDIRECTION": settings.PSC_REDIRECTION,
        "COMPTOIR_PSC_APRES_DECONNEXION": settings.PSC_APRES_DECONNEXION,
    }
    if settings.PSC_MODE == "proxy":
        obligatoires["COMPTOIR_PSC_PROXY"] = settings.PSC_PROXY
    if par_certificat or settings.PSC_MODE == "proxy":
        obligatoires["COMPTOIR_PSC_CERTIFICAT"] = settings.PSC_CERTIFICAT
        obligatoires["COMPTOIR_PSC_CLE"] = settings.PSC_CLE
    if not par_certificat:
        obligatoires["COMPTOIR_PSC_CLIENT_SECRET"] = settings.PSC_CLIENT_SECRET
    return [nom for nom, valeur in obligatoires.items() if not valeur]


def is_complete() -> bool:
    """Tell whether nothing is missing."""
    return not missing()
