"""The outbox: a call to a national service is first a row, in the transaction of its use case."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from pharmacy import flux
from pharmacy.acteurs import Acteur
from teleservices.models import Envoi
from teleservices.registre import handler_get
from teleservices.sonnette import ring

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demande:
    """What to enqueue. `cle` is the idempotency key, unique in the officine."""

    operation: str
    sujet: str
    cle: str
    corps: bytes | None = None
    vente_id: int | None = None
    ordre: str = ""
    pas_avant: datetime | None = None


def enqueue(acteur: Acteur, demande: Demande) -> Envoi:
    """Insert the row (or return the one that already has this key) and ring on commit.

    Raises RuntimeError outside a transaction: the row and what it serves commit together.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("enqueue() outside a transaction")
    handler = handler_get(demande.operation)
    envoi, neuf = Envoi.objects.get_or_create(
        officine_id=acteur.officine_id,
        cle=demande.cle,
        defaults={
            "service": handler.service,
            "operation": demande.operation,
            "sujet": demande.sujet,
            "ordre": demande.ordre,
            "file": handler.file,
            "lecture": handler.lecture,
            "operateur_id": acteur.operateur_id,
            "poste_id": acteur.poste_id,
            "vente_id": demande.vente_id,
            "corps": demande.corps,
            "pas_avant": demande.pas_avant or timezone.now(),
        },
    )
    if neuf:
        ring_on_commit(envoi)
        if not envoi.lecture:
            flux.announce_entete(acteur.officine_id)
    return envoi


def ring_on_commit(envoi: Envoi) -> None:
    """Ring the worker once the transaction commits; a lost ring is made up for by the sweep."""
    officine_id, envoi_id, file = envoi.officine_id, envoi.pk, envoi.file
    transaction.on_commit(lambda: ring(officine_id, envoi_id, file))


def release(officine_id: int, operateur_id: int, codes: frozenset[str]) -> int:
    """Make due now the rows of an operator that waited for one of `codes`; return their number."""
    lignes = list(
        Envoi.objects.filter(
            officine_id=officine_id,
            operateur_id=operateur_id,
            etat=Envoi.Etat.A_ENVOYER,
            dernier_code__in=codes,
        ).order_by("pk")
    )
    Envoi.objects.filter(pk__in=[ligne.pk for ligne in lignes]).update(
        pas_avant=timezone.now(), dernier_code="", dernier_message=""
    )
    for ligne in lignes:
        ring_on_commit(ligne)
    return len(lignes)
