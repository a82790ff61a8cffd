"""Shared by the steps: lock a prescription, move its state, say who executes."""

from uuid import NAMESPACE_URL, uuid5

from ordonnance.models import OrdonnanceNumerique
from ordonnance.rules.etats import check_transition
from ordonnance.rules.modele import Professionnel
from pharmacy import flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Officine, Operateur
from pharmacy.services.vente import VenteRefusee

PROFESSION_PHARMACIEN = "G15_21"


def locked(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique:
    """Return a prescription of the officine, locked. VenteRefusee (404) otherwise."""
    numerique = (
        OrdonnanceNumerique.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=numerique_id, officine_id=acteur.officine_id)
        .select_related("ordonnance")
        .first()
    )
    if numerique is None:
        raise VenteRefusee("Cette ordonnance n'existe pas dans votre officine.", "ORD-404")
    return numerique


def move(numerique: OrdonnanceNumerique, *etats: str) -> None:
    """Move a prescription through `etats`, each move checked, and save the last one."""
    for etat in etats:
        check_transition(numerique.etat, etat)
        numerique.etat = etat
    numerique.save(update_fields=["etat"])


def announce(numerique: OrdonnanceNumerique, *noms: str) -> None:
    """Ring the pages of the sale of this prescription."""
    vente_id = numerique.ordonnance.vente_id
    if vente_id is not None:
        flux.announce_vente(numerique.officine_id, vente_id, *(noms or ("ordonnance", "lignes")))


def executant_of(acteur: Acteur) -> Professionnel:
    """Return the actor as the contract names who executes. Source: ordonnance.md §2.8."""
    operateur = Operateur.objects.get(pk=acteur.operateur_id)
    finess = Officine.objects.values_list("finess", flat=True).get(pk=acteur.officine_id)
    return Professionnel(
        rpps=operateur.rpps,
        finess=finess,
        nom=operateur.nom,
        prenom=operateur.prenom,
        profession=PROFESSION_PHARMACIEN if acteur.est_pharmacien else "",
    )


def wire_key(cle: str) -> str:
    """Return the idempotency key of the contract (a UUID) made from the key of our row."""
    return str(uuid5(NAMESPACE_URL, f"urn:comptoir:{cle}"))
