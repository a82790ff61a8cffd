"""Key M: a person says which line a product serves, and is believed (§4.3, « Assignment »)."""

from django.db import transaction

from ordonnance.models import OrdonnanceNumerique
from ordonnance.rules.appariement import FINIES
from ordonnance.selectors import EN_COURS
from ordonnance.services.commun import announce, locked
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import LigneDelivrance, LignePrescrite
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked

HORS, AUTO = "hors", "auto"
RATTACHABLES = frozenset({*EN_COURS, "papier"})


def attach(acteur: Acteur, numerique_id: int, produit_id: int, choix: str) -> LigneDelivrance:
    """Attach a product to a line (its national id), to none (HORS), or as the rules do (AUTO).

    VenteRefusee once the control is validated, for a sale under way on another poste, for a product
    that is not in the sale, or for a line that takes nothing more. Source: ordonnance.md §4.3
    (« key M »), §8 C36; design.md, « A sale ».
    """
    check_droit(acteur, "ordonnance.lire")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        if numerique.etat not in RATTACHABLES:
            raise VenteRefusee("Le contrôle est validé : les produits ne bougent plus.", "ORD-017")
        vente = numerique.ordonnance.vente
        if vente is not None and not vente.est_finie:
            vente_locked(acteur, vente.pk)
        produit = (
            LigneDelivrance.objects.select_for_update(of=("self",), no_key=True)
            .filter(
                officine_id=acteur.officine_id,
                pk=produit_id,
                vente_id=numerique.ordonnance.vente_id or 0,
                annulee=False,
            )
            .first()
        )
        if produit is None:
            raise VenteRefusee("Ce produit n'est plus dans la vente.", "VTE-404")
        produit.rattachement_manuel = choix != AUTO
        produit.ligne_nationale = "" if choix in {HORS, AUTO} else _living(numerique, choix)
        produit.save(update_fields=["rattachement_manuel", "ligne_nationale"])
        audit.note(acteur, "ordonnance.rattacher", f"ligne:{produit.pk}")
        announce(numerique)
    return produit


def _living(numerique: OrdonnanceNumerique, id_national: str) -> str:
    lignes = LignePrescrite.objects.filter(
        officine_id=numerique.officine_id,
        ordonnance_id=numerique.ordonnance_id,
        id_national=id_national,
    ).exclude(statut__in=FINIES)
    if not id_national or not lignes.exists():
        raise VenteRefusee("Cette ligne ne se sert plus. Choisissez-en une autre.", "ORD-018")
    return id_national
