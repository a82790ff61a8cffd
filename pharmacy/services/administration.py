"""The administration mode: ten minutes, opened by a proof, in which no sale is possible (TIT-03).

Theory of operation. A mode belongs to one web session and is a row: closing it, or the end of the
session, ends it at the next request of every tab. The actor carries its deadline, read with their
own row. Whoever proves (a code of ours here, Pro Santé Connect above) gives a `Preuve` to `open`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import ModeAdministration

DUREE = timedelta(minutes=10)
FRAICHEUR = timedelta(seconds=60)


@dataclass(frozen=True)
class Preuve:
    """Who was proved, when, and by what (`ModeAdministration.Moyen`)."""

    operateur_id: int
    moyen: str
    le: datetime


def open(acteur: Acteur, cle: str, preuve: Preuve) -> datetime:  # noqa: A001
    """Open the mode in the session `cle`; return until when.

    PermissionError without the right, for the proof of somebody else, or one older than a minute.
    Source: design.md, « Signing in » (ten minutes, TOTP or PSC); TIT-03.
    """
    decision = peut(acteur, "administration")
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
    maintenant = timezone.now()
    if preuve.operateur_id != acteur.operateur_id or maintenant - preuve.le > FRAICHEUR:
        raise PermissionError("Cette preuve ne vaut plus. Prouvez de nouveau qui vous êtes.")
    ici = ModeAdministration.objects.filter(officine_id=acteur.officine_id)
    with transaction.atomic():
        ici.filter(jusqua__lte=maintenant).delete()
        ici.filter(cle=cle).delete()
        mode = ModeAdministration.objects.create(
            officine_id=acteur.officine_id,
            operateur_id=acteur.operateur_id,
            cle=cle,
            moyen=preuve.moyen,
            jusqua=maintenant + DUREE,
        )
        audit.note(acteur, "administration.ouvrir", precision=preuve.moyen)
    return mode.jusqua


def close(acteur: Acteur, cle: str | None) -> bool:
    """Close the mode of a session: by an act, a lock, a change of operator. Tell if it was open.

    Source: design.md, « Signing in »; TIT-03.
    """
    with transaction.atomic():
        fermes, _ = ModeAdministration.objects.filter(
            officine_id=acteur.officine_id, cle=cle or "", jusqua__gt=timezone.now()
        ).delete()
        if fermes:
            audit.note(acteur, "administration.fermer")
    return bool(fermes)
