"""What every template may show: environment, actor, poste, numbers of the header."""

from django.conf import settings
from django.http import HttpRequest

from pharmacy import parametres
from pharmacy.models import Poste
from pharmacy.panels import compteur_list
from pharmacy.postes.configuration import TRANSPORT

LIBELLES = {"simulateur": "SIMULATEUR", "bac_a_sable": "BAC À SABLE", "production": ""}


def _has_agent(poste: Poste | None) -> bool:
    return poste is not None and poste.etat == Poste.Etat.ASSOCIE


def _notice(request: HttpRequest) -> str:
    """Return what the session has to say to its operator, once: a page that shows it forgets it."""
    session = getattr(request, "session", None)
    return str(session.pop("avis")) if session is not None and "avis" in session else ""


def comptoir(request: HttpRequest) -> dict[str, object]:
    """Return the context common to all pages."""
    acteur = getattr(request, "acteur", None)
    poste = getattr(request, "poste", None)
    compteurs = []
    verrou_minutes, sans_lettres, transport = 0, False, "loopback"
    if acteur is not None:
        reglages = parametres.valeurs(
            acteur.officine_id, "session.verrouillage_minutes", "touches.lettres", TRANSPORT
        )
        transport = str(reglages[TRANSPORT])
        verrou_minutes = int(reglages["session.verrouillage_minutes"])
        sans_lettres = reglages["touches.lettres"] == "sans"
        compteurs = [
            {"nom": c.nom, "libelle": c.libelle, "url": c.url, "nombre": c.compute(acteur)}
            for c in compteur_list()
        ]
    return {
        "environnement": settings.ENVIRONNEMENT,
        "environnement_libelle": LIBELLES[settings.ENVIRONNEMENT],
        "plateau_url": settings.PLATEAU_URL if settings.ENVIRONNEMENT == "simulateur" else "",
        "acteur": acteur,
        "avis": lambda: _notice(request),
        "poste": poste,
        "compteurs": compteurs,
        "verrou_minutes": verrou_minutes,
        "sans_lettres": sans_lettres,
        "agent_ports": " ".join(map(str, settings.AGENT_PORTS)) if _has_agent(poste) else "",
        "agent_transport": transport,
        "sur_place": settings.HOTE_AUTORISE.startswith("127.0.0.1"),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "version": settings.VERSION,
    }
