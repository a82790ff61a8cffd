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
    verrou_minutes, sans_lettres = 0, False
    if acteur is not None:
        reglages = parametres.valeurs(
            acteur.officine_id, "session.verrouillage_minutes", "touches.lettres"
        )
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
        "poste": poste,
        "compteurs": compteurs,
        "verrou_minutes": verrou_minutes,
        "sans_lettres": sans_lettres,
        "agent_url": f"ws://127.0.0.1:{settings.AGENT_PORTS[0]}/agent/v1" if poste else "",
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "version": settings.VERSION,
    }
