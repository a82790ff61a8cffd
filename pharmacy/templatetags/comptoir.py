"""Filters of our templates; loaded everywhere as builtins."""

from datetime import date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def date_fr(valeur: date | None) -> str:
    """« 22/12/1975 », or a dash when unknown."""
    return valeur.strftime("%d/%m/%Y") if valeur else "—"


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
def masque(matricule: object) -> str:
    """« 2•••••••••••749 »: enough to recognise a matricule, never to copy it (ins.md §1.5)."""
    texte = str(matricule or "")
    return f"{texte[:1]}{'•' * (len(texte) - 4)}{texte[-3:]}" if len(texte) > 4 else "—"
