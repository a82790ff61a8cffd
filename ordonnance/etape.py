"""The step before FIN: what the prescription of the sale still asks."""

from ordonnance.models import OrdonnanceNumerique
from ordonnance.selectors import numerique_of_vente
from pharmacy.acteurs import Acteur
from pharmacy.models import Vente

_DIALOGUES = {
    "lue": "attente",
    "recuperee": "confirmation",
    "confirmee": "renouvellement",
    "en_delivrance": "controle",
    "controlee": "controle",
}


def next_step(_acteur: Acteur, vente: Vente) -> str | None:
    """Return the dialog still due, None once the control is validated or the paper chosen."""
    numerique = numerique_of_vente(vente)
    if numerique is None or numerique.etat not in _DIALOGUES:
        return None
    return f"/vente/{vente.pk}/ordonnance/{numerique.pk}/{_DIALOGUES[numerique.etat]}/"


def count_to_regularise(acteur: Acteur) -> int:
    """Return how many paper deliveries are still to be completed (header)."""
    return OrdonnanceNumerique.objects.filter(officine_id=acteur.officine_id, etat="papier").count()
