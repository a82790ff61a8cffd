"""Reads for the queue screen."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur
from teleservices.etats import CODES_CARTE
from teleservices.models import Envoi
from teleservices.outbox import ATTENDENT
from teleservices.registre import discreet_operations

A_VOIR = [Envoi.Etat.REFUSE, Envoi.Etat.INCERTAIN]
EN_ATTENTE = [Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL]


@dataclass(frozen=True)
class Resume:
    """Numbers at the top of the queue."""

    attente: int
    a_voir: int
    carte: int
    dernier_accuse: datetime | None


def envoi_list(acteur: Acteur, filtre: str = "") -> QuerySet[Envoi]:
    """Return the sendings of the officine, what needs a person first, then the newest.

    Refused: a person decides. Uncertain: the service is asked first. Then what waits for a card.
    """
    rang = Case(
        When(etat=Envoi.Etat.REFUSE, then=Value(0)),
        When(etat=Envoi.Etat.INCERTAIN, then=Value(1)),
        When(etat=Envoi.Etat.A_ENVOYER, dernier_code__in=CODES_CARTE, then=Value(2)),
        When(etat__in=EN_ATTENTE, then=Value(3)),
        default=Value(4),
        output_field=IntegerField(),
    )
    lignes = Envoi.objects.filter(officine_id=acteur.officine_id, lecture=False)
    if filtre in Envoi.Etat.values:
        lignes = lignes.filter(etat=filtre)
    return (
        lignes.select_related("operateur")
        .annotate(rang=rang)
        .order_by("rang", "-cree_le", "-pk")[:200]
    )


def envoi_get(acteur: Acteur, envoi_id: int) -> Envoi | None:
    """Return one sending of the officine."""
    return (
        Envoi.objects.filter(pk=envoi_id, officine_id=acteur.officine_id)
        .select_related("operateur", "signataire")
        .first()
    )


def resume(acteur: Acteur) -> Resume:
    """Return the numbers of the queue."""
    lignes = Envoi.objects.filter(officine_id=acteur.officine_id, lecture=False)
    dernier = lignes.filter(etat=Envoi.Etat.ENVOYE).order_by("-regle_le").first()
    return Resume(
        attente=lignes.filter(etat__in=EN_ATTENTE).count(),
        a_voir=lignes.filter(etat__in=A_VOIR).count(),
        carte=lignes.filter(etat__in=ATTENDENT, dernier_code__in=CODES_CARTE).count(),
        dernier_accuse=dernier.regle_le if dernier else None,
    )


def count_pending(acteur: Acteur) -> int:
    """Return how many sendings wait or need a person (header); of a batch, only the latter."""
    return (
        Envoi.objects.filter(
            officine_id=acteur.officine_id, lecture=False, etat__in=[*A_VOIR, *EN_ATTENTE]
        )
        .exclude(etat__in=EN_ATTENTE, operation__in=discreet_operations())
        .count()
    )


def count_awaiting_card(acteur: Acteur) -> int:
    """Return how many sendings wait for a professional's card (header)."""
    return Envoi.objects.filter(
        officine_id=acteur.officine_id,
        lecture=False,
        etat__in=ATTENDENT,
        dernier_code__in=CODES_CARTE,
    ).count()


def count_awaiting_operator(acteur: Acteur, operateur: Operateur) -> int:
    """Count the sendings that wait for one person's card."""
    return Envoi.objects.filter(
        Q(signataire=operateur) | Q(signataire=None, operateur=operateur),
        officine_id=acteur.officine_id,
        lecture=False,
        etat=Envoi.Etat.A_ENVOYER,
        dernier_code__in=CODES_CARTE,
    ).count()
