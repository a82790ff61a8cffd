"""What a person answers in the control window, and what is still asked (§4.1, step 9)."""

from django.db import transaction

from ordonnance.models import (
    OrdonnanceNumerique,
    SaisieControle,
)
from ordonnance.rules.transmission import ReponseEcart, missing_answer
from ordonnance.selectors import Dossier
from ordonnance.services.commun import (
    locked,
)
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.services.vente import check_droit


class ControleIncomplet(Exception):
    """Answers are missing: what is asked, by key of difference."""

    def __init__(self, manques: dict[str, str]) -> None:
        super().__init__("controle_incomplet")
        self.manques = manques


class ControleChange(Exception):
    """The sale changed since the control was shown: what was read is not what would be sent."""


def save_answers(
    acteur: Acteur, numerique_id: int, reponses: dict[str, ReponseEcart]
) -> OrdonnanceNumerique:
    """Keep the answers given so far: leaving the window loses nothing."""
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        for cle, reponse in reponses.items():
            SaisieControle.objects.update_or_create(
                officine_id=acteur.officine_id,
                numerique=numerique,
                cle=cle[:60],
                defaults={
                    "motif": reponse.motif[:40],
                    "accord_date": reponse.accord_date,
                    "commentaire": reponse.commentaire[:500],
                    "saisie_par_id": acteur.operateur_id,
                },
            )
        audit.note(acteur, "ordonnance.controle.repondre", f"on:{numerique.pk}")
    return numerique


def missing_answers(acteur: Acteur, dossier: Dossier) -> dict[str, str]:
    """Return what is still asked, by key of difference."""
    manques = {
        ecart.cle: missing_answer(
            ecart, dossier.reponses.get(ecart.cle), pharmacien=acteur.est_pharmacien
        )
        for ecart in dossier.ecarts
    }
    for ecart in dossier.ecarts:
        if ecart.severite == "BLOQUANT" and not ecart.regle.choix:
            manques[ecart.cle] = "Cet écart ne se lève pas : revenez aux produits, ou arrêtez."
    return {cle: phrase for cle, phrase in manques.items() if phrase}


def check_answers(acteur: Acteur, dossier: Dossier) -> None:
    """Raise ControleIncomplet when an answer is missing."""
    manques = missing_answers(acteur, dossier)
    if manques:
        raise ControleIncomplet(manques)
