"""The operator's assertion: signed once by the card, kept for the workers until it expires.

Source: design.md, « Who signs when a worker sends »; ordonnance.md §2.8.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from pharmacy.acteurs import PHARMACIENS, Acteur
from pharmacy.events import CarteCpsLue, OperateurParti, SessionFermee, SituationChoisie
from pharmacy.models import Officine, Operateur, Poste
from pharmacy.postes.signatures import APreparer, SignatureRefusee
from pharmacy.services.situation import active_of
from teleservices.errors import NotReady
from teleservices.etats import ABSENTE, CODES_CARTE, EXPIREE
from teleservices.models import AssertionActeur, Envoi
from teleservices.outbox import awaiting, release
from teleservices.saml import (
    CertificatCps,
    DemandeAssertion,
    complete_assertion,
    prepare_assertion,
    read_cps_certificate,
)
from teleservices.saml.certificat import is_issued_by
from teleservices.xmldsig import SignatureFausse

DUREE = timedelta(hours=1)
# Kept back from the end, so that a call started just before is still received in time.
MARGE = timedelta(minutes=2)
SPECIALITE_OFFICINE = "50"


def _instant(quand: datetime) -> str:
    return quand.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def assertion_for(envoi: Envoi) -> bytes:
    """Return the signed assertion of who signs for the row. NotReady when the card is needed."""
    ligne = AssertionActeur.objects.filter(
        officine_id=envoi.officine_id,
        operateur_id=envoi.signataire_id or envoi.operateur_id,
        service=envoi.service,
    ).first()
    if ligne is None:
        raise NotReady(ABSENTE, "Insérez votre carte CPS pour signer.")
    if ligne.expire_le - MARGE <= timezone.now():
        raise NotReady(EXPIREE, "La signature de votre carte a expiré. Insérez votre carte CPS.")
    return bytes(ligne.assertion)


def is_signed(acteur: Acteur, service: str) -> bool:
    """Tell whether the assertion of who signs for the actor is there and still good."""
    signataire_id: int | None = acteur.operateur_id
    if not acteur.rpps:
        signataire = signatory_of(acteur, service)
        signataire_id = signataire.pk if signataire is not None else None
    return (
        signataire_id is not None
        and _good(acteur, service).filter(operateur_id=signataire_id).exists()
    )


def signatory_of(acteur: Acteur, service: str) -> Operateur | None:
    """Return who signs for an actor: themselves, or a pharmacien when they have no card.

    Of the pharmaciens: who signed on this poste, then who signed last, then the titulaire. None
    when nobody of the officine can. Source: ordonnance.md §2.8, « signed by another pharmacien ».
    """
    operateur = Operateur.objects.select_related("officine").get(
        pk=acteur.operateur_id, officine_id=acteur.officine_id
    )
    if operateur.rpps:
        return operateur
    signees = list(
        _good(acteur, service)
        .filter(operateur__role__in=PHARMACIENS)
        .select_related("operateur")
        .order_by("-cree_le")
    )
    signees.sort(key=lambda ligne: ligne.poste_id != acteur.poste_id)
    if signees:
        return signees[0].operateur
    pharmaciens = list(_pharmaciens(acteur).order_by("pk"))
    pharmaciens.sort(key=lambda pharmacien: pharmacien.role != Operateur.Role.TITULAIRE)
    return pharmaciens[0] if pharmaciens else None


def _good(acteur: Acteur, service: str) -> QuerySet[AssertionActeur]:
    return AssertionActeur.objects.filter(
        officine_id=acteur.officine_id, service=service, expire_le__gt=timezone.now() + MARGE
    )


def _pharmaciens(acteur: Acteur) -> QuerySet[Operateur]:
    return (
        Operateur.objects.en_poste()
        .filter(officine_id=acteur.officine_id, role__in=PHARMACIENS)
        .exclude(rpps="")
    )


def is_awaited(acteur: Acteur, service: str) -> bool:
    """Tell whether something waits that a card on this actor's session may send."""
    signataire = signatory_of(acteur, service)
    if signataire is None:
        return False
    return awaiting(signataire, CODES_CARTE).filter(service=service).exists()


def check_card(acteur: Acteur, certificat: bytes) -> CertificatCps:
    """Return the facts of the card's certificate. SignatureRefusee unless it may sign here: the
    actor's own, or a pharmacien's of the officine for an actor who has no card.

    Source: agent.md §1.6 (chain, validity, signing usage), psc.md (identifier 8 + RPPS).
    """
    try:
        lu = read_cps_certificate(certificat)
    except ValueError as exc:
        raise SignatureRefusee("certificat", "Cette carte est illisible.") from exc
    if not is_issued_by(certificat, Path(settings.CPS_AC).read_bytes()):
        raise SignatureRefusee("certificat_ac", "Cette carte ne vient pas d'une autorité reconnue.")
    maintenant = timezone.now()
    if not (lu.signe and lu.valide_du <= maintenant < lu.valide_au):
        raise SignatureRefusee("certificat_date", "Cette carte n'est plus valable pour signer.")
    _signatory_by_card(acteur, lu)
    return lu


def _signatory_by_card(acteur: Acteur, lu: CertificatCps) -> Operateur:
    """Return whose card it is: the actor's, or a pharmacien's for an actor who has none."""
    rpps = lu.id_nat.removeprefix("8")
    if acteur.rpps:
        if lu.id_nat != f"8{acteur.rpps}":
            raise SignatureRefusee("autre_titulaire", "Cette carte est celle d'une autre personne.")
        return Operateur.objects.get(pk=acteur.operateur_id, officine_id=acteur.officine_id)
    signataire = _pharmaciens(acteur).filter(rpps=rpps).first()
    if signataire is None:
        raise SignatureRefusee(
            "sans_rpps",
            "Votre profil n'a pas de carte CPS. Un pharmacien de l'officine insère la sienne.",
        )
    return signataire


def billing_number(acteur: Acteur, id_nat: str) -> str:
    """Return the number that bills: of the card's situation in force, else of the officine.

    SignatureRefusee when that situation has no FINESS: another one would be a lie (agent.md §1.5).
    """
    exercice = active_of(acteur, id_nat)
    if exercice is None:
        return Officine.objects.values_list("finess", flat=True).get(pk=acteur.officine_id)
    if not exercice.finess:
        raise SignatureRefusee(
            "situation_sans_finess",
            "La situation choisie n'a pas de FINESS : ce service ne l'accepte pas. Choisissez-en "
            "une autre dans le menu de votre nom.",
        )
    return exercice.finess


class SignatureActeur:
    """What a card signs for one service: an assertion of one hour."""

    def __init__(self, service: str) -> None:
        self.service = service

    def prepare(self, acteur: Acteur, certificat: bytes) -> APreparer:
        """Return the assertion to sign. SignatureRefusee when the card is not the actor's."""
        lu = check_card(acteur, certificat)
        maintenant = timezone.now()
        demande = DemandeAssertion(
            ident=f"_{uuid4()}",
            emission=_instant(maintenant),
            debut=_instant(maintenant),
            fin=_instant(maintenant + DUREE),
            attributs={
                "identifiantFacturation": billing_number(acteur, lu.id_nat),
                "codeSpecialiteAMO": SPECIALITE_OFFICINE,
            },
            certificat=certificat,
        )
        return APreparer(*prepare_assertion(demande))

    def complete(
        self, acteur: Acteur, poste: Poste, preparee: bytes, signature: bytes, certificat: bytes
    ) -> str:
        """Keep the assertion and release what waited. SignatureRefusee on a wrong signature."""
        lu = check_card(acteur, certificat)
        signataire = _signatory_by_card(acteur, lu)
        exercice = active_of(acteur, lu.id_nat)
        try:
            assertion = complete_assertion(preparee, signature)
        except SignatureFausse as exc:
            raise SignatureRefusee(
                "signature_fausse", "La signature de la carte est fausse. Recommencez."
            ) from exc
        AssertionActeur.objects.update_or_create(
            officine_id=acteur.officine_id,
            operateur=signataire,
            service=self.service,
            defaults={
                "poste": poste,
                "assertion": assertion,
                "certificat_sha256": _digest(certificat),
                "id_nat": lu.id_nat,
                "situation": None if exercice is None else exercice.index,
                "expire_le": timezone.now() + DUREE,
            },
        )
        partis = release(acteur.officine_id, signataire.pk, CODES_CARTE)
        dit = "Signé." if exercice is None else f"Signé pour {exercice.libelle}."
        return f"{dit} {partis} envoi(s) repris." if partis else dit


def _digest(certificat: bytes) -> str:
    import hashlib

    return hashlib.sha256(certificat).hexdigest()


def forget_session(evenement: SessionFermee) -> None:
    """Destroy the assertions of an operator who leaves, and what was signed there for them."""
    acteur = evenement.acteur
    signees = AssertionActeur.objects.filter(
        officine_id=acteur.officine_id, poste_id=acteur.poste_id or 0
    )
    if acteur.rpps:
        signees = signees.filter(operateur_id=acteur.operateur_id)
    signees.delete()


def forget_operator(evenement: OperateurParti) -> None:
    """Destroy what an operator signed, on every poste: they work here no more (TIT-01)."""
    AssertionActeur.objects.filter(
        officine_id=evenement.officine_id, operateur_id=evenement.operateur_id
    ).delete()


def forget_other_card(evenement: CarteCpsLue) -> None:
    """Destroy the assertions another card had signed on this workstation."""
    AssertionActeur.objects.filter(
        officine_id=evenement.acteur.officine_id, poste_id=evenement.acteur.poste_id or 0
    ).exclude(id_nat=evenement.id_nat).delete()


def forget_situation(evenement: SituationChoisie) -> None:
    """Destroy what a card signed on this workstation for another situation."""
    AssertionActeur.objects.filter(
        officine_id=evenement.acteur.officine_id,
        poste_id=evenement.acteur.poste_id or 0,
        id_nat=evenement.id_nat,
    ).delete()
