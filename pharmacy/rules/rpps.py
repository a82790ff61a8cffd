"""The RPPS number of a health professional."""

import re

_SEPARATEURS = re.compile(r"[\s.\-]")


def is_rpps(texte: str) -> bool:
    """Tell whether `texte` is a RPPS: eleven digits that pass the Luhn check.

    >>> is_rpps("10100000032"), is_rpps("10100000033"), is_rpps("1010000003")
    (True, False, False)

    Source: ordonnance.md §2.5, « prescriber ».
    """
    if not (len(texte) == 11 and texte.isascii() and texte.isdigit()):
        return False
    doubles = (sum(divmod(2 * int(c), 10)) for c in texte[-2::-2])
    return (sum(doubles) + sum(int(c) for c in texte[::-2])) % 10 == 0


def read_rpps(texte: str) -> str | None:
    """Return the eleven digits of a RPPS as typed, « 8 » before it or not; None for another length.

    The key is not looked at: a wrong one is a warning, `is_rpps` tells it.

    >>> read_rpps("8 10100000032"), read_rpps("10100000032"), read_rpps("1010000003")
    ('10100000032', '10100000032', None)

    Spaces, dots and hyphens are left out. Source: psc.md §3.3, « Operator sheet fields »; case 22.
    """
    chiffres = _SEPARATEURS.sub("", texte)
    if len(chiffres) == 12 and chiffres[0] == "8":
        chiffres = chiffres[1:]
    return chiffres if len(chiffres) == 11 and chiffres.isascii() and chiffres.isdigit() else None
