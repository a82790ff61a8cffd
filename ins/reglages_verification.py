"""Settings of the verification of INS: Paramètres Officine > Paramètres > Client."""

from ins.reglages import PANNEAU, SECTION
from ins.suivi_lots import AUTOMATIQUE, LOTS_EN_VOL, MOIS
from pharmacy.parametres import Reglage, register


def register_all() -> None:
    """Add the settings to the page (TIT-08)."""
    for reglage in (
        Reglage(
            cle=MOIS,
            libelle="Période de vérification des INS (mois)",
            effet="Une INS obtenue ou vérifiée depuis plus longtemps, d'un patient vu depuis "
            "18 mois, est « à vérifier ».",
            panneau=PANNEAU,
            section=SECTION,
            defaut=36,
            mini=12,
            maxi=60,
        ),
        Reglage(
            cle=AUTOMATIQUE,
            libelle="Vérification périodique des INS",
            effet="Chaque nuit, les INS à vérifier partent d'elles-mêmes ; sinon, le titulaire "
            "lance la vérification.",
            panneau=PANNEAU,
            section=SECTION,
            defaut="non",
            choix=(("non", "À la demande"), ("oui", "D'elle-même, la nuit")),
        ),
        Reglage(
            cle=LOTS_EN_VOL,
            libelle="Lots vérifiés en même temps",
            effet="Au plus ce nombre de lots de 500 INS attendent INSi à la fois ; le comptoir "
            "garde sa propre file.",
            panneau=PANNEAU,
            section=SECTION,
            defaut=8,
            mini=1,
            maxi=16,
        ),
    ):
        register(reglage)
