"""Copies of identity documents: none by default; wanted by the titulaire, they are short-lived.

Source: INS-37; ins.md §2.3. Legal basis and duration are an open question (ins.md §7, 18): off by
default, and the longest is five years.
"""

from datetime import date

TAILLE_MAX = 5_000_000  # bytes
MOIS_MAX = 60
# Days that a copy outlives its document: as long as a merge may be undone and give it back.
JOURS_SANS_PREUVE = 30
_DEBUTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
)


def kind_of(octets: bytes) -> str:
    """Return the media type that the content itself announces, or an empty text.

    The name and the type that a browser gives are not looked at. Source: INS-37 (our decision).
    """
    return next((genre for debut, genre in _DEBUTS if octets.startswith(debut)), "")


def purge_day(prise: date, mois: int) -> date:
    """Return the day a copy is deleted: `mois` months later, the last day of a shorter month.

    Never more than five years, whatever is asked. Source: INS-37.
    """
    rang = prise.year * 12 + prise.month - 1 + min(mois, MOIS_MAX)
    annee, mois_final = divmod(rang, 12)
    for jour in (prise.day, 30, 29):
        try:
            return date(annee, mois_final + 1, jour)
        except ValueError:
            continue
    return date(annee, mois_final + 1, 28)
