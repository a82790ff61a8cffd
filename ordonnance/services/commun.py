"""Shared by the steps: lock a prescription, move its state, say who executes."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import NAMESPACE_URL, uuid5

from ordonnance.codec.demande import corps_signe_par
from ordonnance.models import Execution, OrdonnanceNumerique
from ordonnance.rules.etats import LIBELLES, TransitionRefusee, check_transition
from ordonnance.rules.modele import Professionnel
from pharmacy import flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur
from pharmacy.services.vente import VenteRefusee
from pharmacy.verrous import row_locked
from teleservices.assertions import signatory_of
from teleservices.models import Envoi
from teleservices.soap.contrat import ContratRefuse

PROFESSION_PHARMACIEN = "G15_21"
SERVICE = "epu"


def locked(acteur: Acteur, numerique_id: int) -> OrdonnanceNumerique:
    """Return a prescription of the officine, locked. VenteRefusee (404) otherwise."""
    siennes = OrdonnanceNumerique.objects.filter(officine_id=acteur.officine_id)
    numerique = row_locked(siennes.select_related("ordonnance"), numerique_id)
    if numerique is None:
        raise VenteRefusee("Cette ordonnance n'existe pas dans votre officine.", "ORD-404")
    return numerique


def move(numerique: OrdonnanceNumerique, *etats: str) -> None:
    """Move a prescription through `etats`, each move checked, and save the last one.

    VenteRefusee for a move that the table does not hold: the screen was late.
    """
    for etat in etats:
        numerique.etat = next_state(numerique, etat)
    numerique.save(update_fields=["etat"])


def next_state(numerique: OrdonnanceNumerique, etat: str) -> str:
    """Return `etat` when the prescription may move there; VenteRefusee otherwise."""
    try:
        check_transition(numerique.etat, etat)
    except TransitionRefusee as exc:
        raise VenteRefusee(
            f"L'ordonnance a changé entre-temps : {LIBELLES[numerique.etat]}. Relisez l'écran.",
            "ORD-017",
        ) from exc
    return etat


@contextmanager
def within_contract() -> Iterator[None]:
    """Say, instead of failing, that something typed or read does not fit the service's contract."""
    try:
        yield
    except ContratRefuse as exc:
        raise VenteRefusee(
            "Le service n'accepte pas ce message tel quel. Continuez sur papier, "
            "et prévenez le support.",
            "ORD-018",
        ) from exc


def announce(numerique: OrdonnanceNumerique, *noms: str) -> None:
    """Ring the pages of the sale of this prescription."""
    vente_id = numerique.ordonnance.vente_id
    if vente_id is not None:
        flux.announce_vente(numerique.officine_id, vente_id, *(noms or ("ordonnance", "lignes")))


def executant_of(acteur: Acteur) -> Professionnel:
    """Return who executes in the words of the contract: who signs for the actor.

    VenteRefusee when nobody can: nothing is then promised. Source: ordonnance.md §2.8.
    """
    return executant_and_signatory(acteur)[0]


def executant_and_signatory(acteur: Acteur) -> tuple[Professionnel, int | None]:
    """Return both `executant_of` and `signatory_id`, read once."""
    signataire = signatory_of(acteur, SERVICE)
    if signataire is None:
        raise _nobody_signs()
    autre = signataire.pk if signataire.pk != acteur.operateur_id else None
    return professional_of(signataire), autre


def _nobody_signs() -> VenteRefusee:
    return VenteRefusee(
        "Personne ne peut signer : votre profil n'a pas de carte CPS, et aucun pharmacien de "
        "l'officine n'a de RPPS enregistré. Continuez sur papier.",
        "ORD-020",
    )


def signatory_id(acteur: Acteur) -> int | None:
    """Return who signs for the actor when it is somebody else (`Demande.signataire_id`)."""
    signataire = signatory_of(acteur, SERVICE)
    autre = signataire is not None and signataire.pk != acteur.operateur_id
    return signataire.pk if signataire is not None and autre else None


def professional_of(operateur: Operateur) -> Professionnel:
    """Return an operator in the words of the contract."""
    return Professionnel(
        rpps=operateur.rpps,
        finess=operateur.officine.finess,
        nom=operateur.nom,
        prenom=operateur.prenom,
        profession=PROFESSION_PHARMACIEN if operateur.est_pharmacien else "",
    )


def sign_as(envoi: Envoi, signataire: Operateur) -> bytes | None:
    """Return the body of a row signed by another pharmacien, who becomes its Executant."""
    if envoi.corps is None:
        return None
    if envoi.sujet.startswith("exec:"):
        Execution.objects.filter(
            pk=int(envoi.sujet.removeprefix("exec:")), officine_id=envoi.officine_id
        ).update(executant_rpps=signataire.rpps)
    return corps_signe_par(bytes(envoi.corps), professional_of(signataire))


def wire_key(cle: str) -> str:
    """Return the idempotency key of the contract (a UUID) made from the key of our row."""
    return str(uuid5(NAMESPACE_URL, f"urn:comptoir:{cle}"))
