"""Settings of the search by traits (ins.md §3.6, steps 4 and 6)."""

from ins.selectors import DATE_LUNAIRE, DERNIER_APPEL
from pharmacy import parametres


def register_all() -> None:
    """Add the settings to the page; called from `AppConfig.ready()`."""
    parametres.register(
        parametres.Reglage(
            cle=DERNIER_APPEL,
            libelle="Dernier appel d'une recherche par traits",
            effet="Quand aucun prénom seul ne trouve personne, INSi est interrogé une dernière "
            "fois avec tous les prénoms.",
            panneau="Client · Identitovigilance",
            defaut="elements",
            choix=(
                ("elements", "Tous les prénoms, un par un"),
                ("chaine", "Tous les prénoms, en une seule valeur"),
                ("non", "Pas de dernier appel"),
            ),
        )
    )
    parametres.register(
        parametres.Reglage(
            cle=DATE_LUNAIRE,
            libelle="Essayer la date lunaire de la carte",
            effet="Quand INSi ne trouve personne et que la carte porte une date qui n'est pas "
            "au calendrier, elle est proposée telle quelle.",
            panneau="Client · Identitovigilance",
            defaut="non",
            choix=(("non", "Non proposée"), ("oui", "Proposée")),
        )
    )
