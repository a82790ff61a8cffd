"""Birth dates: as the Assurance Maladie codes them or as a person types them; completed by rule."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class DateLue:
    """A date, and whether it had to be interpreted."""

    jour: date
    interpretee: bool


def parse_birth(brut: str) -> DateLue | None:
    """Return the date of « AAAA-MM-JJ » or « AAAAMMJJ », completed when it is not of the calendar.

    Day unknown: the 1st; month unknown: January; both: 31 December. None without a usable year.
    Source: ins.md §1.3 (EXI ID 11).
    """
    chiffres = brut.replace("-", "")
    if not (len(chiffres) == 8 and chiffres.isascii() and chiffres.isdigit()):
        return None
    annee, mois, jour = int(chiffres[:4]), int(chiffres[4:6]), int(chiffres[6:])
    if not 1870 <= annee <= 9998:
        return None
    mois_connu = 1 <= mois <= 12
    jour_connu = 1 <= jour <= (monthrange(annee, mois)[1] if mois_connu else 31)
    if mois_connu and jour_connu:
        return DateLue(date(annee, mois, jour), interpretee=False)
    if not mois_connu and not jour_connu:
        return DateLue(date(annee, 12, 31), interpretee=True)
    if not mois_connu:
        return DateLue(date(annee, 1, jour), interpretee=True)
    return DateLue(date(annee, mois, 1), interpretee=True)


def read_typed(texte: str) -> DateLue | None:
    """Return the date a person typed: whole, or « 05/1962 » or « 1962 » when no more is known.

    What is missing (or « 00 ») is completed by the same rule, and marked; a mistake is not: None,
    as for anything else. Source: ins.md §1.3 (EXI ID 11), case 40.
    """
    net = texte.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", net, re.ASCII):
        net = f"{net[8:]}/{net[5:7]}/{net[:4]}"
    morceaux = re.fullmatch(r"(?:(?:(\d{2})[/ .-]?)?(\d{2})[/ .-]?)?(\d{4})", net, re.ASCII)
    if morceaux is None:
        return None
    jour, mois, annee = morceaux.groups(default="00")
    lue = parse_birth(f"{annee}{mois}{jour}")
    if lue is None or int(mois) > 12 or int(jour) > 31:
        return None
    return None if lue.interpretee and "00" not in {jour, mois} else lue


def is_possible(jour: date, aujourdhui: date) -> bool:
    """Tell whether somebody may be born that day: from 1870 to today, a newborn included.

    Source: ins.md §1.3 (« Refuse dates in the future and before 1870 »).
    """
    return jour.year >= 1870 and jour <= aujourdhui
