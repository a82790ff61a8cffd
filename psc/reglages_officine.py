"""What an officine chooses about Pro Santé Connect, its default, its effect (psc.md §4.2)."""

from pharmacy import parametres
from pharmacy.parametres import Reglage, Valeur

CHANGEMENT = "psc.changement"
PREMIER_USAGE = "psc.premier_usage"
STRUCTURE = "psc.structure"
DECONNEXION_RECUE = "psc.deconnexion_recue"
SANS_REPONSE = "psc.sans_reponse_minutes"

# key: words, effect, then the values (the first is the default), or default and bounds.
_REGLAGES: dict[str, tuple[str, str, tuple[tuple[str, str], ...] | tuple[int, int, int]]] = {
    CHANGEMENT: (
        "Connexion d'un opérateur quand un collègue prend le poste",
        "En attente : son propriétaire, et lui seul, la retrouve par son mot de passe, au plus "
        "trente minutes après. Fermée : il se reconnecte.",
        (("garer", "mise en attente"), ("terminer", "fermée")),
    ),
    PREMIER_USAGE: (
        "Première connexion d'un opérateur rattaché",
        "Si les noms diffèrent, ou toujours, le mot de passe ou un titulaire confirme.",
        (("noms", "confirmée si les noms diffèrent"), ("toujours", "toujours confirmée")),
    ),
    STRUCTURE: (
        "Professionnel sans activité déclarée dans cette officine",
        "Avertir : il consulte ; ce qui part au nom de l'officine attend. Bloquer : aucun service "
        "national. Le travail au comptoir continue.",
        (("avertir", "avertir"), ("bloquer", "bloquer")),
    ),
    DECONNEXION_RECUE: (
        "Déconnexion demandée par Pro Santé Connect",
        "Verrouille le poste dont la session avait été ouverte par Pro Santé Connect ; la vente "
        "reste. Sinon, seule la connexion nationale se ferme.",
        (("verrouiller", "verrouille le poste"), ("rien", "ferme la connexion seulement")),
    ),
    SANS_REPONSE: (
        "Question « Garder la connexion ? » sans réponse",
        "Minutes avant que la connexion Pro Santé Connect se ferme, si personne ne répond en "
        "quittant un module.",
        (30, 1, 30),
    ),
}

# The value that protects less: it is chosen in the administration mode (TIT-03).
_DESSERRE = {
    CHANGEMENT: "garer",
    PREMIER_USAGE: "noms",
    STRUCTURE: "avertir",
    DECONNEXION_RECUE: "rien",
}


def register_all() -> None:
    """Register the settings of the page « Paramètres »; called from `AppConfig.ready()`."""
    for cle, (libelle, effet, valeurs) in _REGLAGES.items():
        parametres.register(_reglage(cle, libelle, effet, valeurs))


def _reglage(cle: str, libelle: str, effet: str, valeurs: tuple[object, ...]) -> Reglage:
    choix = tuple(v for v in valeurs if isinstance(v, tuple))
    nombres = [v for v in valeurs if isinstance(v, int)]
    defaut: Valeur = str(choix[0][0]) if choix else nombres[0]
    mini, maxi = (nombres[1], nombres[2]) if nombres else (0, 9999)
    desserre = parametres.becomes(_DESSERRE[cle]) if choix else parametres.raises
    return Reglage(
        cle, libelle, effet, "Pro Santé Connect", defaut, choix, mini, maxi, desserre=desserre
    )
