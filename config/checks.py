"""System checks with stable ids: crossing keys and addresses stops the start (OPS-14).

config.E001  certificate or authority file missing or unreadable
config.E002  production with a test certificate, or a test environment with a real one
config.E003  an address of one environment in another
config.E004  production without encryption, digest, agent or seal keys, or over plain HTTP
config.W001  a certificate expires within thirty days
"""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import ERROR, CheckMessage, Error, register
from django.utils import timezone

from psc.checks import check_psc
from teleservices.tls import CertificatServeur, read_certificate

_ALERTE = timedelta(days=30)


def _services() -> dict[str, str]:
    return {
        "INSi": settings.INSI_URL,
        "Ordonnance Numérique": settings.EPU_URL,
        "Appli carte Vitale": settings.APCV_URL,
        "ADRi": settings.ADRI_URL,
    }


def address_problem(environnement: str, url: str) -> str:
    """Return why `url` may not serve `environnement`, or an empty text.

    Source: ins.md §3.1 (qualification hosts start with « qualiflps »).
    """
    hote = urlsplit(url).hostname or ""
    boucle = hote in {"127.0.0.1", "localhost", "::1"}
    qualif = hote.startswith("qualiflps")
    if environnement == "simulateur":
        return "" if boucle else "le simulateur ne parle qu'à cette machine"
    if environnement == "bac_a_sable":
        return "" if qualif else "le bac à sable ne parle qu'aux plateformes de qualification"
    if boucle or qualif:
        return "la production ne parle ni au simulateur ni à la qualification"
    return ""


@register
def check_addresses(**_kwargs: object) -> list[CheckMessage]:
    """Refuse the addresses of another environment."""
    erreurs: list[CheckMessage] = []
    for nom, url in _services().items():
        raison = address_problem(settings.ENVIRONNEMENT, url) if url else ""
        if raison:
            erreurs.append(
                Error(
                    f"{nom} : adresse refusée en « {settings.ENVIRONNEMENT} », {raison}.",
                    id="config.E003",
                )
            )
    return erreurs


@register
def check_certificates(**_kwargs: object) -> list[CheckMessage]:
    """Refuse an unreadable certificate, or one of another environment."""
    messages: list[CheckMessage] = []
    for nom, chemin in (
        ("certificat de structure INSi", settings.INSI_CERTIFICAT),
        ("certificat INSI-AUTO", settings.INSI_CERTIFICAT_AUTO),
        ("certificat de structure carte Vitale", settings.VITALE_CERTIFICAT),
        ("autorités TLS", settings.TLS_AC),
        ("autorités CPS", settings.CPS_AC),
    ):
        if not chemin or (nom.endswith("Vitale") and chemin == settings.INSI_CERTIFICAT):
            continue
        try:
            certificat = read_certificate(chemin)
        except (OSError, ValueError):
            messages.append(Error(f"{nom} : fichier illisible ou absent.", id="config.E001"))
            continue
        messages.extend(_judge(nom, certificat))
    return messages


def _judge(nom: str, certificat: CertificatServeur) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    production = settings.ENVIRONNEMENT == "production"
    if production and certificat.de_test:
        messages.append(Error(f"{nom} : certificat de test en production.", id="config.E002"))
    if not production and not certificat.de_test:
        messages.append(Error(f"{nom} : certificat réel hors production.", id="config.E002"))
    if certificat.expire_le - timezone.now() < _ALERTE:
        messages.append(
            checks.Warning(f"{nom} : expire le {certificat.expire_le:%d/%m/%Y}.", id="config.W001")
        )
    return messages


@register
def check_secrets(**_kwargs: object) -> list[CheckMessage]:
    """Refuse production without its keys, or without TLS."""
    if settings.ENVIRONNEMENT != "production":
        return []
    manquants = [
        nom
        for nom, valeur in (
            ("COMPTOIR_CLES_CHIFFREMENT", settings.CLES_CHIFFREMENT),
            ("COMPTOIR_CLE_EMPREINTE", settings.CLE_EMPREINTE),
            ("COMPTOIR_CLE_AGENT", settings.CLE_AGENT_PEM),
            ("COMPTOIR_CLES_SCEAU", settings.CLES_SCEAU),
        )
        if not valeur
    ]
    erreurs: list[CheckMessage] = [
        Error(f"{nom} est vide en production.", id="config.E004") for nom in manquants
    ]
    if not settings.ADRESSE.startswith("https://"):
        erreurs.append(Error("COMPTOIR_ADRESSE doit être en https.", id="config.E004"))
    return erreurs


def stop_on_error() -> None:
    """Refuse to start a process of the product on crossed settings: SystemExit, in sentences.

    Django runs its checks for commands only; the web process, the workers and beat ask for ours.
    """
    messages = [*check_addresses(), *check_certificates(), *check_secrets(), *check_psc()]
    erreurs = [f"{m.id} : {m.msg}" for m in messages if m.level >= ERROR]
    if erreurs:
        raise SystemExit("\n".join(erreurs))
