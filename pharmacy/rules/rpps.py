"""The RPPS number of a health professional."""


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
