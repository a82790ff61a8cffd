"""A birth date as a person says it: whole, or completed by rule when they know less."""

import re
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class NaissanceDite:
    """The date kept, and whether a rule completed it."""

    date_naissance: date = field(repr=False)
    interpretee: bool


def parse_said(texte: str) -> NaissanceDite | None:
    """Return « 22/12/1975 », « 22121975 », « 1975-12-22 », « 12/1975 » or « 1975 » as a date.

    Day unknown: the 1st of the month; day and month unknown: 31 December; then it is marked as
    interpreted. None for anything else. Source: ins.md §1.3 (EXI ID 11).
    """
    net = texte.strip()
    entiere = re.fullmatch(r"(\d{1,2})[/. -](\d{1,2})[/. -](\d{4})|(\d{2})(\d{2})(\d{4})", net)
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", net)
    mois = re.fullmatch(r"(\d{1,2})[/. -](\d{4})", net)
    if entiere:
        jour, rang, annee = (g for g in entiere.groups() if g is not None)
        return _said(int(annee), int(rang), int(jour), interpretee=False)
    if iso:
        return _said(*(int(g) for g in iso.groups()), interpretee=False)
    if mois:
        return _said(int(mois[2]), int(mois[1]), 1, interpretee=True)
    if re.fullmatch(r"\d{4}", net):
        return _said(int(net), 12, 31, interpretee=True)
    return None


def _said(annee: int, mois: int, jour: int, *, interpretee: bool) -> NaissanceDite | None:
    try:
        return NaissanceDite(date(annee, mois, jour), interpretee)
    except ValueError:
        return None


def is_possible(jour: date, aujourdhui: date) -> bool:
    """Tell whether somebody may be born that day: from 1870 to today, a newborn included.

    Source: ins.md §1.3 (« Refuse dates in the future and before 1870 »).
    """
    return jour.year >= 1870 and jour <= aujourdhui
