"""The sending of an execution: its frozen body, its key, its place in the queue (§5.3)."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from django.utils import timezone

from ordonnance.codec.demande import corps_executer
from ordonnance.models import (
    Execution,
    OrdonnanceNumerique,
    Verrou,
)
from ordonnance.rules.controle import CLE_IDENTITE
from ordonnance.rules.modele import ExecutionAEnvoyer, LigneAEnvoyer
from ordonnance.selectors import Dossier
from ordonnance.services.commun import (
    executant_and_signatory,
    wire_key,
    within_contract,
)
from pharmacy import chiffre
from pharmacy.acteurs import Acteur
from teleservices.outbox import Demande, enqueue


@dataclass(frozen=True)
class Verrouillage:
    """The execution's identity: from the service's lock, or ours when there is none."""

    ident: str
    jeton: str = field(repr=False)

    @property
    def hors_ligne(self) -> bool:
        """Whether no lock covers this execution (the lock is advisory, §2.3)."""
        return not self.jeton


def lock_of(numerique: OrdonnanceNumerique, maintenant: datetime) -> Verrouillage:
    """Return the service's lock if it still holds, else an identity of ours."""
    verrou = Verrou.objects.filter(
        officine_id=numerique.officine_id, numerique=numerique, expire_le__gt=maintenant
    ).first()
    if verrou is None:
        return Verrouillage(str(uuid4()), "")
    return Verrouillage(verrou.id_execution, str(verrou.jeton))


def _is_confirmed(dossier: Dossier) -> bool:
    """Tell whether a person said that the beneficiary is the right one (R06)."""
    confirmee = dossier.numerique.patient_confirme_le is not None
    return confirmee or CLE_IDENTITE in dossier.reponses


def promise(
    acteur: Acteur,
    dossier: Dossier,
    execution: Execution,
    verrouillage: Verrouillage,
    lignes: tuple[LigneAEnvoyer, ...],
    rang: int = 1,
) -> None:
    """Enqueue the frozen body: if the sale commits, the sending exists. `rang`: the correction."""
    numerique = execution.numerique
    executant, signataire_id = executant_and_signatory(acteur)
    cle = f"exec:{execution.uuid}:{rang}"
    a_envoyer = ExecutionAEnvoyer(
        id=str(execution.uuid),
        cle=wire_key(cle),
        numero=numerique.numero,
        version_connue=execution.version_connue or 1,
        jeton=verrouillage.jeton,
        mode=execution.mode,
        hors_ligne=execution.hors_ligne,
        date_delivrance=timezone.localtime(execution.date_delivrance),
        numero_delivrance=execution.numero_delivrance,
        executant=executant,
        lignes=lignes,
        beneficiaire_confirme=_is_confirmed(dossier),
    )
    with within_contract():
        corps = corps_executer(a_envoyer)
    enqueue(acteur, demande_of(execution, cle, corps, signataire_id))


def demande_of(
    execution: Execution, cle: str, corps: bytes, signataire_id: int | None = None
) -> Demande:
    """One sending at a time per prescription, first in first out. Source: §5.3 (5)."""
    return Demande(
        "ordonnance.executer",
        f"exec:{execution.pk}",
        cle,
        corps,
        execution.vente_id,
        ordre=chiffre.empreinte("ordonnance", execution.numerique.numero)[:60],
        signataire_id=signataire_id,
    )
