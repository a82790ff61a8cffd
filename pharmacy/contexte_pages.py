"""What every template may show: environment, actor, poste, numbers of the header."""

from django.conf import settings
from django.http import HttpRequest

from pharmacy import parametres
from pharmacy.panels import compteur_list

LIBELLES = {"simulateur": "SIMULATEUR", "bac_a_sable": "BAC À SABLE", "production": ""}


def comptoir(request: HttpRequest) -> dict[str, object]:
    """Return the context common to all pages."""
    acteur = getattr(request, "acteur", None)
    poste = getattr(request, "poste", None)
    compteurs = []
    verrou_minutes = 0
    if acteur is not None:
        verrou_minutes = parametres.entier(acteur.officine_id, "session.verrouillage_minutes")
        compteurs = [
            {"nom": c.nom, "libelle": c.libelle, "url": c.url, "nombre": c.compute(acteur)}
            for c in compteur_list()
        ]
    return {
        "environnement": settings.ENVIRONNEMENT,
        "environnement_libelle": LIBELLES[settings.ENVIRONNEMENT],
        "plateau_url": settings.PLATEAU_URL if settings.ENVIRONNEMENT == "simulateur" else "",
        "acteur": acteur,
        "poste": poste,
        "compteurs": compteurs,
        "verrou_minutes": verrou_minutes,
        "agent_url": f"ws://127.0.0.1:{settings.AGENT_PORTS[0]}/agent/v1" if poste else "",
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "version": settings.VERSION,
    }
