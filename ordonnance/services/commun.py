"""Shared by the steps: lock a prescription, move its state, say who executes."""

from uuid import NAMESPACE_URL, uuid5

from ordonnance.codec.demande import corps_execute_par
from ordonnance.models import OrdonnanceNumerique
from ordonnance.rules.etats import check_transition
from ordonnance.rules.modele import Professionnel
from pharmacy import flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Officine, Operateur
from pharmacy.services.vente import VenteRefusee
from teleservices.models import Envoi

PROFESSION_PHARMACIEN = "G15_21"
SANS_RPPS = "0" * 11


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
    """Return the actor as the contract names who executes. Source: ordonnance.md §2.8.

    Without RPPS the place is kept (SANS_RPPS): whoever signs takes it when the row leaves.
    """
    return _professional(Operateur.objects.get(pk=acteur.operateur_id))


def _professional(operateur: Operateur) -> Professionnel:
    finess = Officine.objects.values_list("finess", flat=True).get(pk=operateur.officine_id)
    return Professionnel(
        rpps=operateur.rpps or SANS_RPPS,
        finess=finess,
        nom=operateur.nom,
        prenom=operateur.prenom,
        profession=PROFESSION_PHARMACIEN if operateur.est_pharmacien else "",
    )


def sign_body(envoi: Envoi, signataire: Operateur) -> tuple[bytes, Professionnel]:
    """Return the frozen body under the name of who signs, and that name; both are kept.

    The service refuses an Executant who is not the signer; the row keeps who asked.
    Source: ordonnance.md §2.8 (« both names kept »), §5.3 (2).
    """
    executant = _professional(signataire)
    corps = corps_execute_par(bytes(envoi.corps or b""), executant)
    if envoi.signe_par_id != signataire.pk or corps != bytes(envoi.corps or b""):
        envoi.signe_par, envoi.corps = signataire, corps
        envoi.save(update_fields=["signe_par", "corps"])
    return corps, executant


def wire_key(cle: str) -> str:
    """Return the idempotency key of the contract (a UUID) made from the key of our row."""
    return str(uuid5(NAMESPACE_URL, f"urn:comptoir:{cle}"))
