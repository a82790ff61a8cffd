"""What the screens say of the seal: the heads, the last check, what waits for its seal."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from pharmacy.models import Audit, BlocAudit

ALERTE = timedelta(minutes=1)
_MARGE = timedelta(minutes=10)


@dataclass(frozen=True)
class EtatSceau:
    """`verifie`: the last check noted, None when there was none; `tetes`: the head of each kind."""

    tetes: list[BlocAudit]
    verifie_le: datetime | None
    resultat: str
    attente: bool


def state(officine_id: int) -> EtatSceau:
    """Return the state of an officine's seal, in three queries."""
    tetes = list(
        BlocAudit.objects.filter(officine_id=officine_id)
        .order_by("genre", "-rang")
        .distinct("genre")
    )
    derniere = (
        Audit.objects.filter(officine_id=officine_id, acte="journal.verifier")
        .order_by("-quand", "-pk")
        .values_list("quand", "resultat")
        .first()
    )
    return EtatSceau(
        tetes,
        derniere[0] if derniere else None,
        derniere[1] if derniere else "",
        _waits(officine_id, tetes),
    )


def _waits(officine_id: int, tetes: list[BlocAudit]) -> bool:
    """Tell whether a line has waited for more than a minute; older ones are the check's matter.

    One statement, each kind read from its own last bound: what is long sealed is not read again.
    """
    maintenant = timezone.now()
    scelles = {tete.genre: tete for tete in tetes}
    lues = []
    for genre in Audit.Genre.values:
        tete = scelles.get(genre)
        depuis = tete.scelle_le - _MARGE if tete else maintenant - timedelta(days=1)
        lues.append(
            Audit.objects.filter(
                officine_id=officine_id,
                genre=genre,
                quand__gte=depuis,
                quand__lt=maintenant - ALERTE,
                pk__gt=tete.dernier if tete else 0,
            )
            .order_by()
            .values_list("pk")[:1]
        )
    return bool(list(lues[0].union(*lues[1:], all=True)))
