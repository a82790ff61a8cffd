"""Filters of our templates; loaded everywhere as builtins."""

import math
from datetime import UTC, date, datetime
from itertools import pairwise

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.panels import compteur_patient_list

register = template.Library()


@register.filter
def date_fr(valeur: date | None) -> str:
    """« 22/12/1975 », or a dash when unknown."""
    return valeur.strftime("%d/%m/%Y") if valeur else "—"


@register.filter
def minutes_restantes(jusqua: datetime) -> int:
    """Minutes left before an instant to come, the one under way included."""
    return max(0, math.ceil((jusqua - datetime.now(tz=UTC)).total_seconds() / 60))


@register.simple_tag
def compteurs_patient(patient: Patient, acteur: Acteur) -> list[dict[str, object]]:
    """What waits of this patient, for the band: documents, messages (CTR-14)."""
    return compteur_patient_list(patient, acteur)


@register.filter
def euros(centimes: int | None) -> str:
    """« 12,40 € » from a number of cents."""
    if centimes is None:
        return "—"
    return f"{centimes // 100},{centimes % 100:02d} €"


@register.filter
def par_six(numero: str) -> SafeString:
    """Group a prescription number by six characters, to be read aloud."""
    return format_html("{}", " ".join(numero[i : i + 6] for i in range(0, len(numero), 6)))


@register.filter
def nombre(valeur: object) -> str:
    """A decimal without useless zeros, with a comma."""
    if valeur is None:
        return "—"
    return f"{float(str(valeur)):g}".replace(".", ",")


@register.filter
def jour_lu(texte: str) -> str:
    """« 22/12/1975 » from 1975-12-22; what is no calendar date (lunar) stays as it is written."""
    try:
        return date.fromisoformat(texte).strftime("%d/%m/%Y")
    except ValueError:
        return texte or "—"


@register.filter
def matricule(valeur: str) -> SafeString:
    """« 2 75 12 63 220 749 74 » from fifteen characters; any other length as it is."""
    bornes = (0, 1, 3, 5, 7, 10, 13, 15)
    if len(valeur) != bornes[-1]:
        return format_html("{}", valeur)
    groupes = (valeur[debut:fin] for debut, fin in pairwise(bornes))
    return format_html("{}", "\u202f".join(groupes))


@register.filter
def masque(matricule: object) -> str:
    """« 2•••••••••••749 »: enough to recognise a matricule, never to copy it (ins.md §1.5)."""
    texte = str(matricule or "")
    return f"{texte[:1]}{'•' * (len(texte) - 4)}{texte[-3:]}" if len(texte) > 4 else "—"
