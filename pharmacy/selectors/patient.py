"""Search of patients: the officine first, then words in any order (OPS-01, CTR-13)."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.rules.recherche import fold

LIMITE = 12


def _parse_date(mot: str) -> str | None:
    for forme in ("%d/%m/%Y", "%d%m%Y", "%d-%m-%Y"):
        try:
            return (
                datetime.strptime(mot, forme)
                .replace(tzinfo=timezone.get_current_timezone())
                .date()
                .isoformat()
            )
        except ValueError:
            continue
    return None


def patient_search(acteur: Acteur, saisie: str) -> QuerySet[Patient]:
    """Return at most twelve files: every word must be found in a name, or be the birth date.

    A single word is a range on the prefix (indexed under row-level security, which a LIKE is
    not); other words narrow what the first one found.
    """
    trouves = Patient.objects.filter(officine_id=acteur.officine_id, actif=True)
    mots: list[str] = []
    for brut in saisie.split():
        naissance = _parse_date(brut)
        if naissance:
            trouves = trouves.filter(date_naissance=naissance)
        else:
            mots.extend(fold(brut).split())
    if not mots and not any(_parse_date(b) for b in saisie.split()):
        return Patient.objects.none()
    for mot in mots:
        trouves = trouves.filter(recherche__regex=rf"(^| ){mot}")
    return trouves.order_by("nom_naissance", "premier_prenom", "pk")[:LIMITE]
