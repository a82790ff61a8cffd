"""« Tester ce poste » : what the server received of each device in the last minutes (AGT-14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Poste, RecuCarte

DEPUIS = timedelta(minutes=10)
# operation of the receipt -> device, gesture
APPAREILS = {
    "vitale.read": ("Carte Vitale", "Insérez une carte Vitale, puce vers l'avant."),
    "apcv.read_nfc": (
        "Appli carte Vitale",
        "Posez sur le lecteur sans contact un téléphone qui montre l'appli.",
    ),
    "cps.read": ("Carte CPS", "Insérez votre carte CPS."),
}


@dataclass(frozen=True)
class Essai:
    """One device: what to do, and the last proved reading of it, if any."""

    appareil: str
    geste: str
    recu: RecuCarte | None


def trials(acteur: Acteur, poste: Poste, maintenant: datetime) -> list[Essai]:
    """Return each device with its last receipt of the last ten minutes; no data of anyone.

    PermissionError without the right.
    """
    decision = peut(acteur, "postes.gerer")
    if not decision.ok:
        raise PermissionError(decision.phrase)
    recus = RecuCarte.objects.filter(
        officine_id=acteur.officine_id, poste=poste, recu_le__gte=maintenant - DEPUIS
    ).defer("donnees")
    derniers = {r.operation: r for r in recus.order_by("recu_le")}
    return [Essai(nom, geste, derniers.get(op)) for op, (nom, geste) in APPAREILS.items()]
