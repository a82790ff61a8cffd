"""System checks of Pro Santé Connect: crossing environments stops the start.

psc.E001  a variable is missing
psc.E002  an address that is not https, or not on an allowed host
psc.E003  the issuer of another environment
psc.E004  an algorithm that can be forged
psc.E005  sessions that live in the cookie
psc.E006  a certificate or key that cannot be read, or is over
psc.E007  a relay, which nothing implements yet
psc.W001  the certificate expires within sixty days
"""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - its name
from django.utils import timezone

from psc.metadonnees import is_allowed
from psc.reglages import missing, read_reglages
from teleservices.tls import read_certificate

_ALERTE = timedelta(days=60)


def issuer_problem(environnement: str, emetteur: str) -> str:
    """Return why an issuer may not serve an environment, empty when it may.

    The hosts of the sandbox have the label « bas » (psc.md §1.2); the simulator is on this machine.
    """
    hote = urlsplit(emetteur).hostname or ""
    boucle = hote in {"127.0.0.1", "localhost", "::1"}
    bas = "bas" in hote.split(".")
    if environnement == "simulateur":
        return "" if boucle else "le simulateur ne parle qu'à cette machine"
    if environnement == "bac_a_sable":
        return "" if bas else "le bac à sable ne parle qu'au bac à sable de Pro Santé Connect"
    return "la production ne parle ni au simulateur ni au bac à sable" if boucle or bas else ""


@register
def check_psc(**_kwargs: object) -> list[CheckMessage]:
    """Refuse settings with which a connection would be unsafe, or impossible."""
    if not settings.PSC_ACTIF:
        return []
    absents = [Error(f"{nom} est vide.", id="psc.E001") for nom in missing()]
    return [
        *_check_mode(),
        *absents,
        *_check_addresses(),
        *_check_issuer(),
        *_check_algorithms(),
        *_check_sessions(),
        *_check_certificate(),
    ]


def _check_mode() -> list[CheckMessage]:
    """Refuse the relay, and a proxy that is not reached by https."""
    if settings.PSC_MODE == "relais":
        return [
            Error(
                "COMPTOIR_PSC_MODE : le relais de l'éditeur n'existe pas encore ; direct ou proxy.",
                id="psc.E007",
            )
        ]
    if settings.PSC_MODE == "proxy" and not settings.PSC_PROXY.startswith("https://"):
        return [Error("COMPTOIR_PSC_PROXY : https.", id="psc.E002")] if settings.PSC_PROXY else []
    return []


def _check_addresses() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if settings.PSC_EMETTEUR and not is_allowed(
        settings.PSC_EMETTEUR, [hote.lower() for hote in settings.PSC_HOTES]
    ):
        messages.append(
            Error("COMPTOIR_PSC_EMETTEUR : https, sur un hôte de PSC_HOTES.", id="psc.E002")
        )
    if settings.ENVIRONNEMENT != "simulateur" and any("://" in h for h in settings.PSC_HOTES):
        messages.append(Error("COMPTOIR_PSC_HOTES : des noms d'hôtes seuls.", id="psc.E002"))
    nos = {
        "COMPTOIR_PSC_REDIRECTION": settings.PSC_REDIRECTION,
        "COMPTOIR_PSC_APRES_DECONNEXION": settings.PSC_APRES_DECONNEXION,
    }
    permis = ("https://",) if settings.ENVIRONNEMENT != "simulateur" else ("https://", "http://")
    messages += [
        Error(f"{nom} doit être en https.", id="psc.E002")
        for nom, adresse in nos.items()
        if adresse and not adresse.startswith(permis)
    ]
    return messages


def _check_issuer() -> list[CheckMessage]:
    raison = issuer_problem(settings.ENVIRONNEMENT, settings.PSC_EMETTEUR)
    if not raison or not settings.PSC_EMETTEUR:
        return []
    return [Error(f"COMPTOIR_PSC_EMETTEUR : {raison}.", id="psc.E003")]


def _check_algorithms() -> list[CheckMessage]:
    try:
        read_reglages()
    except ValueError:
        return [Error("COMPTOIR_PSC_ALGORITHMES : RS256, PS256 ou ES256.", id="psc.E004")]
    return []


def _check_sessions() -> list[CheckMessage]:
    if settings.SESSION_ENGINE.endswith("signed_cookies"):
        return [Error("Les sessions doivent être en base.", id="psc.E005")]
    return []


def _check_certificate() -> list[CheckMessage]:
    attendu = settings.PSC_AUTHENTIFICATION == "certificat" or settings.PSC_MODE == "proxy"
    if not (attendu and settings.PSC_CERTIFICAT):
        return []
    try:
        reste = read_certificate(settings.PSC_CERTIFICAT).expire_le - timezone.now()
    except (OSError, ValueError):
        return [Error("COMPTOIR_PSC_CERTIFICAT : fichier illisible.", id="psc.E006")]
    if reste <= timedelta(0):
        return [Error("COMPTOIR_PSC_CERTIFICAT : certificat périmé.", id="psc.E006")]
    if reste < _ALERTE:
        return [Warning(f"Certificat PSC : expire dans {reste.days} jours.", id="psc.W001")]
    return []
