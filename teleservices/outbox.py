"""The outbox: a call to a national service is first a row, in the transaction of its use case."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from pharmacy import flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur
from teleservices.models import Envoi
from teleservices.registre import body_signed_by, handler_get, is_followed
from teleservices.sonnette import ring

logger = logging.getLogger(__name__)
# A row waits for a card before it is sent, or before its doubt is lifted.
ATTENDENT = (Envoi.Etat.A_ENVOYER, Envoi.Etat.INCERTAIN)
# More calls about one thing than a day holds; beyond, a key of chance.
_RANGS = 32


@dataclass(frozen=True)
class Demande:
    """What to enqueue. `cle` is the idempotency key, unique in the officine."""

    operation: str
    sujet: str
    cle: str
    corps: bytes | None = field(default=None, repr=False)
    vente_id: int | None = None
    ordre: str = ""
    pas_avant: datetime | None = None
    signataire_id: int | None = None


def enqueue(acteur: Acteur, demande: Demande) -> Envoi:
    """Insert the row (or return the one that already has this key) and ring on commit.

    Raises RuntimeError outside a transaction: the row and what it serves commit together.
    """
    return enqueue_or_get(acteur, demande)[0]


def enqueue_or_get(acteur: Acteur, demande: Demande) -> tuple[Envoi, bool]:
    """Do what `enqueue` does, and tell whether the row is new."""
    if not connection.in_atomic_block:
        raise RuntimeError("enqueue() outside a transaction")
    try:
        with transaction.atomic():
            envoi = _insert(acteur, demande)
    except IntegrityError as exc:
        deja = Envoi.objects.filter(officine_id=acteur.officine_id, cle=demande.cle).first()
        if deja is None:
            raise exc from None
        return deja, False
    ring_on_commit(envoi, (envoi.pas_avant - timezone.now()).total_seconds())
    if is_followed(envoi):
        flux.announce_entete(acteur.officine_id)
    return envoi, True


def _insert(acteur: Acteur, demande: Demande) -> Envoi:
    handler = handler_get(demande.operation)
    return Envoi.objects.create(
        officine_id=acteur.officine_id,
        cle=demande.cle,
        service=handler.service,
        operation=demande.operation,
        sujet=demande.sujet,
        ordre=demande.ordre,
        file=handler.file,
        lecture=handler.lecture,
        operateur_id=acteur.operateur_id,
        signataire_id=demande.signataire_id,
        poste_id=acteur.poste_id,
        vente_id=demande.vente_id,
        corps=demande.corps,
        pas_avant=demande.pas_avant or timezone.now(),
    )


def next_key(officine_id: int, debut: str) -> str:
    """Return the first key « debut:1 », « debut:2 »… that no row of the officine has, in one query.

    Rows move from file to file (a merge, a merge undone), their key does not: counting the rows of
    a file would give twice the same key. Two callers who read the same rows get the same key, and
    meet on it. Asked by equality: « begins with » reads every row behind row-level security.
    """
    cles = keys_of(debut)
    prises = Envoi.objects.filter(officine_id=officine_id, cle__in=cles)
    return first_free(cles, prises.values_list("cle", flat=True))


def keys_of(debut: str) -> list[str]:
    """Return the keys « debut:1 », « debut:2 »…, and a last one that nobody has."""
    return [*(f"{debut}:{rang}" for rang in range(1, _RANGS + 1)), f"{debut}:{uuid4()}"]


def first_free(cles: Sequence[str], prises: Iterable[str]) -> str:
    """Return the first of `cles` (`keys_of`) that is not among `prises`."""
    connues = set(prises)
    return next(cle for cle in cles if cle not in connues)


def ring_on_commit(envoi: Envoi, dans_s: float = 0.0) -> None:
    """Ring the worker once the transaction commits; a lost ring is made up for by the sweep."""
    officine_id, envoi_id, file = envoi.officine_id, envoi.pk, envoi.file
    transaction.on_commit(lambda: ring(officine_id, envoi_id, file, dans_s))


def release(officine_id: int, operateur_id: int, codes: frozenset[str]) -> int:
    """Make due now every row this signatory may send that waited for one of `codes`; count them.

    A row of somebody else is signed for them: its body names who signs, its row keeps both names.
    """
    with transaction.atomic():
        signataire = Operateur.objects.get(pk=operateur_id, officine_id=officine_id)
        lignes = list(
            awaiting(signataire, codes).select_for_update(of=("self",), no_key=True).order_by("pk")
        )
        for ligne in lignes:
            _sign_for(ligne, signataire)
            ligne.pas_avant = ligne.libere_le = timezone.now()
            ligne.dernier_code = ligne.dernier_message = ""
            ligne.version += 1
            ligne.save()
            ring_on_commit(ligne)
        if lignes:
            flux.announce_entete(officine_id)
    return len(lignes)


def awaiting(signataire: Operateur, codes: frozenset[str]) -> QuerySet[Envoi]:
    """Return the rows waiting for one of `codes` that this signatory's card may send.

    Their own; a pharmacien's also those of who has no card, and every sending of the officine. An
    uncertain one may have left: only who signed it asks about it, in the same words.
    Source: ordonnance.md §2.8, §5.3.
    """
    signees = Q(signataire=signataire) | Q(signataire=None, operateur=signataire)
    siennes = signees | Q(operateur=signataire)
    if signataire.est_pharmacien:
        siennes |= Q(operateur__rpps="") | Q(lecture=False)
    return Envoi.objects.filter(
        siennes & Q(etat=Envoi.Etat.A_ENVOYER) | signees & Q(etat=Envoi.Etat.INCERTAIN),
        officine_id=signataire.officine_id,
        dernier_code__in=codes,
    )


def _sign_for(ligne: Envoi, signataire: Operateur) -> None:
    avant = ligne.signataire_id or ligne.operateur_id
    ligne.signataire = None if ligne.operateur_id == signataire.pk else signataire
    if avant != signataire.pk:
        ligne.corps = body_signed_by(ligne, signataire)
